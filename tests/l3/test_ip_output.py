"""Packets of our own on their way out."""

import pytest

from pystack.errors import ENETUNREACH, NetError
from pystack.netfilter.hooks import OUTPUT, POSTROUTING, HookState
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.packet import PACKET_LOOPBACK, Packet
from pystack.sock.raw import RawSocket
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IP_DF
from tests.alice import BoxWithAlice
from tests.frames import ALICE_IP, ALICE_MAC, OUR_IP, OUR_MAC, ip, parsed_ip


class Host(BoxWithAlice):
    """eth0 10.0.0.1/24 with Alice, whom we know, and a raw socket."""

    def __init__(self) -> None:
        super().__init__()
        self.sock: RawSocket = self.ns.raw.open(99)

    def out(self, payload: bytes, to: int = ALICE_IP) -> list[bytes]:
        self.sock.send_to(payload, to)
        self.settle()
        self.assert_every_packet_is_accounted_for()
        return self.sent(self.eth0)


def test_a_packet_of_ours_is_whole_and_addressed() -> None:
    box = Host()
    (frame,) = box.out(b"hello")
    header = parsed_ip(frame)
    assert frame[:14] == ALICE_MAC + OUR_MAC + b"\x08\x00"
    assert (header.saddr, header.daddr, header.protocol, header.tot_len) == (OUR_IP, ALICE_IP, 99, 25)
    assert (header.ttl, header.frag_off) == (64, IP_DF)
    assert frame[34:] == b"hello"
    snmp = box.ns.snmp
    assert (snmp.Ip.OutRequests, snmp.IpExt.OutOctets) == (1, 25)


def test_identifications_rise_and_are_never_zero() -> None:
    box = Host()
    box.ns.ipv4.output._next_id = 0xFFFD
    idents = [parsed_ip(box.out(b"")[0]).id for _ in range(4)]
    assert idents == [0xFFFE, 0xFFFF, 1, 2]


def test_a_packet_to_ourselves_takes_the_loopback() -> None:
    box = Host()
    assert box.out(b"hello", OUR_IP) == []
    assert box.ns.loopback.stats.tx_packets == 1
    received = box.sock.recv()
    assert received is not None
    assert received.data[20:] == b"hello"


def test_without_a_way_nothing_is_made() -> None:
    box = Host()
    with pytest.raises(NetError) as error:
        box.sock.send_to(b"", ip("8.8.8.8"))
    assert error.value.number == ENETUNREACH
    assert box.ns.snmp.Ip.OutRequests == 0
    box.assert_every_packet_is_accounted_for()


@pytest.mark.parametrize(("length", "cut"), [(1480, 1), (1481, 2), (2960, 2), (2961, 3), (20000, 14)])
def test_what_does_not_fit_is_cut(length: int, cut: int) -> None:
    box = Host()
    payload = bytes(number & 0xFF for number in range(length))
    frames = box.out(payload)
    headers = [parsed_ip(frame) for frame in frames]
    assert len(frames) == cut
    assert all(len(frame) <= 1514 for frame in frames)
    assert b"".join(frame[34:] for frame in frames) == payload
    assert [header.frag_off & 0x1FFF for header in headers] == [185 * number for number in range(cut)]
    assert [bool(header.frag_off & 0x2000) for header in headers] == [True] * (cut - 1) + [False]
    assert len({header.id for header in headers}) == 1
    assert box.ns.snmp.Ip.FragCreates == (cut if cut > 1 else 0)


def test_a_packet_that_may_not_be_cut_is_dropped() -> None:
    box = Host()
    box.ns.hooks.ip[OUTPUT].register(forbid_cutting, 0, "df")
    assert box.out(bytes(2000)) == []
    assert box.drops()["PKT_TOO_BIG"] == 1
    assert box.ns.snmp.Ip.FragFails == 1


def forbid_cutting(pkt: Packet, state: object) -> int:
    assert pkt.ip is not None
    pkt.ip.frag_off |= IP_DF
    return NF_ACCEPT


def test_a_broadcast_leaves_and_comes_back_to_ourselves() -> None:
    box = Host()
    box.sock.broadcast = True
    (frame,) = box.out(b"hello", ip("10.0.0.255"))
    assert frame[:6] == BROADCAST
    received = box.sock.recv()
    assert received is not None
    assert received.data[20:] == b"hello"
    ext = box.ns.snmp.IpExt
    assert (ext.OutBcastPkts, ext.OutBcastOctets, ext.InBcastPkts) == (1, 25, 1)


def test_a_group_we_are_in_hears_us_and_we_ourselves() -> None:
    box = Host()
    box.sock.bind_to_device("eth0")
    seen: list[int] = []
    box.eth0.add_tap(lambda pkt, outgoing: seen.append(pkt.pkt_type))
    (frame,) = box.out(b"hello", ip("224.0.0.1"))
    assert frame[:6].hex() == "01005e000001"
    assert parsed_ip(frame).ttl == 1
    assert box.sock.recv() is not None
    assert PACKET_LOOPBACK in seen
    ext = box.ns.snmp.IpExt
    assert (ext.OutMcastPkts, ext.InMcastPkts) == (1, 1)


def test_a_group_we_are_not_in_hears_us_alone() -> None:
    box = Host()
    box.sock.bind_to_device("eth0")
    assert len(box.out(b"hello", ip("224.0.0.9"))) == 1
    assert box.sock.recv() is None


def test_a_full_neighbour_table_costs_the_packet() -> None:
    box = Host()
    for name in ("gc_thresh2", "gc_thresh3"):
        box.sysctl(f"net.ipv4.neigh.default.{name}", "0")
    assert box.out(b"", ip("10.0.0.77")) == []
    assert box.drops() == {"NEIGH_CREATEFAIL": 1}


def test_a_packet_that_lost_its_route_is_dropped_and_not_lost() -> None:
    box = Host()
    path = box.ns.ipv4.output
    box.host.outcomes.generated += 4
    for step in (path.ip_local_out, path.ip_output, path.ip_mc_output, path.ip_finish_output):
        step(Packet(bytearray(60), box.eth0))
    assert box.drops() == {"IP_OUTNOROUTES": 4}
    box.assert_every_packet_is_accounted_for()


def test_both_copies_of_a_broadcast_cross_postrouting() -> None:
    """Measured on the kernel: it is logged twice."""
    box = Host()
    box.sock.broadcast = True
    crossed: list[str] = []

    def watch(pkt: Packet, state: HookState) -> int:
        crossed.append(state.outdev.name if state.outdev else "")
        return NF_ACCEPT

    box.ns.hooks.ip[POSTROUTING].register(watch, 0, "watch")
    box.out(b"hello", ip("10.0.0.255"))
    assert crossed == ["eth0", "eth0"]


def test_a_group_packet_without_time_stays_at_home() -> None:
    box = Host()
    box.sock.bind_to_device("eth0")

    def end(pkt: Packet, state: HookState) -> int:
        assert pkt.ip is not None
        pkt.ip.ttl = 0
        return NF_ACCEPT

    box.ns.hooks.ip[OUTPUT].register(end, 0, "end")
    assert box.out(b"hello", ip("224.0.0.1")) == []
    assert box.sock.recv() is not None
