"""The parts of the kernel's side that need no kernel: numbers of packets, lines of setups, marks, words."""

import pytest

from pystack.compare.lab.kernel_side_numbers import PacketNumbers
from pystack.compare.lab.kernel_side_setup import failing_line, namespaces_of
from pystack.compare.lab.kernel_side_state import fdb_text, neigh_text
from pystack.compare.lab.kernel_side_tables import leaves_marks
from pystack.compare.lab.readback import FdbEntry, Neighbour
from tests import bridge6
from tests.compare.lab.packets import BR0, HOST_A, HOST_B, echo, ethernet, ipv4, ping, udp, who_has

IP = 0x0800
ARP = 0x0806
IP6 = 0x86DD


def packet(saddr: str = "10.0.0.5", daddr: str = "10.1.0.2", *, ttl: int = 64, ident: int = 7) -> bytes:
    return ipv4(saddr, daddr, 1, echo(), ttl=ttl, ident=ident)


# --- which packet it is -------------------------------------------------------------------------------------


def test_packets_are_numbered_in_the_order_in_which_they_are_seen() -> None:
    numbers = PacketNumbers()
    seen = [packet(ident=1), packet(ident=2), packet(ident=1), packet(ident=3)]
    assert [numbers.of(IP, data) for data in seen] == [1, 2, 1, 3]


def test_what_enters_by_a_port_is_always_a_new_packet() -> None:
    numbers = PacketNumbers()
    assert numbers.of(IP, packet(), entered=True) == 1
    assert numbers.of(IP, packet()) == 1
    assert numbers.of(IP, packet(), entered=True) == 2
    assert numbers.of(IP, packet()) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (packet(), packet(ttl=63)),
        (packet(), packet("10.1.0.1")),
        (packet(), packet(daddr="10.1.0.77")),
        (
            ipv4("10.0.0.5", "10.1.0.2", 17, udp(5, 53, b"x")),
            ipv4("10.1.0.1", "10.1.0.2", 17, udp(1024, 53, b"x")),
        ),
        (
            ipv4("10.0.0.5", "10.1.0.2", 6, bytes([0, 5, 0, 80]) + bytes(16)),
            ipv4("10.0.0.5", "10.1.0.3", 6, bytes([0, 5, 0, 81]) + bytes(16)),
        ),
    ],
    ids="ttl snat dnat udp-ports tcp-ports".split(),
)
def test_a_packet_that_is_changed_on_its_way_stays_the_same(before: bytes, after: bytes) -> None:
    numbers = PacketNumbers()
    assert numbers.of(IP, before) == numbers.of(IP, after) == 1


@pytest.mark.parametrize(
    "other",
    [
        ipv4("10.1.0.2", "10.0.0.5", 1, echo(kind=0)),
        ipv4("10.0.0.5", "10.1.0.2", 1, echo(2)),
        packet(ident=8),
        ipv4("10.0.0.5", "10.1.0.2", 17, udp(5, 53, b"x")),
    ],
    ids="answer next-of-a-row other-id other-protocol".split(),
)
def test_another_packet_is_told_apart(other: bytes) -> None:
    numbers = PacketNumbers()
    assert [numbers.of(IP, packet()), numbers.of(IP, other)] == [1, 2]


def test_what_is_made_again_where_packets_begin_is_another_packet() -> None:
    numbers = PacketNumbers()
    asked = who_has(BR0, "10.0.0.1", "10.0.0.9")[14:]
    assert [numbers.of(ARP, asked, origin=3), numbers.of(ARP, asked)] == [1, 1]
    assert [numbers.of(ARP, asked, origin=3), numbers.of(ARP, asked)] == [2, 2]


def test_a_packet_that_begins_elsewhere_too_is_still_the_same() -> None:
    """A flood reaches the devices behind each port: each of them is another beginning."""
    numbers = PacketNumbers()
    assert [numbers.of(IP, packet(), origin=place) for place in (1, 2, 3)] == [1, 1, 1]


def test_a_whole_has_the_number_of_its_last_fragment_and_fragments_that_of_their_whole() -> None:
    whole = echo()
    first = ipv4("10.0.0.5", "10.1.0.2", 1, whole[:24], fragment=0x2000)
    last = ipv4("10.0.0.5", "10.1.0.2", 1, whole[24:], fragment=3)
    numbers = PacketNumbers()
    assert [numbers.of(IP, part, entered=True) for part in (first, last)] == [1, 2]
    assert numbers.of(IP, packet()) == 2
    smaller = ipv4("10.0.0.5", "10.1.0.2", 1, whole[:16], fragment=0x2000)
    assert numbers.of(IP, smaller) == 2


def test_a_packet_of_ipv6_keeps_its_number_through_nat_and_fragments() -> None:
    whole = bridge6.packet(bridge6.udp(bytes(range(64))), 17)
    changed = bridge6.packet(bridge6.udp(bytes(range(64)), dport=99), 17, bridge6.NETWORK | 5)
    first, last = bridge6.fragments(whole, 40)
    numbers = PacketNumbers()
    assert [numbers.of(IP6, part, entered=True) for part in (first, last)] == [1, 2]
    assert [numbers.of(IP6, part) for part in (whole, changed, first)] == [2, 2, 1]
    assert [numbers.of(IP6, part) for part in bridge6.fragments(whole, 24, id=9)] == [2, 2]
    assert numbers.of(IP6, bridge6.packet(bridge6.udp(b"else"), 17), entered=True) == 3


@pytest.mark.parametrize("kind", [128, 1])
def test_icmpv6_keeps_its_number_through_nat(kind: int) -> None:
    message = bytes((kind, 0, 0, 0, 0, 7, 0, 1)) + b"ping"
    numbers = PacketNumbers()
    assert numbers.of(IP6, bridge6.packet(message, 58), entered=True) == 1
    other = message[:4] + b"\0\x09" + message[6:]
    assert numbers.of(IP6, bridge6.packet(other, 58, bridge6.NETWORK | 5)) == 1


@pytest.mark.parametrize("data", [b"", b"\x45", bytes(20), b"\x4f" + bytes(19), b"\x45" + bytes(19)])
def test_bytes_that_are_no_packet_have_a_number_too(data: bytes) -> None:
    assert PacketNumbers().of(IP, data) == 1


# --- where a setup failed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "ran", "expected"),
    [
        (["a 1", "b", "c"], ["a 1", "b"], 1),
        (["a", "a", "a"], ["a", "a"], 1),
        (["a; a; b", "a"], ["a", "a", "b"], 0),
        (["for p in x y; do", "  ip link set $p up", "done"], ["ip link set x up", "ip link set y up"], 1),
        (["for p in x y; do", "  a $p; b ${p}", "done"], ["a x", "b x", "a y", "b y"], 1),
        (["a  'one two'", "b"], ["a one two", "b"], 1),
        (["", "# b", "b"], ["b"], 2),
        (["x=$(date)"], ["something else"], 0),
        ([], [], 0),
    ],
)
def test_the_line_of_the_last_command_is_found(lines: list[str], ran: list[str], expected: int) -> None:
    assert failing_line(lines, ran) == expected


def test_namespaces_are_found_in_a_setup() -> None:
    setup = "ip netns add a\nip link add v0 type veth peer name v1 netns a; ip  netns add b\nip netns add a\n"
    assert namespaces_of(setup) == ["", "a", "b"]


# --- what leaves marks --------------------------------------------------------------------------------------

IGMP = ipv4("10.0.0.5", "224.0.0.22", 2, bytes(8))
REDIRECT = ipv4("10.0.0.5", "10.0.0.1", 1, bytes([5, 1, 0, 0, 0, 0, 0, 0]))
PORT_UNREACHABLE = ipv4("10.0.0.5", "10.0.0.1", 1, bytes([3, 3, 0, 0, 0, 0, 0, 0]))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (ping(BR0, HOST_A, "10.0.0.5", "10.0.0.1"), False),
        (who_has(HOST_A, "10.0.0.5", "10.0.0.1"), False),
        (ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.0.0.1", 17, udp(1, 2, b""))), False),
        (ethernet(BR0, HOST_A, IGMP), True),
        (ethernet(BR0, HOST_A, b"\0\x05\x08\0" + IGMP, 0x8100), True),
        (ethernet(BR0, HOST_A, REDIRECT), True),
        (ethernet(BR0, HOST_A, PORT_UNREACHABLE), True),
        (ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.0.0.1", 17, bytes(8), fragment=0x2000)), True),
        (ethernet(BR0, HOST_A, bridge6.fragments(bridge6.packet(bytes(40), 17), 16)[0], IP6), True),
        (ethernet(BR0, HOST_A, bridge6.packet(bytes(40), 17), IP6), False),
        (ethernet(bytes.fromhex("0180c2000000"), HOST_B, bytes(46), 38), True),
        (b"", False),
        (ethernet(BR0, HOST_A, IGMP[:12]), False),
        (ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.0.0.1", 1, b"")), False),
    ],
)
def test_a_frame_that_leaves_something_for_good_is_known(frame: bytes, expected: bool) -> None:
    assert leaves_marks([frame]) is expected


# --- words --------------------------------------------------------------------------------------------------

NAMES = {2: "tap1", 5: "br0"}


def test_forwarding_entries_read_as_the_tool_writes_them() -> None:
    entries = [
        FdbEntry(2, HOST_A, 5, 0, 0x02, 0),
        FdbEntry(2, HOST_A, 5, 0, 0x40, 0x40),
        FdbEntry(2, HOST_A, 5, 7, 0x80, 0),
        FdbEntry(2, HOST_A, 0, 0, 0x80, 0x02),
    ]
    assert fdb_text(entries, NAMES) == (
        "02:aa:00:00:00:01 dev tap1 master br0 \n"
        "02:aa:00:00:00:01 dev tap1 sticky master br0 static\n"
        "02:aa:00:00:00:01 dev tap1 vlan 7 master br0 permanent\n"
        "02:aa:00:00:00:01 dev tap1 self permanent\n"
    )


def test_neighbours_read_as_the_tool_writes_them() -> None:
    entries = [
        Neighbour(5, 2, "10.0.0.9", HOST_A, 0x80, 0),
        Neighbour(5, 2, "10.0.0.8", HOST_A, 0x04, 0x80),
        Neighbour(5, 2, "10.0.0.7", b"", 0x01, 0),
        Neighbour(5, 2, "224.0.0.1", HOST_A, 0x40, 0),
    ]
    assert neigh_text(entries, NAMES) == (
        "10.0.0.9 dev br0 lladdr 02:aa:00:00:00:01 PERMANENT \n"
        "10.0.0.8 dev br0 lladdr 02:aa:00:00:00:01 router STALE \n"
        "10.0.0.7 dev br0 INCOMPLETE \n"
    )
