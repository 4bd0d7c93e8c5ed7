"""Packets followed from the door to their end."""

import pytest

from pystack.errors import NetError
from pystack.explain.journey import MOST_PACKETS, Journey
from pystack.explain.text import lines
from pystack.explain.words import packet_of
from tests.explain.lab import build, ends, reasons, stage, told

PING = "10.0.0.2 > 10.0.0.1: ICMP echo request"


def test_a_ping_to_the_bridge_is_delivered_and_its_answer_is_a_packet_of_its_own() -> None:
    explanation = told(PING, "tap1")
    assert ends(explanation) == ["delivered; caused #2", "sent by tap1"]
    assert explanation.travellers[1].begins == "made here"
    assert explanation.travellers[1].cause == 1


def test_each_decision_names_the_line_that_made_it() -> None:
    explanation = told(PING, "tap1")
    port = stage(explanation, "rx").told.reasons[0]
    assert (port.text[:24], port.config) == ("tap1 is a port of br0, w", "lab.setup:3")
    assert stage(explanation, "neighbour", 2).told.config == "lab.setup:12"


def test_forwarding_tells_what_it_rewrote() -> None:
    explanation = told("10.0.0.2.1000 > 192.0.2.7.53: UDP, length 12", "tap1")
    assert stage(explanation, "forward").changes == ("ip.ttl 64 -> 63",)
    assert stage(explanation, "forward").told.config == "lab.setup:14"
    assert ends(explanation) == ["sent by wan"]


def test_a_packet_for_nobody_known_waits_and_the_question_is_shown() -> None:
    explanation = told("10.0.0.2.1000 > 192.0.2.8.53: UDP, length 12", "tap1")
    assert ends(explanation) == [
        "waits for the link address of 192.0.2.8 on wan; caused #2",
        "sent by wan",
    ]
    assert reasons(explanation, "neighbour") == ["nobody is known as 192.0.2.8 on wan"]


def test_a_socket_s_packet_gets_the_source_that_the_stack_chooses() -> None:
    explanation = told("0.0.0.0.1000 > 192.0.2.7.53: UDP, length 12")
    assert "source 192.0.2.1" in stage(explanation, "route").told.text
    assert ends(explanation) == ["sent by wan"]


def test_a_packet_to_an_own_address_goes_by_lo() -> None:
    explanation = told("0.0.0.0.1000 > 10.0.0.1.53: UDP, length 12")
    assert [found.place for found in explanation.stages if found.kind == "tx"][:1] == ["lo"]


def test_a_socket_without_a_route_hears_the_kernel_s_word() -> None:
    with pytest.raises(NetError, match="Network is unreachable"):
        told("0.0.0.0.1 > 198.51.100.1.1: UDP, length 0")


def test_a_drop_bears_the_kernel_s_reason() -> None:
    explanation = told("10.0.0.2.1 > 10.0.0.1.9: UDP, length 0", "tap1")
    assert stage(explanation, "drop").drop == "NO_SOCKET"
    assert ends(explanation)[0] == "dropped: no socket wants the packet; caused #2"


def test_the_answer_of_the_far_end_is_followed_when_asked_for() -> None:
    explanation = told("10.0.0.2.1000 > 192.0.2.7.53: UDP, length 12", "tap1", reply=True)
    assert [traveller.begins for traveller in explanation.travellers] == ["enters by tap1", "enters by wan"]
    assert ends(explanation) == ["sent by wan", "sent by tap1"]


def test_a_veth_pair_is_crossed_by_a_packet_of_its_own() -> None:
    host = build(
        "ip netns add far\nip link add v0 type veth peer name v1 netns far\nip link set v0 up\n"
        "ip -n far link set v1 up\nip addr add 172.16.0.1/24 dev v0\n"
        "ip neigh add 172.16.0.9 lladdr 02:00:00:00:00:99 dev v0\n"
    )
    explanation = told("0.0.0.0.1 > 172.16.0.9.1: UDP, length 0", host=host)
    assert ends(explanation)[0] == "crossed to v1 in namespace far; caused #2"
    assert explanation.travellers[1].netns == "far"


def test_a_frame_that_is_dropped_at_the_door_says_why() -> None:
    explanation = told(PING, "tap1", host=build("ip link set tap1 down\n"), reply=False)
    assert ends(explanation) == ["dropped: the device is down"]
    assert explanation.travellers[0].path == "?"


def test_a_loop_is_not_followed_for_ever() -> None:
    host = build(
        "ip link add br1 type bridge\nip link set br1 up\n"
        + "".join(
            f"ip link add {name}0 type veth peer name {name}1\n"
            f"ip link set {name}0 master br0\nip link set {name}1 master br1\n"
            f"ip link set {name}0 up\nip link set {name}1 up\n"
            for name in "ab"
        )
    )
    explanation = told("ARP, Request who-has 10.0.0.7 tell 10.0.0.9", "tap1", host=host)
    assert explanation.is_cut_short
    assert len(explanation.travellers) == MOST_PACKETS
    assert list(lines(explanation))[-1] == (
        f"… and more: {MOST_PACKETS} packets are followed, and this looks like a loop"
    )


def test_an_arp_request_without_link_addresses_gets_plausible_ones() -> None:
    explanation = told("ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28", "tap1")
    assert explanation.travellers[0].first[:6] == b"\xff" * 6
    assert any(explanation.travellers[0].first[6:12])


def test_a_neighbour_that_a_packet_waits_for_is_assumed_when_its_answer_is_to_be_followed() -> None:
    explanation = told("10.0.0.2.1000 > 192.0.2.8.53: UDP, length 12", "tap1", reply=True)
    assert [traveller.begins for traveller in explanation.travellers] == [
        "enters by tap1",
        "made here",
        "assumed to enter by wan",
        "enters by wan",
    ]
    assert ends(explanation)[0] == "sent by wan; caused #2"
    assert ends(explanation)[-1] == "sent by tap1"


def test_what_a_program_here_would_answer_is_not_made_up() -> None:
    host = build()
    host.init.udp.open().bind(0, 53)
    journey = Journey(host, host.init)
    journey.enter(host.init.devices["tap1"], packet_of("10.0.0.2.1000 > 10.0.0.1.53: UDP, length 12"))
    assert not journey.reply()
    found = stage(journey.close(), "reply").told
    assert found.text == "nothing is followed: what a program here answers is not known"


def test_arp_at_a_device_that_does_without_is_told_to_be_in_vain() -> None:
    host = build("ip link add d0 type dummy\nip link set d0 up\nip addr add 10.7.0.1/24 dev d0\n")
    explanation = told("ARP, Request who-has 10.7.0.1 tell 10.7.0.2, length 28", "d0", host=host)
    assert reasons(explanation, "rx") == ["d0 does without ARP (NOARP): it neither asks nor answers"]


def test_an_ignored_echo_to_all_bears_the_kernel_s_reason_and_says_what_is_so() -> None:
    explanation = told("10.0.0.2 > 10.0.0.255: ICMP echo request", "tap1")
    found = stage(explanation, "drop")
    assert found.drop == "INVALID_PROTO"
    assert found.told.text == "dropped: an ICMP message to many that is not answered here"


CABLE = """
ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
ip link add link v0 name v0.5 type vlan id 5; ip link set v0.5 up; ip addr add 10.5.0.1/24 dev v0.5
ip neigh add 10.5.0.2 lladdr 02:00:00:00:aa:01 dev v0.5
"""


def test_what_a_vlan_sends_is_told_to_get_a_tag_and_nothing_else_to_change() -> None:
    explanation = told("10.5.0.1 > 10.5.0.2: ICMP echo request", host=build(CABLE))
    sent = [(one.place, one.told.text, one.changes) for one in explanation.stages if one.kind == "tx"]
    assert sent == [("v0.5", "gets the tag of VLAN 5, leaves by v0", ()), ("v0", "crosses to v1", ())]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("id 5; ip link set x up", "the tag of VLAN 5 is that of x, which gets it without"),
        ("id 5", "the tag of VLAN 5 is that of x, which is down"),
        ("id 6", "no VLAN device of v1 has the tag of VLAN 5"),
    ],
)
def test_a_frame_with_a_tag_is_told_whose_it_is(more: str, reason: str) -> None:
    host = build(f"{CABLE}ip link add link v1 name x type vlan {more}")
    explanation = told("10.5.0.1 > 10.5.0.2: ICMP echo request", host=host)
    assert reasons(explanation, "rx", packet=2) == [reason]
