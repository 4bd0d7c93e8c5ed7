"""What explain says of IPv6 that crosses a bridge."""

from pystack.explain.journey import Explanation, Journey, ends_of
from pystack.explain.words import Made
from tests.bridge6 import Bridge6, fragments, packet, udp
from tests.frames import ALICE_MAC, BOB_MAC

SNAT = "ip6tables -t nat -A POSTROUTING -j SNAT --to-source 2001:db8::5\n"
NOTRACK = "ip6tables -t raw -A PREROUTING -p udp --dport 7 -j NOTRACK\n"
SOLICITATION = bytes((135, 0, 0, 0)) + bytes(20)


def told(octets: bytes, rules: str = "") -> Explanation:
    bridge = Bridge6(rules)
    journey = Journey(bridge.host, bridge.host.init)
    journey.enter(bridge.host.init.devices["left"], Made(0x86DD, octets, ALICE_MAC, BOB_MAC))
    return journey.close()


def said(explanation: Explanation, kind: str) -> list[str]:
    return [stage.told.text for stage in explanation.stages if stage.kind == kind]


def test_the_hooks_of_ip6_are_among_the_stages_with_their_rules() -> None:
    explanation = told(packet(udp(), 17))
    places = [stage.place for stage in explanation.stages if stage.kind == "hook"]
    assert [place for place in places if place.startswith("ip6")] == [
        "ip6 PREROUTING",
        "ip6 FORWARD",
        "ip6 POSTROUTING",
    ]
    assert said(explanation, "connection") == ["NEW"]
    assert explanation.travellers[0].path == "1-7"


def test_what_nat_makes_of_it_is_told_with_the_line_that_said_so() -> None:
    explanation = told(packet(udp(), 17), SNAT)
    assert said(explanation, "nat") == ["source [2001:db8::a]:1024 becomes [2001:db8::5]:1024"]
    (rewritten,) = [stage for stage in explanation.stages if stage.changes]
    assert rewritten.changes[0] == "ip6.src 2001:db8::a -> 2001:db8::5"


def test_why_nothing_is_tracked_is_told() -> None:
    assert said(told(packet(udp(dport=7), 17), NOTRACK), "connection") == ["UNTRACKED, as a rule said"]
    neighbours = said(told(packet(SOLICITATION, 58, ttl=255), NOTRACK), "connection")
    assert neighbours == ["UNTRACKED, as all that neighbours say to each other"]
    assert said(told(packet(udp()[:9], 17)), "connection") == ["INVALID"]


def test_connections_of_ipv4_alone_are_nothing_to_tell_of_ipv6() -> None:
    bridge = Bridge6()
    bridge.host.init.conntrack.release(10)
    bridge.host.init.conntrack.use(2)
    journey = Journey(bridge.host, bridge.host.init)
    journey.enter(bridge.host.init.devices["left"], Made(0x86DD, packet(udp(), 17), ALICE_MAC, BOB_MAC))
    assert said(journey.close(), "connection") == []


def test_a_fragment_waits_for_the_others() -> None:
    explanation = told(fragments(packet(udp(bytes(72)), 17), 40, id=77)[0])
    assert ends_of(explanation.travellers[0]) == [
        "waits for the other fragments of datagram 77 from 2001:db8::a"
    ]
