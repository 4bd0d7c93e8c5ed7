"""Which of several default gateways is taken; the parity pairs hold it against `ip route get`."""

import pytest

from pystack.l2.nud import NUD_FAILED, NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE
from pystack.l3.fib_types import RT_TABLE_MAIN, RTN_UNICAST, FibInfo, FibRoute, Flow, Nexthop
from pystack.l3.route import Rtable
from pystack.wire.ipv4 import address_text
from tests.box import Box
from tests.frames import OUR_MAC, ip

GATEWAYS = ("10.0.0.7", "10.0.0.8", "10.0.0.9")


class Gated(Box):
    """Three default routes of one metric by eth0, whose gateways are in the states given."""

    def __init__(self, *states: int) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        fib, ipv4 = self.ns.ipv4.fib, self.ns.ipv4
        for gateway in GATEWAYS:
            info = FibInfo(RTN_UNICAST, (Nexthop(None, ip(gateway)),))
            fib.add(FibRoute(RT_TABLE_MAIN, 0, 0, info), exclusive=False, append=True)
        for gateway, state in zip(GATEWAYS, states, strict=False):
            if state:
                neigh = ipv4.neighbours.create(self.eth0, ip(gateway), ipv4.confs.neigh_of(self.eth0))
                assert neigh is not None
                neigh.state = state

    def gateways(self, times: int) -> list[str]:
        return [self.gateway() for _ in range(times)]

    def gateway(self, oif: int = 0) -> str:
        route = self.ns.ipv4.router.route_output(Flow(ip("8.8.8.8"), oif=oif))
        assert isinstance(route, Rtable)
        return address_text(route.gateway)[-1]


@pytest.mark.parametrize(
    ("states", "taken"),
    [
        ((), "7777"),  # nobody knows better
        ((NUD_FAILED,), "8888"),
        ((NUD_FAILED, NUD_REACHABLE), "8888"),
        ((NUD_REACHABLE, NUD_REACHABLE), "7777"),
        ((NUD_STALE, NUD_STALE), "7878"),  # in turn, so that each is asked
        ((NUD_STALE, NUD_FAILED), "7979"),
        ((NUD_FAILED, NUD_FAILED, NUD_FAILED), "7897"),  # the last resort, each in its turn
        ((NUD_INCOMPLETE, NUD_FAILED, NUD_FAILED), "8978"),
    ],
)
def test_gateways_are_taken_as_their_neighbours_stand(states: tuple[int, ...], taken: str) -> None:
    assert "".join(Gated(*states).gateways(4)) == taken


def test_a_sender_that_names_its_device_gets_the_first() -> None:
    box = Gated(NUD_FAILED)
    assert box.gateway(box.eth0.ifindex) == "7"


def test_a_single_default_route_is_taken_whatever_its_gateway_does() -> None:
    box = Gated(NUD_FAILED)
    for route in list(box.ns.ipv4.fib.table(RT_TABLE_MAIN))[1:3]:
        box.ns.ipv4.fib.remove(route)
    assert box.gateways(2) == ["7", "7"]


def test_what_was_taken_is_forgotten_with_the_route() -> None:
    box = Gated(NUD_STALE, NUD_STALE)
    first = next(iter(box.ns.ipv4.fib.table(RT_TABLE_MAIN)))
    assert box.gateways(1) == ["7"]
    box.ns.ipv4.fib.remove(first)
    box.ns.ipv4.fib.add(first, exclusive=False)
    assert box.gateways(2) == ["7", "8"]
