"""How often a host complains."""

import pytest

from pystack.clock import Clock
from pystack.device import IFF_LOOPBACK, NetDevice
from pystack.l3.conf import Ipv4Sysctl
from pystack.l3.icmp_limit import IcmpLimit
from pystack.l3.peers import Peers
from pystack.wire import icmp

ALICE, BOB = 1, 2
WIRE = NetDevice("eth0")
LOOP = NetDevice("lo")
LOOP.flags = IFF_LOOPBACK


class Limited:
    def __init__(self, **values: int) -> None:
        self.clock = Clock(now=1000.0)
        self.sysctl = Ipv4Sysctl(**values)
        self.limit = IcmpLimit(self.clock, self.sysctl, Peers(self.clock))

    def at(self, seconds: float) -> None:
        self.clock.set(1000.0 + seconds)

    def told(self, address: int = ALICE, times: int = 20) -> int:
        """How many of so many errors a peer gets at this moment."""
        return sum(self.limit.allows_to(address, WIRE) for _ in range(times))


@pytest.mark.parametrize(
    ("type_", "code", "applies"),
    [
        (icmp.ICMP_ECHOREPLY, 0, False),
        (icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH, True),
        (icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, False),
        (icmp.ICMP_SOURCE_QUENCH, 0, True),
        (icmp.ICMP_REDIRECT, 0, False),
        (icmp.ICMP_TIME_EXCEEDED, 0, True),
        (icmp.ICMP_PARAMETERPROB, 0, True),
        (42, 0, False),
    ],
)
def test_errors_are_limited_and_answers_are_not(type_: int, code: int, applies: bool) -> None:
    """Linux: net/ipv4/icmp.c icmpv4_mask_allow()"""
    assert Limited().limit.applies_to(type_, code) is applies


def test_the_mask_can_be_set() -> None:
    limited = Limited(icmp_ratemask=1)
    assert limited.limit.applies_to(icmp.ICMP_ECHOREPLY, 0)
    assert not limited.limit.applies_to(icmp.ICMP_TIME_EXCEEDED, 0)


def test_a_peer_gets_six_at_once_and_then_one_a_second() -> None:
    limited = Limited()
    assert limited.told() == 6
    limited.at(0.99)
    assert limited.told() == 0
    limited.at(1.0)
    assert limited.told() == 1
    limited.at(4.0)
    assert limited.told() == 3
    limited.at(100.0)
    assert limited.told() == 6


def test_peers_have_their_own_tokens() -> None:
    limited = Limited()
    assert limited.told(ALICE) == 6
    assert limited.told(BOB) == 6


def test_the_pause_can_be_set_to_nothing() -> None:
    assert Limited(icmp_ratelimit=0).told() == 20


def test_the_loopback_knows_no_peers() -> None:
    limited = Limited()
    assert all(limited.limit.allows_to(ALICE, LOOP) for _ in range(20))


def test_saying_that_a_route_leads_nowhere_takes_of_the_same_tokens() -> None:
    """Linux: net/ipv4/route.c ip_error(). So of a burst only two are told: each costs two tokens of five."""
    limited = Limited()
    told = 0
    for _ in range(12):
        if limited.limit.allows_unreachable(ALICE):
            told += limited.limit.allows_to(ALICE, WIRE)
    assert told == 2


def test_all_peers_together_share_a_burst_and_a_rate() -> None:
    limited = Limited(icmp_ratelimit=0)

    def burst() -> int:
        told = 0
        while told < 5000 and limited.limit.allows_any():
            told += limited.limit.allows_to(told, WIRE)
        return told

    assert burst() == 50
    limited.at(0.019)
    assert burst() == 0
    limited.at(0.042)  # ten ticks of four milliseconds
    assert burst() == 40
    limited.at(10.0)
    assert burst() == 50


def test_no_messages_a_second_are_none() -> None:
    limited = Limited(icmp_msgs_per_sec=0, icmp_msgs_burst=0)
    limited.at(5.0)
    assert not limited.limit.allows_any()
