"""The kernel plays scenarios: every hop in its order, every frame, and nothing left for the next one."""

import os
import re
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.kernel_side_drops import INSTANCES, PREFIX, drop_tracer
from pystack.compare.lab.side import STATES, SideError
from pystack.compare.records import Captured, Frame, Hop, Log, Output, Record, State
from pystack.compare.scenario import Run, Scenario, Send, Start, Station, Step, Stop, Topology, Wait
from tests.compare.lab.leftovers import has_ended
from tests.compare.lab.packets import (
    BR0,
    BROADCAST,
    HOST_A,
    HOST_B,
    echo,
    ethernet,
    ipv4,
    ping,
    udp,
    who_has,
)
from tests.compare.lab.patience import wait_until

pytestmark = pytest.mark.root

PORTS = ("tap1", "tap2", "tap3")
BRIDGE = """\
ip link add br0 type bridge
ip link set tap1 up master br0
ip link set tap2 up master br0
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
"""
QUIET_NEIGHBOURS = """\
ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:01 dev br0
ip neigh add 10.0.0.6 lladdr 02:aa:00:00:00:02 dev br0
"""
TWO_BRIDGES = (
    BRIDGE
    + QUIET_NEIGHBOURS
    + """\
ip link add br1 type bridge
ip link set tap3 up master br1
ip link set br1 up
ip addr add 10.1.0.1/24 dev br1
ip neigh add 10.1.0.2 lladdr 02:aa:00:00:00:03 dev br1
sysctl -wq net.ipv4.ip_forward=1
"""
)
ROUTER = (
    BRIDGE
    + QUIET_NEIGHBOURS
    + """\
ip link set tap3 up
ip addr add 10.1.0.1/24 dev tap3
ip neigh add 10.1.0.2 lladdr 02:aa:00:00:00:03 dev tap3
sysctl -wq net.ipv4.ip_forward=1
"""
)
NOCALL = "sysctl -wq net.bridge.bridge-nf-call-iptables=0\n"
A_TO_B = ping(HOST_B, HOST_A, "10.0.0.5", "10.0.0.6")
B_TO_A = ping(HOST_A, HOST_B, "10.0.0.6", "10.0.0.5")
STATION = Station("b", "tap2", HOST_B, (int.from_bytes(socket.inet_aton("10.0.0.6"), "big"),))


def scenario(
    setup: str, *steps: Step, stations: Sequence[Station] = (), capture: Sequence[str] = ()
) -> Scenario:
    return Scenario(
        "a.toml",
        "a test",
        Topology(PORTS, setup),
        steps,
        stations=tuple(stations),
        capture=tuple(capture),
        step_lines=tuple(range(101, 101 + len(steps))),
        setup_line=5,
        capture_line=3,
    )


def send(port: str, *frames: bytes) -> Send:
    return Send(port, frames, "")


@pytest.fixture
def side() -> Iterator[KernelSide]:
    with KernelSide() as kernel:
        yield kernel


def hops(records: Sequence[Record], packet: int) -> list[Hop]:
    return [record for record in records if isinstance(record, Hop) and record.packet == packet]


def path(records: Sequence[Record], packet: int) -> list[str]:
    """The hooks that a packet met, each where it was first met."""
    return list(dict.fromkeys(f"{hop.family} {hop.hook}" for hop in hops(records, packet)))


def out(records: Sequence[Record]) -> list[tuple[str, bytes]]:
    return [(r.port, r.data) for r in records if isinstance(r, Frame) and r.dir == "out"]


def output(records: Sequence[Record]) -> str:
    (found,) = [record for record in records if isinstance(record, Output)]
    return found.text


def state(records: Sequence[Record], what: str) -> str:
    (found,) = [record for record in records if isinstance(record, State) and record.what == what]
    return found.text


# --- hop order: what was measured with LOG rules, the probes show too ---------------------------------------

IN = ["netdev INGRESS", "bridge PREROUTING"]
LEFT = ["netdev EGRESS"]
BRIDGED = [
    *IN,
    "ip PREROUTING",
    "bridge FORWARD",
    "ip FORWARD",
    "bridge POSTROUTING",
    "ip POSTROUTING",
    *LEFT,
]
TO_US = [*IN, "ip PREROUTING", "bridge INPUT", "ip INPUT"]
FROM_US = ["ip OUTPUT", "ip POSTROUTING", "bridge OUTPUT", "bridge POSTROUTING", *LEFT]
ROUTED = [*IN, "ip PREROUTING", "bridge INPUT", "ip FORWARD", "ip POSTROUTING"]


def without_call(hooks: list[str]) -> list[str]:
    """bridge-nf-call-iptables=0: ip PREROUTING comes when the bridge is done."""
    at = hooks.index("bridge INPUT")
    return [*IN, "bridge INPUT", "ip PREROUTING", *hooks[at + 1 :]]


@pytest.mark.parametrize(
    ("setup", "frame", "expected"),
    [
        (BRIDGE, A_TO_B, [BRIDGED]),
        (BRIDGE + NOCALL, A_TO_B, [[*IN, "bridge FORWARD", "bridge POSTROUTING", *LEFT]]),
        (TWO_BRIDGES, ping(BR0, HOST_A, "10.0.0.5", "10.0.0.1"), [TO_US, FROM_US]),
        (TWO_BRIDGES + NOCALL, ping(BR0, HOST_A, "10.0.0.5", "10.0.0.1"), [without_call(TO_US), FROM_US]),
        (TWO_BRIDGES, ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2"), [[*ROUTED, *FROM_US[2:]]]),
        (
            TWO_BRIDGES + NOCALL,
            ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2"),
            [[*without_call(ROUTED), *FROM_US[2:]]],
        ),
        (ROUTER, ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2"), [[*ROUTED, *LEFT]]),
        (
            BRIDGE,
            ping(BROADCAST, HOST_A, "10.0.0.5", "10.0.0.255"),
            [[*BRIDGED, "bridge INPUT", "ip INPUT"]],
        ),
        (
            BRIDGE,
            who_has(HOST_A, "10.0.0.5", "10.0.0.1"),
            [
                [*IN, "bridge FORWARD", "bridge POSTROUTING", *LEFT, "bridge INPUT", "arp INPUT"],
                ["arp OUTPUT", "bridge OUTPUT", "bridge POSTROUTING", *LEFT],
            ],
        ),
    ],
    ids="1-7 1-7-nocall 1-4 1-4-nocall 1-2-8 1-2-8-nocall 1-6 broadcast arp".split(),
)
def test_hops_come_in_the_order_that_log_rules_showed(
    side: KernelSide, setup: str, frame: bytes, expected: list[list[str]]
) -> None:
    records = side.play(scenario(setup, send("tap2", B_TO_A), send("tap1", frame)))
    of_step = [record for record in records if isinstance(record, Hop) and record.step == 2]
    numbers = list(dict.fromkeys(hop.packet for hop in of_step))
    assert [path(records, number) for number in numbers] == expected
    for number in numbers:
        assert all(map(climbs, of_one_hook(hops(records, number))))


def of_one_hook(seen: list[Hop]) -> list[list[int]]:
    """The priorities at which a packet was seen, for each way through a hook."""
    runs: dict[tuple[str | None, ...], list[int]] = {}
    for hop in seen:
        key = (hop.family, hop.hook, hop.indev, hop.outdev, hop.physout)
        runs.setdefault(key, []).append(hop.priority)
    return list(runs.values())


def climbs(priorities: list[int]) -> bool:
    return sorted(set(priorities)) == priorities


def test_packets_of_a_local_process_to_itself_pass_lo(side: KernelSide) -> None:
    records = side.play(scenario("ip link set lo up\n" + BRIDGE, Run("ping -c1 -W1 10.0.0.1")))
    round_trip = ["ip OUTPUT", "ip POSTROUTING", "ip PREROUTING", "ip INPUT"]
    assert [path(records, 1), path(records, 2), path(records, 3)] == [round_trip, round_trip, []]
    assert {hop.indev for hop in hops(records, 1) if hop.hook == "INPUT"} == {"lo"}


# --- what a hop carries -------------------------------------------------------------------------------------


def test_a_bridged_packet_carries_ports_and_the_bridge_as_log_lines_have_them(side: KernelSide) -> None:
    records = side.play(scenario(BRIDGE, send("tap2", B_TO_A), send("tap1", A_TO_B)))
    seen = {
        f"{hop.family} {hop.hook}": (hop.indev, hop.outdev, hop.physin, hop.physout)
        for hop in hops(records, 2)
    }
    assert seen == {
        "netdev INGRESS": ("tap1", None, None, None),
        "bridge PREROUTING": ("tap1", None, None, None),
        "ip PREROUTING": ("br0", None, "tap1", None),
        "bridge FORWARD": ("tap1", "tap2", None, None),
        "ip FORWARD": ("br0", "br0", "tap1", "tap2"),
        "bridge POSTROUTING": (None, "tap2", None, None),
        "ip POSTROUTING": (None, "br0", None, "tap2"),
        "netdev EGRESS": (None, "tap2", None, None),
    }


def test_a_hop_begins_where_its_point_says(side: KernelSide) -> None:
    records = side.play(scenario(BRIDGE, send("tap2", B_TO_A), send("tap1", A_TO_B)))
    for hop in hops(records, 2):
        assert hop.data == (A_TO_B[14:] if hop.family == "ip" else A_TO_B)


def test_what_the_stack_sends_through_a_bridge_is_seen_with_its_link_header(side: KernelSide) -> None:
    frame = ping(BR0, HOST_A, "10.0.0.5", "10.0.0.1")
    records = side.play(scenario(BRIDGE + QUIET_NEIGHBOURS, send("tap1", frame)))
    (sent,) = [data for _, data in out(records)]
    assert {hop.data for hop in hops(records, 2) if hop.family == "bridge"} == {sent}
    assert [at for at in path(records, 2) if "bridge" in at] == ["bridge OUTPUT", "bridge POSTROUTING"]


def test_marks_and_rewriting_are_seen_between_the_points(side: KernelSide) -> None:
    rule = "iptables-legacy -t mangle -A FORWARD -j MARK --set-mark 7\n"
    records = side.play(scenario(ROUTER + rule, send("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2"))))
    marks = {(hop.hook, hop.priority): hop.mark for hop in hops(records, 1) if hop.family == "ip"}
    assert (marks["FORWARD", -450], marks["FORWARD", -120], marks["POSTROUTING", -450]) == (0, 7, 7)
    ttls = {hop.hook: hop.data[8] for hop in hops(records, 1) if hop.family == "ip"}
    assert ttls == {"PREROUTING": 64, "FORWARD": 63, "POSTROUTING": 63}


def test_the_last_hop_says_in_which_table_a_packet_was_lost(side: KernelSide) -> None:
    rule = "iptables-legacy -t mangle -A FORWARD -p icmp -j DROP\n"
    records = side.play(scenario(ROUTER + rule, send("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2"))))
    last = hops(records, 1)[-1]
    assert (last.family, last.hook, last.priority) == ("ip", "FORWARD", -450)
    assert out(records) == []


def test_the_last_hop_says_why_the_kernel_dropped_a_packet(side: KernelSide) -> None:
    if (tracer := drop_tracer()) is None:
        pytest.skip("this machine has no tracefs for us")
    tracer.close()
    rule = "nft 'add table ip t; add chain ip t c { type filter hook forward priority 0; policy drop; }'\n"
    frames = [
        ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2"),
        ping(BR0[:5] + b"\x02", HOST_A, "10.0.0.5", "10.0.0.1"),
    ]
    records = side.play(scenario(ROUTER + rule + NOCALL, send("tap1", *frames)))
    lasts = [hops(records, 1)[-1], hops(records, 2)[-1]]
    assert [(last.hook, last.verdict, last.reason) for last in lasts] == [
        ("FORWARD", "drop", "NETFILTER_DROP"),
        ("INPUT", "drop", "OTHERHOST"),
    ]
    assert {hop.verdict for hop in hops(records, 1)[:-1]} == {None}


def test_a_trace_is_taken_away_and_so_is_what_a_killed_process_left() -> None:
    if (tracer := drop_tracer()) is None:
        pytest.skip("this machine has no tracefs for us")
    tracer.close()
    left = INSTANCES / f"{PREFIX}{2**30}-1"  # no process has this number
    left.mkdir()
    with KernelSide() as side:
        side.open(Topology(PORTS, ""))
        assert len(list(INSTANCES.glob(f"{PREFIX}{os.getpid()}-*"))) == 1
    assert not left.exists()
    assert list(INSTANCES.glob(f"{PREFIX}{os.getpid()}-*")) == []


# --- which packet a hop belongs to --------------------------------------------------------------------------


def test_the_same_frame_sent_again_is_another_packet(side: KernelSide) -> None:
    records = side.play(scenario(BRIDGE + NOCALL, send("tap2", B_TO_A), send("tap1", A_TO_B, A_TO_B, A_TO_B)))
    lengths = [len(hops(records, number)) for number in (2, 3, 4, 5)]
    assert lengths == [lengths[0]] * 3 + [0]


def test_a_packet_that_waited_for_a_neighbour_keeps_its_number(side: KernelSide) -> None:
    setup = ROUTER + "ip neigh del 10.1.0.2 dev tap3\n"
    station = Station("c", "tap3", HOST_B, (int.from_bytes(socket.inet_aton("10.1.0.2"), "big"),))
    forwarded = ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2")
    records = side.play(scenario(setup, send("tap1", forwarded), stations=[station]))
    assert path(records, 1) == [*ROUTED, *LEFT]
    assert path(records, 2) == ["arp OUTPUT", *LEFT]
    assert path(records, 3) == ["netdev INGRESS", "arp INPUT"]
    assert "ip FORWARD" in path(records, 4)  # the station's answer


def test_a_packet_keeps_its_number_through_nat(side: KernelSide) -> None:
    rule = "iptables-legacy -t nat -A POSTROUTING -o tap3 -j MASQUERADE\n"
    records = side.play(scenario(ROUTER + rule, send("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2"))))
    assert path(records, 1) == [*ROUTED, *LEFT]
    assert hops(records, 1)[-1].data[26:30] == socket.inet_aton("10.1.0.1")
    assert "src=10.0.0.5 dst=10.1.0.2" in state(records, "conntrack")


def test_fragments_put_together_keep_the_number_of_the_last(side: KernelSide) -> None:
    track = "iptables-legacy -A FORWARD -m conntrack --ctstate NEW\n"
    whole = echo()
    first = ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.1.0.2", 1, whole[:24], fragment=0x2000))
    second = ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.1.0.2", 1, whole[24:], fragment=3))
    records = side.play(scenario(ROUTER + track, send("tap1", first, second)))
    assert "ip FORWARD" not in path(records, 1)
    assert path(records, 2) == [*ROUTED, *LEFT]


# --- everything else that is seen ---------------------------------------------------------------------------


def test_stations_answer_while_a_command_runs(side: KernelSide) -> None:
    records = side.play(scenario(BRIDGE, Run("ping -c1 -W5 10.0.0.6"), stations=[STATION]))
    assert "1 packets transmitted, 1 received" in output(records)
    assert [(r.port, r.data[12:14].hex()) for r in records if isinstance(r, Frame) and r.dir == "in"] == [
        ("tap2", "0806"),
        ("tap2", "0800"),
    ]


def test_stations_answer_what_a_frame_causes(side: KernelSide) -> None:
    records = side.play(
        scenario(BRIDGE, send("tap1", ping(HOST_B, HOST_A, "10.0.0.5", "10.0.0.6")), stations=[STATION])
    )
    ours = [(port, data[34]) for port, data in out(records)]
    assert ours == [("tap2", 8), ("tap1", 0)]


def test_log_lines_are_the_kernels_own_to_the_last_space(side: KernelSide) -> None:
    rule = 'iptables-legacy -A FORWARD -j LOG --log-level 7 --log-prefix "x-forward "\n'
    records = side.play(scenario(ROUTER + rule, send("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2"))))
    assert [record.text for record in records if isinstance(record, Log)] == [
        "x-forward IN=br0 OUT=tap3 PHYSIN=tap1 MAC=02:00:00:00:00:01:02:aa:00:00:00:01:08:00 SRC=10.0.0.5 "
        "DST=10.1.0.2 LEN=84 TOS=0x00 PREC=0x00 TTL=63 ID=7 PROTO=ICMP TYPE=8 CODE=0 ID=104 SEQ=1 "
    ]


def test_a_capture_on_an_inner_device_sees_both_ways(side: KernelSide) -> None:
    frame = ping(BR0, HOST_A, "10.0.0.5", "10.0.0.1")
    records = side.play(scenario(BRIDGE + QUIET_NEIGHBOURS, send("tap1", frame), capture=["br0"]))
    seen = [record for record in records if isinstance(record, Captured)]
    assert [(record.device, record.dir, record.data[34]) for record in seen] == [
        ("br0", "in", 8),
        ("br0", "out", 0),
    ]
    assert seen[0].data == frame


def test_a_command_left_running_hears_what_is_sent_and_says_it_when_it_is_stopped(side: KernelSide) -> None:
    datagram = ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.0.0.1", 17, udp(5, 53, b"hello\n")))
    records = side.play(
        scenario(
            BRIDGE + QUIET_NEIGHBOURS,
            Start("nc -ul 53", "srv"),
            send("tap1", datagram),
            Wait(0.01),
            Stop("srv"),
        )
    )
    assert output(records) == "hello\n"
    assert [record.step for record in records if isinstance(record, Output)] == [4]


def test_what_still_runs_at_the_end_is_ended(side: KernelSide) -> None:
    records = side.play(scenario(BRIDGE, Start("sleep 1000", "long")))
    assert [(r.step, r.command) for r in records if isinstance(r, Output)] == [(1, "sleep 1000")]


def test_the_state_at_the_end_is_what_the_tools_say() -> None:
    setup = (
        ROUTER
        + """\
ip neigh add 10.0.0.9 lladdr 02:aa:00:00:00:09 dev br0 nud stale router
ip neigh add 10.0.0.8 lladdr 02:aa:00:00:00:08 dev br0 nud noarp
bridge fdb add 02:aa:00:00:00:10 dev tap1 master static sticky
bridge fdb add 02:aa:00:00:00:11 dev tap1 master dynamic extern_learn
bridge fdb add 02:aa:00:00:00:12 dev tap3
ip route add 10.9.0.0/16 via 10.1.0.2 metric 5
"""
    )
    steps = (send("tap1", A_TO_B), Run("ping -c1 -W0.01 10.0.0.77"))
    with KernelSide(thorough=True) as side:
        records = side.play(scenario(setup, *steps))  # and that raises if the tools say something else
    assert "02:aa:00:00:00:01 dev tap1 master br0 \n" in state(records, "fdb")
    assert "10.0.0.77 dev br0 INCOMPLETE \n" in state(records, "neigh")
    assert "10.9.0.0/16 via 10.1.0.2 dev tap3 metric 5 \n" in state(records, "route")


# --- one namespace for many ---------------------------------------------------------------------------------


def build(side: KernelSide) -> object:
    """What was built last; while it is held here, a new one is another."""
    assert side._build is not None
    return side._build


def test_scenarios_of_one_topology_share_a_namespace_and_nothing_else(side: KernelSide) -> None:
    busy = scenario(ROUTER + "iptables-legacy -A INPUT -m conntrack --ctstate NEW\n", send("tap1", A_TO_B))
    flood = scenario(busy.topology.setup, send("tap2", B_TO_A))
    first = side.play(flood)
    place = build(side)
    side.play(busy)
    assert state(side.play(busy), "fdb") == state(side.play(busy), "fdb")
    again = side.play(flood)
    assert build(side) is place
    assert again == first


def test_a_neighbour_that_was_learned_is_gone_for_the_next(side: KernelSide) -> None:
    side.play(scenario(BRIDGE, send("tap1", who_has(HOST_A, "10.0.0.5", "10.0.0.1"))))
    place = build(side)
    records = side.play(scenario(BRIDGE, send("tap2", B_TO_A)))
    assert build(side) is place
    assert state(records, "neigh") == ""


IGMP = ethernet(bytes.fromhex("01005e000016"), HOST_A, ipv4("10.0.0.5", "224.0.0.22", 2, bytes(8)))
UNREACHABLE = ping(BR0, HOST_A, "10.0.0.5", "10.8.0.1")  # how many errors a host gets is limited
UNANSWERED = ping(BR0, HOST_A, "10.0.0.5", "10.1.0.99")


@pytest.mark.parametrize(
    "steps",
    [
        [Run("ip addr add 10.7.0.1/24 dev br0")],
        [
            send("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.8.0.1"))
        ],  # unreachable: the rate of errors is limited
        [
            send(
                "tap1",
                ethernet(bytes.fromhex("01005e000016"), HOST_A, ipv4("10.0.0.5", "224.0.0.22", 2, bytes(8))),
            )
        ],
        [send("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.1.0.99")), Wait(0.01)],  # nobody answers for it
    ],
    ids=["command", "error", "igmp", "unresolved"],
)
def test_what_cannot_be_emptied_is_built_anew(side: KernelSide, steps: list[Step]) -> None:
    plain = scenario(ROUTER, send("tap1", A_TO_B))
    first = side.play(plain)
    place = build(side)
    side.play(scenario(ROUTER, *steps))
    again = side.play(plain)
    assert hops(again, 1) == hops(first, 1)
    assert state(again, "fdb") == state(first, "fdb")
    assert build(side) is not place


def captured(records: Sequence[Record]) -> list[tuple[str, str, bytes]]:
    return [(seen.device, seen.dir, seen.data) for seen in records if isinstance(seen, Captured)]


def test_a_capture_that_stays_open_tells_each_scenario_its_own_frames(side: KernelSide) -> None:
    played = scenario(BRIDGE + NOCALL, send("tap1", A_TO_B), capture=["br0"])
    first = side.play(played)
    place = build(side)
    side.play(scenario(BRIDGE + NOCALL, send("tap2", B_TO_A), send("tap1", A_TO_B), capture=["br0"]))
    again = side.play(played)
    assert build(side) is place
    assert captured(first) == [("br0", "in", A_TO_B)]  # flooded, so the bridge hears it too
    assert again == first


@pytest.mark.parametrize("capture", [[], ["tap1"], ["br0", "tap1"]])
def test_a_device_is_as_deaf_as_ever_for_a_scenario_that_does_not_capture_it(
    side: KernelSide, capture: list[str]
) -> None:
    setup = BRIDGE + NOCALL + "bridge fdb add 02:aa:00:00:00:02 dev tap2 master static\n"
    hears = scenario(setup, send("tap1", A_TO_B), capture=["br0"])
    assert "bridge INPUT" in path(side.play(hears), 1)
    heard = path(side.play(scenario(setup, send("tap1", A_TO_B), capture=capture)), 1)
    assert ("bridge INPUT" in heard) == ("br0" in capture)


def test_a_command_that_prints_counters_sees_those_of_its_own_scenario(side: KernelSide) -> None:
    setup = BRIDGE + "iptables-legacy -A FORWARD -p icmp\n"
    steps = (send("tap1", A_TO_B), Run("iptables-legacy -nvxL FORWARD"))
    side.play(scenario(setup, send("tap1", A_TO_B)))
    counted = output(side.play(scenario(setup, *steps)))
    assert re.search(r"^ +1 +84 ", counted, re.MULTILINE)


def test_twenty_plays_give_the_same(side: KernelSide) -> None:
    frames = (
        who_has(HOST_A, "10.0.0.5", "10.0.0.1"),
        A_TO_B,
        ping(BROADCAST, HOST_A, "10.0.0.5", "10.0.0.255"),
    )
    played = scenario(BRIDGE, send("tap1", *frames), send("tap2", B_TO_A))
    first = side.play(played)
    assert all(side.play(played) == first for _ in range(20))


def test_nothing_comes_by_itself_after_the_setup(side: KernelSide) -> None:
    """Bridges would report the group of all snoopers at random times, for a second."""
    setup = (
        TWO_BRIDGES
        + "ip netns add in\nip link add v0 type veth peer name v1 netns in\nip link set v0 up master br1\n"
    )
    records = side.play(scenario(setup + "ip -n in link set v1 up\n", Wait(1.2)))
    assert [record for record in records if not isinstance(record, State)] == []


# --- what the kernel drew -----------------------------------------------------------------------------------


def test_addresses_that_the_kernel_drew_are_told_by_device_and_namespace(side: KernelSide) -> None:
    setup = "ip netns add in\nip link add v0 type veth peer name v1 netns in\nip link add br9 type bridge\n"
    side.open(Topology(PORTS, setup))
    drawn = side.choices().addresses
    assert set(drawn) == {"v0", "br9", "in/v1"}
    printed = output(side.play(scenario(setup, Run("ip -n in -br link show v1"))))
    (shown,) = re.findall(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", printed)
    assert side.choices().addresses["in/v1"].hex(":") == shown


# --- what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setup", "complaint"),
    [
        ("true\nip link add br0 type bridge\nip link add br0 type bridge\n", r"a.toml:7: .*File exists"),
        ("for p in tap1 nope; do\n  ip link set $p up\ndone\n", r'a.toml:6: ip link set nope up: .*"nope"'),
        ("true\n\nfrobnicate br0\n", r"a.toml:7: frobnicate: not found"),
        ("true\nif\n", r"a.toml:\d+: Syntax error"),
        ("true; ip link set tap1 up; false\n", r"a.toml:5: false: exit code 1"),
    ],
)
def test_a_setup_that_fails_is_named_with_its_line(side: KernelSide, setup: str, complaint: str) -> None:
    with pytest.raises(SideError, match=complaint) as raised:
        side.open(Topology(PORTS, setup), "a.toml", 5)
    assert not raised.value.missing
    assert side._kernel is None


@pytest.mark.parametrize(
    ("played", "complaint"),
    [
        (scenario(BRIDGE, Wait(0.0), send("tap9", A_TO_B)), "a.toml:102: there is no port tap9"),
        (scenario(BRIDGE, Stop("nobody")), "a.toml:101: nothing runs as nobody"),
        (scenario(BRIDGE, capture=["br7"]), "a.toml:3: capture: there is no device br7 after the setup"),
    ],
)
def test_a_scenario_that_asks_for_what_is_not_there_is_named(
    side: KernelSide, played: Scenario, complaint: str
) -> None:
    with pytest.raises(SideError, match=re.escape(complaint)):
        side.play(played)


def test_a_port_that_no_device_can_be_is_named(side: KernelSide) -> None:
    with pytest.raises(SideError, match=r"a\.toml: not a device name: 'a b'"):
        side.open(Topology(("a b",), ""), "a.toml", 5)


def test_a_command_that_lists_what_nft_loaded_does_not_meet_the_probes(side: KernelSide) -> None:
    side.play(scenario(BRIDGE, send("tap1", A_TO_B)))
    records = side.play(scenario(BRIDGE, Run("nft list ruleset")))
    assert output(records) == ""


def test_a_frame_for_a_port_that_is_down_goes_nowhere(side: KernelSide) -> None:
    records = side.play(scenario("", send("tap1", A_TO_B)))
    assert [type(record) for record in records] == [Frame, *[State] * len(STATES)]


def test_a_lab_that_broke_is_another_for_the_next_scenario(side: KernelSide) -> None:
    played = scenario(BRIDGE, send("tap1", A_TO_B), Run("true"))
    first = side.play(played)
    assert side._kernel is not None
    outer = side._kernel.agent.process.pid
    (agent,) = map(int, Path(f"/proc/{outer}/task/{outer}/children").read_text().split())
    os.kill(outer, signal.SIGKILL)
    wait_until(lambda: has_ended(agent))
    with pytest.raises(LabBroken, match="the lab's process"):
        side.play(played)
    assert side.play(played) == first


def test_the_machine_is_as_it_was_after_a_scenario_that_failed() -> None:
    switch = Path("/proc/sys/net/netfilter/nf_log_all_netns")
    before = switch.read_text()
    with KernelSide() as side:
        with pytest.raises(SideError):
            side.play(scenario(BRIDGE + "iptables-legacy -A INPUT -j LOG\n", Stop("nobody")))
        assert switch.read_text() == before
    side.close()
    assert side._kernel is None
