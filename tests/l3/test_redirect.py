"""Redirects that are sent and heeded, and path MTUs that are learned; more in scenarios/routing."""

from itertools import pairwise

import pytest

from pystack.l2.nud import NUD_PERMANENT
from pystack.l3 import exceptions
from pystack.l3.exceptions import RouteException
from pystack.l3.fib_types import Flow, Nexthop
from pystack.l3.route import Rtable
from pystack.wire import icmp
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    ALICE_MAC,
    OUR_IP,
    OUR_MAC,
    datagram,
    echo_frame,
    echo_message,
    ip,
    packet_frame,
    parsed_icmp,
)

BEYOND, GATEWAY, BETTER = ip("10.7.0.1"), ip("10.0.0.7"), ip("10.0.0.8")
GATEWAY_MAC, BETTER_MAC = b"\x02\0\0\0\xaa\x07", b"\x02\0\0\0\xaa\x08"


class Detour(Box):
    """One card, Alice, and a gateway on the same link."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.route("10.7.0.0/16", via="10.0.0.7")
        for mac, address in ((ALICE_MAC, ALICE_IP), (GATEWAY_MAC, GATEWAY), (BETTER_MAC, BETTER)):
            parms = self.ns.ipv4.confs.neigh_of(self.eth0)
            neigh = self.ns.ipv4.neighbours.create(self.eth0, address, parms)
            assert neigh is not None
            neigh.set(mac, NUD_PERMANENT)

    def way(self) -> Rtable:
        found = self.ns.ipv4.router.route_output(Flow(BEYOND))
        assert isinstance(found, Rtable)
        return found

    def told(self, type_: int, code: int, info: int, *, sender: int = GATEWAY) -> None:
        """An ICMP message about an echo reply of ours."""
        ours = datagram(b"\0" + echo_message(b"12345678")[1:], 1, src=OUR_IP, dst=BEYOND)
        message = icmp.build(type_, code, info >> 16, info & 0xFFFF, ours)
        self.send(self.eth0, packet_frame(datagram(message, 1, src=sender, dst=OUR_IP)))


class Sender(Detour):
    def __init__(self) -> None:
        super().__init__()
        self.forward()

    def redirects(self) -> list[int]:
        """The gateways of the redirects that one packet causes."""
        self.send(self.eth0, echo_frame(dst=BEYOND))
        answers = [frame for frame in self.sent(self.eth0) if frame[:6] == ALICE_MAC]
        assert all(parsed_icmp(frame)[:2] == (5, 1) for frame in answers)
        return [parsed_icmp(frame)[2] for frame in answers]


def test_who_sends_by_a_detour_is_told_the_gateway() -> None:
    box = Sender()
    assert box.redirects() == [GATEWAY]
    assert box.ns.snmp.Icmp.OutRedirects == 1


def test_redirects_come_at_doubling_intervals_and_nine_in_all() -> None:
    box = Sender()
    moments = []
    for tick in range(5000):
        if box.redirects():
            moments.append(tick)
        box.host.clock.set((tick + 1.5) / 250)
    assert len(moments) == 9
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert pauses == [5 * 2**number + 1 for number in range(1, 9)]


def test_after_twenty_seconds_of_silence_all_begins_anew() -> None:
    box = Sender()
    for _ in range(9):
        box.redirects()
        box.advance(6)
    assert box.redirects() == []
    box.advance(21)
    assert box.redirects() == [GATEWAY]


def test_a_redirect_moves_one_destination() -> None:
    box = Detour()
    box.told(5, 1, BETTER)
    assert box.way().gateway == BETTER
    other = box.ns.ipv4.router.route_output(Flow(BEYOND + 1))
    assert isinstance(other, Rtable)
    assert other.gateway == GATEWAY


def test_a_redirect_is_forgotten_after_five_minutes() -> None:
    box = Detour()
    box.told(5, 1, BETTER)
    box.advance(301)
    assert box.way().gateway == GATEWAY


def test_a_decision_that_was_kept_is_void_after_a_redirect() -> None:
    box = Detour()
    before = box.way()
    box.told(5, 1, BETTER)
    assert not box.ns.ipv4.router.is_current(before)


@pytest.mark.parametrize("better", ["224.0.0.1", "255.255.255.255", "0.0.0.0", "10.0.0.1", "10.0.0.7"])
def test_no_redirect_leads_to_such_an_address(better: str) -> None:
    box = Detour()
    box.told(5, 1, ip(better))
    assert box.way().gateway == GATEWAY


def test_a_smaller_mtu_is_learned_and_lasts_ten_minutes() -> None:
    box = Detour()
    box.told(3, 4, 1000, sender=ip("10.9.9.9"))
    assert box.way().mtu == 1000
    assert box.way().exception is not None
    box.advance(599)
    assert box.way().mtu == 1000
    box.advance(2)
    assert box.way().mtu == 1500
    assert box.way().exception is None


def test_a_larger_mtu_is_not_learned() -> None:
    box = Detour()
    box.told(3, 4, 1600)
    assert box.way().exception is None


def test_less_than_the_least_is_the_least_and_stays() -> None:
    box = Detour()
    box.told(3, 4, 68)
    assert (box.way().mtu, box.way().is_mtu_locked) == (552, True)
    box.told(3, 4, 500)
    assert box.way().mtu == 552


def test_what_is_known_for_long_yet_is_not_learned_again() -> None:
    box = Detour()
    box.told(3, 4, 1000)
    box.advance(100)
    box.told(3, 4, 1000)
    assert exception_of(box).seconds_left == 500
    box.advance(250)
    box.told(3, 4, 1000)
    assert exception_of(box).seconds_left == 600


def exception_of(box: Detour) -> RouteException:
    found = box.way().exception
    assert found is not None
    return found


def test_so_much_is_learned_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exceptions, "_MOST", 10)
    box = Detour()
    nexthop = exception_hop(box)
    for number in range(100):
        box.ns.ipv4.exceptions.note(nexthop, number, 60, pmtu=1000)
    assert len(box.ns.ipv4.exceptions) == 10
    assert box.ns.ipv4.exceptions.find(nexthop, 99) is not None
    assert box.ns.ipv4.exceptions.find(nexthop, 5) is None


def exception_hop(box: Detour) -> Nexthop:
    result = box.way().result
    assert result is not None
    return result.nexthop


def test_how_often_is_set_for_the_whole_host() -> None:
    box = Sender()
    box.sysctl("net.ipv4.route.redirect_number", "2")
    told = []
    for _ in range(50):
        told += box.redirects()
        box.advance(1)
    assert len(told) == 2
    assert box.host.add_netns("blue").ipv4.peers.sysctl.redirect_number == 2


@pytest.mark.parametrize(
    ("mode", "mtu"),
    [(0, 1000), (1, 552), (2, 1500), (3, 1500)],
    ids=["as it says", "the least", "nothing", "only what can be checked"],
)
def test_what_is_learned_is_a_matter_of_ip_no_pmtu_disc(mode: int, mtu: int) -> None:
    box = Detour()
    box.sysctl("net.ipv4.ip_no_pmtu_disc", str(mode))
    box.told(3, 4, 1000)
    assert box.way().mtu == mtu
