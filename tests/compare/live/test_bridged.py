"""IPv6 and tagged frames across a bridge are compared; what goes beyond is left out by name."""

import socket
import struct
from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.live.beyond import NOT_ROUTED
from pystack.compare.live.judge import Verdict
from pystack.explain.words import packet_of
from pystack.wire.ethernet import ETH_P_IPV6, header
from tests.compare.live.test_comparison import Watched

pytestmark = pytest.mark.root

SETUP = """
sysctl -qw net.ipv6.conf.all.forwarding=1
ip link add br0 address 02:aa:00:00:00:01 type bridge mcast_snooping 0
for tap in tap1 tap2; do ip link set $tap master br0; ip link set $tap up; done
ip link set br0 up
ip link set tap3 up
ip addr add fd00::1/64 dev br0 nodad
ip addr add fd01::1/64 dev tap3 nodad
ip neigh add fd01::9 lladdr 02:aa:00:00:00:09 dev tap3
ip6tables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
ip6tables -A FORWARD -p udp --dport 99 -j DROP
"""
BRIDGE, NEAR, FAR = (bytes.fromhex(f"02aa000000{end}") for end in ("01", "05", "06"))
TAP3 = bytes.fromhex("020000000003")
ECHO = packet_of("10.0.0.5 > 10.0.0.6: ICMP echo request, id 7, seq 1, length 16").payload
TAGGED = FAR + NEAR + bytes.fromhex("810000050800") + ECHO


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1", "tap2", "tap3"], ipv6=True) as lab:
        lab.sh(SETUP).check()
        yield lab


@pytest.fixture
def watched(kernel: KernelNetns) -> Iterator[Watched]:
    watched = Watched(kernel)
    yield watched
    watched.live.close()


def sent(watched: Watched, frame: bytes, port: str = "tap1") -> Verdict:
    """What came of a frame; what the kernel says by itself meanwhile is passed over."""
    (verdict,) = (one for one in watched.exchange(port, frame) if one.kernel[0].data == frame)
    return verdict


def udp(to: str, port: int, link: bytes = FAR, *, fragment: int = 0, data: bytes = bytes(16)) -> bytes:
    """From fd00::5; a piece of a datagram has its port only if it is the first."""
    body = data if fragment & 0xFFF8 else struct.pack("!HHHH", 5000, port, 8 + 16 + len(data), 7) + data
    extension = struct.pack("!BBHI", 17, 0, fragment, 4711) if fragment else b""
    ends = socket.inet_pton(socket.AF_INET6, "fd00::5") + socket.inet_pton(socket.AF_INET6, to)
    length = len(extension) + len(body)
    head = struct.pack("!IHBB", 6 << 28, length, 44 if fragment else 17, 64)
    return header(link, NEAR, ETH_P_IPV6) + head + ends + extension + body


def hooks(verdict: Verdict) -> list[str]:
    return list(dict.fromkeys(hop.hook for hop in verdict.kernel if hop.family == "ip6"))


def test_ipv6_across_a_bridge_meets_its_hooks_in_both(watched: Watched) -> None:
    verdict = sent(watched, udp("fd00::6", 98))
    assert verdict.is_same, verdict.unplayed
    assert hooks(verdict) == ["PREROUTING", "FORWARD", "POSTROUTING"]


def test_a_rule_of_ip6tables_that_the_copy_does_not_know_is_found(watched: Watched) -> None:
    assert sent(watched, udp("fd00::6", 99)).is_same, "both drop it"
    watched.kernel.sh("ip6tables -I FORWARD -p udp --dport 97 -j DROP").check()
    verdict = sent(watched, udp("fd00::6", 97))
    watched.kernel.sh("ip6tables -D FORWARD 1").check()
    assert verdict.differences[0].cause.startswith("only pystack has it at ip6 FORWARD 40; pystack: filter:")


def test_fragments_of_ipv6_are_one_packet(watched: Watched) -> None:
    first, last = udp("fd00::6", 98, fragment=1), udp("fd00::6", 98, fragment=24)
    watched.kernel.exchange("tap1", first)
    (verdict,) = (one for one in watched.exchange("tap1", last) if one.kernel[0].data == first)
    assert verdict.is_same, (verdict.unplayed, verdict.differences)
    assert [hop.hook for hop in verdict.kernel].count("INGRESS") == 2


@pytest.mark.parametrize(("port", "to", "link"), [("tap1", "fd01::9", BRIDGE), ("tap3", "fd00::6", TAP3)])
def test_ipv6_that_is_routed_is_left_out_by_name(watched: Watched, port: str, to: str, link: bytes) -> None:
    assert sent(watched, udp(to, 98, link), port).unplayed == NOT_ROUTED


def test_ipv6_that_this_host_sends_is_left_out_by_name(watched: Watched) -> None:
    watched.kernel.run("ping -6 -q -c 1 -W 0.1 fd01::9")
    told = [one for one in watched.exchange("tap1", udp("fd00::6", 98)) if "echo request" in one.words]
    assert [one.unplayed for one in told] == [NOT_ROUTED]


def test_a_tagged_frame_crosses_the_bridge_alike(watched: Watched) -> None:
    assert sent(watched, TAGGED).is_same


def test_a_tagged_frame_that_meets_the_hooks_of_ip_is_left_out_by_name(kernel: KernelNetns) -> None:
    kernel.sh("sysctl -qw net.bridge.bridge-nf-filter-vlan-tagged=1").check()
    watched = Watched(kernel)
    try:
        assert sent(watched, TAGGED).unplayed == "bridge-nf-filter-vlan-tagged is not modelled"
        assert sent(watched, udp("fd00::6", 98)).is_same
    finally:
        watched.live.close()
        kernel.sh("sysctl -qw net.bridge.bridge-nf-filter-vlan-tagged=0").check()
