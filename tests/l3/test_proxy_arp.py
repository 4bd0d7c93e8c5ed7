"""Answering for others."""

import pytest

from pystack.l3.proxy_arp import ProxyArp
from tests.box import Box
from tests.frames import ALICE_MAC, OUR_MAC, OUR_MAC2, arp_request, ip, parsed_arp

ELSEWHERE = "10.0.1.7"


class Gateway(Box):
    """eth0 10.0.0.1/24 and eth1 10.0.1.1/24, forwarding; answers for others come at once."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.sysctl("net.ipv4.ip_forward", "1")
        self.sysctl("net.ipv4.neigh.eth0.proxy_delay", "0")

    def answers(self, target: str = ELSEWHERE) -> bool:
        self.send(self.eth0, arp_request(ip(target)))
        told = [parsed_arp(frame) for frame in self.sent(self.eth0)]
        assert all((one.spa, one.sha, one.tha) == (ip(target), OUR_MAC, ALICE_MAC) for one in told)
        return bool(told)

    @property
    def proxy(self) -> ProxyArp:
        return self.ns.ipv4.arp.proxy


def test_nobody_is_answered_for_unless_it_is_said() -> None:
    assert not Gateway().answers()


@pytest.mark.parametrize("conf", ["all", "eth0"])
def test_with_proxy_arp_what_is_routed_elsewhere_is_answered_for(conf: str) -> None:
    box = Gateway()
    box.sysctl(f"net.ipv4.conf.{conf}.proxy_arp", "1")
    assert box.answers()
    assert not box.answers("10.0.0.7")  # it is on the same link
    assert not box.answers("10.9.9.9")  # no way leads there


def test_who_does_not_forward_answers_for_nobody() -> None:
    box = Gateway()
    box.sysctl("net.ipv4.conf.eth0.proxy_arp", "1")
    box.sysctl("net.ipv4.conf.eth0.forwarding", "0")
    assert not box.answers()


def test_with_pvlan_the_hosts_of_the_same_link_are_answered_for() -> None:
    box = Gateway()
    box.sysctl("net.ipv4.conf.eth0.proxy_arp_pvlan", "1")
    assert box.answers("10.0.0.7")
    assert not box.answers()


@pytest.mark.parametrize(
    ("here", "there", "answered"),
    [(0, 0, True), (1, 1, False), (1, 2, True), (1, 0, True), (1, -1, False), (-1, 2, False)],
)
def test_the_two_links_must_be_different_media(here: int, there: int, answered: bool) -> None:
    box = Gateway()
    box.sysctl("net.ipv4.conf.eth0.proxy_arp", "1")
    box.sysctl("net.ipv4.conf.eth0.medium_id", str(here))
    box.sysctl("net.ipv4.conf.eth1.medium_id", str(there))
    assert box.answers() == answered


def test_single_addresses_are_answered_for_on_their_device() -> None:
    box = Gateway()
    box.proxy.add(box.eth1, ip(ELSEWHERE))
    assert not box.answers()
    box.proxy.add(box.eth0, ip(ELSEWHERE))
    assert box.answers()
    assert not box.answers("10.0.1.8")
    assert box.proxy.remove(box.eth0, ip(ELSEWHERE))
    assert not box.answers()
    assert not box.proxy.remove(box.eth0, ip(ELSEWHERE))


def test_an_entry_without_a_device_is_for_all() -> None:
    box = Gateway()
    box.proxy.add(None, ip(ELSEWHERE))
    box.proxy.add(box.eth0, ip(ELSEWHERE))
    assert box.answers()
    assert len(list(box.proxy)) == 1


def test_a_device_that_goes_down_loses_its_entries() -> None:
    box = Gateway()
    box.proxy.add(None, ip(ELSEWHERE))
    box.proxy.add(box.eth0, ip("10.0.1.8"))
    box.ns.devices.set_down(box.eth0)
    assert [(entry.dev, entry.key) for entry in box.proxy] == [(None, ip(ELSEWHERE))]


class Patient(Gateway):
    """It lets the host itself answer first."""

    def __init__(self) -> None:
        super().__init__()
        self.sysctl("net.ipv4.conf.eth0.proxy_arp", "1")
        self.sysctl("net.ipv4.neigh.eth0.proxy_delay", "80")


def test_the_answer_waits_a_moment() -> None:
    box = Patient()
    assert not box.answers()
    assert box.host.queued() == box.host.outcomes.outstanding() == 1
    box.advance(0.8)
    assert [parsed_arp(frame).spa for frame in box.sent(box.eth0)] == [ip(ELSEWHERE)]
    assert box.host.queued() == box.host.outcomes.outstanding() == 0


def test_who_asks_us_directly_is_answered_at_once() -> None:
    box = Patient()
    box.send(box.eth0, arp_request(ip(ELSEWHERE), to=OUR_MAC))
    assert len(box.sent(box.eth0)) == 1


def test_so_many_questions_wait_and_no_more() -> None:
    box = Patient()
    box.sysctl("net.ipv4.neigh.eth0.proxy_qlen", "3")
    for last in range(20):
        box.send(box.eth0, arp_request(ip(f"10.0.1.{last + 10}")))
    assert box.proxy.queued == 4  # one more than it says, as in Linux
    assert box.drops()["ARP_PROXY_FULL"] == 16


def test_answers_that_wait_are_forgotten_when_a_device_goes_down() -> None:
    box = Patient()
    box.send(box.eth0, arp_request(ip(ELSEWHERE)))
    box.ns.devices.set_down(box.eth1)
    assert box.proxy.queued == 0
    assert box.host.outcomes.outstanding() == 0
