"""Packets of a live namespace go through a copy of it; what was changed behind the copy's back is found."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.live.comparison import AT_ONCE, Comparison
from pystack.compare.live.errors import LiveUnavailable
from pystack.compare.live.judge import Verdict
from pystack.compare.live.kernel import LiveKernel, clean, is_orphaned, tables
from pystack.compare.live.passing import SETTLED
from pystack.compare.live.report import line
from pystack.explain.words import packet_of
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import read
from pystack.host import Host
from pystack.wire.ethernet import ETH_P_IP, header

pytestmark = pytest.mark.root

PORTS = ("tap1", "tap2")
SETUP = """
sysctl -qw net.ipv4.ip_forward=1
ip link add br0 address 02:aa:00:00:00:01 type bridge
ip link set tap1 master br0
ip link set tap1 up
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip link set tap2 up
ip addr add 10.2.0.1/24 dev tap2
ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:05 dev br0
ip neigh add 10.2.0.6 lladdr 02:aa:00:00:00:06 dev tap2
iptables -P INPUT ACCEPT
iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
iptables -t nat -A POSTROUTING -o tap2 -j MASQUERADE
"""
BRIDGE = bytes.fromhex("02aa00000001")
INSIDE = bytes.fromhex("02aa00000005")


class Watched:
    """A namespace, its copy, and who compares them."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        building = build(read(kernel.netns_path), Host(seed=1))
        self.live = LiveKernel(kernel.netns_path, building.entrances).open()
        self.comparison = Comparison(building)
        self.now = 1.0

    def ping(self, to: str, number: int) -> list[Verdict]:
        """From the machine behind tap1; the packets of it and of the answer."""
        made = packet_of(f"10.0.0.5 > {to}: ICMP echo request, id 7, seq {number}, length 16")
        told = self.exchange("tap1", header(BRIDGE, INSIDE, ETH_P_IP) + made.payload)
        return [verdict for verdict in told if "echo" in verdict.words]

    def exchange(self, port: str, frame: bytes) -> list[Verdict]:
        """All packets that passed by the time that this one has."""
        self.kernel.exchange(port, frame)
        hops, lost = self.live.read()
        assert not lost
        self.comparison.hear(hops, self.now)
        self.now += 2 * SETTLED
        return list(self.comparison.settled(self.now))


@pytest.fixture
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(PORTS) as lab:
        lab.sh(SETUP).check()
        yield lab


@pytest.fixture
def watched(kernel: KernelNetns) -> Iterator[Watched]:
    watched = Watched(kernel)
    yield watched
    watched.live.close()


def told(verdicts: list[Verdict]) -> list[str]:
    return [line(verdict) for verdict in verdicts]


def test_a_ping_and_its_answer_go_the_same_way_in_both(watched: Watched) -> None:
    request, answer = watched.ping("10.0.0.1", 1)
    assert told([request, answer]) == [
        f"#{request.number} 1-2  IP 10.0.0.5 > 10.0.0.1: ICMP echo request, id 7, seq 1, length 16  [same]",
        f"#{answer.number} 4-2-8  IP 10.0.0.1 > 10.0.0.5: ICMP echo reply, id 7, seq 1, length 16  [same]",
    ]
    assert len(request.kernel) == len(request.pystack) > 10


def test_a_packet_that_is_translated_on_its_way_is_one_packet(watched: Watched) -> None:
    (through,) = watched.ping("10.2.0.6", 1)
    assert through.is_same
    assert through.path == "1-6"
    assert through.pystack[-1].data[26:30] == bytes([10, 2, 0, 1])


def test_a_rule_that_the_copy_does_not_know_is_found(watched: Watched) -> None:
    watched.kernel.sh("iptables -A INPUT -p icmp -j DROP").check()
    (request,) = watched.ping("10.0.0.1", 2)
    assert [difference.cls for difference in request.differences] == ["VERDICT"]
    assert request.differences[0].cause == (
        "only pystack has it at ip INPUT 40; pystack: filter:INPUT: no rule decides, the policy is ACCEPT"
    )


def test_a_mark_that_the_copy_does_not_set_is_found(watched: Watched) -> None:
    watched.kernel.sh("iptables -t mangle -A PREROUTING -j MARK --set-mark 7").check()
    request, _ = watched.ping("10.0.0.1", 3)
    assert request.differences[0].cls == "RULE"


def test_probes_are_there_while_somebody_looks_and_gone_afterwards(watched: Watched) -> None:
    netns = watched.kernel.netns_path
    assert {table.split()[0] for table in tables(netns)} == {"netdev", "bridge", "arp", "ip", "ip6"}
    with pytest.raises(LiveUnavailable, match="another comparison runs"):
        LiveKernel(netns, {}).open()
    watched.live.close()
    assert tables(netns) == []


def test_probes_that_a_dead_comparison_left_can_be_taken_away(watched: Watched) -> None:
    netns = watched.kernel.netns_path
    assert clean(netns) == 5
    assert clean(netns) == 0


def test_what_is_accepted_and_dropped_does_not_change(kernel: KernelNetns) -> None:
    kernel.sh("iptables -P INPUT DROP; iptables -A INPUT -s 10.0.0.5 -j ACCEPT").check()
    made = packet_of("10.0.0.5 > 10.0.0.1: ICMP echo request, id 9, seq 1, length 16")
    frame = header(BRIDGE, INSIDE, ETH_P_IP) + made.payload
    without = kernel.exchange("tap1", frame)
    watched = Watched(kernel)
    try:
        assert echoes(kernel.exchange("tap1", frame)) == echoes(without) != []
    finally:
        watched.live.close()
    assert "  2 " in kernel.sh("iptables -nvxL INPUT").check().out


def echoes(frames: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Of answers what does not change from one to the next."""
    return [(port, data[26:]) for port, data in frames if data[12:14] == b"\x08\0" and data[23] == 1]


def test_doctor_knows_probes_that_nobody_listens_to(watched: Watched) -> None:
    netns = watched.kernel.netns_path
    assert not is_orphaned(netns)
    watched.live._stop_listening()  # as a kill does it
    assert is_orphaned(netns)


def test_what_is_reported_is_read_between_portions_of_what_is_compared(watched: Watched) -> None:
    for number in range(AT_ONCE):
        made = packet_of(f"10.0.0.5 > 10.2.0.6: ICMP echo request, id 7, seq {number}, length 16")
        watched.kernel.exchange("tap1", header(BRIDGE, INSIDE, ETH_P_IP) + made.payload)
    assert len(watched.ping("10.2.0.6", AT_ONCE)) == AT_ONCE
    assert watched.comparison.is_behind
    assert len(list(watched.comparison.settled(watched.now))) == 1
    assert not watched.comparison.is_behind
