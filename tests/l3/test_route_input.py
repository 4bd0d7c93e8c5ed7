"""Decisions about packets that came in are kept, as long as they would be the same again."""

import pytest

from pystack.applets.virtual import run_setup
from pystack.drop import IP_LOCAL_SOURCE, DropReason
from pystack.l3.fib_types import FibInfo, FibRoute, Nexthop
from pystack.l3.route import Rtable
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, ip

FAR, NEAR = "10.9.0.9", "10.0.0.9"


class Router(Box):
    """eth0 10.0.0.1/24, eth1 10.0.1.1/24, and 10.9.0.0/16 by a gateway on eth1."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.forward()
        self.far = self.route("10.9.0.0/16", via="10.0.1.254")

    def decide(self, source: str = NEAR, *, mark: int = 0) -> Rtable | DropReason:
        return self.ns.ipv4.router.route_input(ip(FAR), ip(source), 0, mark, self.eth0)

    def run(self, *commands: str) -> None:
        assert run_setup(self.host, "\n".join(commands) + "\n", "test") == []


def test_equal_packets_share_one_decision() -> None:
    router = Router()
    assert router.decide() is router.decide()


def test_what_a_rule_may_ask_for_tells_packets_apart() -> None:
    router = Router()
    assert router.decide() is not router.decide(mark=1)
    assert router.decide() is not router.decide("10.0.0.8")


@pytest.mark.parametrize(
    "command",
    [
        "ip route add 10.9.0.0/24 via 10.0.0.254",
        "ip rule add from 10.0.0.9 blackhole",
        "sysctl -qw net.ipv4.conf.eth0.forwarding=0",
        "ip link set eth1 down",
        "ip addr del 10.0.1.1/24 dev eth1",
    ],
)
def test_a_change_is_heeded_by_the_next_packet(command: str) -> None:
    router = Router()
    before = router.decide()
    router.run(command)
    after = router.decide()
    assert isinstance(before, Rtable)
    assert isinstance(after, Rtable)
    assert (after.dev, after.error) != (before.dev, before.error)


def test_a_source_that_becomes_ours_is_refused_from_then_on() -> None:
    router = Router()
    router.decide()
    router.address(router.eth1, f"{NEAR}/32")
    assert router.decide() is IP_LOCAL_SOURCE


def test_what_was_learned_of_a_destination_is_forgotten_in_time() -> None:
    router = Router()
    hop = router.far.info.nexthops[0]
    before = router.decide()
    router.ns.ipv4.exceptions.note(hop, ip(FAR), 60.0, gateway=ip("10.0.1.253"))
    learned = router.decide()
    router.advance(61.0)
    after = router.decide()
    gateways = [route.gateway for route in (before, learned, after) if isinstance(route, Rtable)]
    assert gateways == [ip("10.0.1.254"), ip("10.0.1.253"), ip("10.0.1.254")]


def test_flows_still_part_where_there_are_two_ways() -> None:
    router = Router()
    hops = (Nexthop(None, ip("10.0.1.254")), Nexthop(None, ip("10.0.1.253")))
    router.ns.ipv4.fib.add(FibRoute(254, ip("10.9.0.0"), 24, FibInfo(1, hops)))
    assert router.decide() is not router.decide()


def test_a_rule_about_ports_is_asked_for_every_packet() -> None:
    router = Router()
    router.run("ip rule add ipproto udp dport 53 blackhole")
    assert router.decide() is not router.decide()


def test_decisions_are_not_kept_without_end() -> None:
    router = Router()
    first = router.decide()
    for number in range(4096):
        router.decide(f"10.0.{4 + number // 250}.{number % 250}")
    assert router.decide() is not first
