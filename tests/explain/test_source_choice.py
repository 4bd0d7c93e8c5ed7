"""With which source a packet goes out, and why no other address was taken."""

import pytest

from pystack.errors import NetError
from pystack.explain.journey import Journey
from pystack.explain.words import packet_of
from tests.explain.lab import build, reasons, stage, told


def walked(destination: str, more: str) -> list[str]:
    """What is said of the source, from the walk on."""
    told_of = reasons(told(f"0.0.0.0.1 > {destination}.1: UDP", host=build(more)), "route")
    return told_of[told_of.index("the route has no src: the addresses are walked") + 1 :]


def test_the_src_of_a_route_is_taken_first() -> None:
    more = "ip addr add 192.0.2.9/24 dev wan\nip route add 10.9.0.0/16 via 192.0.2.7 src 192.0.2.9\n"
    explanation = told("0.0.0.0.1 > 10.9.0.1.1: UDP", host=build(more))
    assert reasons(explanation, "route")[-1] == "source 192.0.2.9: the src of the route"
    assert stage(explanation, "route").told.reasons[-1].config == "lab.setup:16"


def test_secondary_addresses_are_passed_over() -> None:
    more = (
        "ip addr flush dev wan\nip addr add 192.0.2.1/24 dev wan\nip addr add 192.0.2.9/24 dev wan\n"
        "ip addr add 198.51.100.1/24 dev wan\nip route add default via 198.51.100.7\n"
    )
    assert walked("8.8.8.8", more) == [
        "  192.0.2.1/24 of wan: its network does not hold the gateway 198.51.100.7",
        "source 198.51.100.1, of wan: the first that will do",
    ]


def test_an_address_of_narrow_scope_is_passed_over_and_another_device_asked() -> None:
    more = (
        "ip addr flush dev wan\nip addr add 192.0.2.1/24 dev wan scope link\n"
        "ip route add default via 192.0.2.7\n"
    )
    assert walked("8.8.8.8", more) == [
        "  192.0.2.1/24 of wan: scope link is narrower than the way's (global)",
        "  127.0.0.1/8 of lo: scope host is narrower than the way's (global)",
        "source 10.0.0.1, of br0: the first that will do",
    ]


def test_without_any_address_the_packet_goes_out_from_nowhere() -> None:
    more = (
        "ip addr flush dev br0\nip addr flush dev wan\nip addr add 192.0.2.1/24 dev wan scope link\n"
        "ip route add default via 192.0.2.7\n"
    )
    assert walked("8.8.8.8", more)[-1] == (
        "source 0.0.0.0: no address will do, and the packet goes out all the same"
    )


def test_a_secondary_address_of_our_own_is_spoken_to_from_its_primary() -> None:
    explanation = told("0.0.0.0.1 > 192.0.2.9.1: UDP", host=build("ip addr add 192.0.2.9/24 dev wan\n"))
    assert reasons(explanation, "route")[-1] == "source 192.0.2.1: the src of the local route"


def test_an_answer_comes_from_the_address_that_was_asked_even_if_it_is_another_device_s() -> None:
    explanation = told("10.0.0.2 > 192.0.2.1: ICMP echo request", "tap1")
    assert reasons(explanation, "route", packet=2)[-1] == (
        "source 192.0.2.1, of wan: an answer comes from the address that was asked"
    )


def test_a_group_on_a_named_device_asks_the_tables_only_if_it_is_not_of_the_link() -> None:
    said = {
        "224.0.0.9": "to many: its socket is bound to wan, and the tables are not asked",
        "239.1.1.1": "rule 0: table local has nothing for 239.1.1.1",
    }
    for group, first in said.items():
        host = build()
        journey = Journey(host, host.init)
        journey.leave(packet_of(f"0.0.0.0.1 > {group}.1: UDP"), bound_to="wan")
        told_of = reasons(journey.close(), "route")
        assert (told_of[0], told_of[-1]) == (first, "source 192.0.2.1, of wan: the first that will do")


def test_a_socket_cannot_be_bound_to_an_address_that_is_not_ours() -> None:
    host = build()
    with pytest.raises(NetError, match="Cannot assign requested address"):
        Journey(host, host.init).leave(packet_of("10.0.0.99.1 > 10.0.0.2.1: UDP"))


def test_a_packet_by_a_device_that_has_no_route_there_is_sent_as_if_on_its_link() -> None:
    host = build()
    journey = Journey(host, host.init)
    journey.leave(packet_of("0.0.0.0.1 > 198.51.100.9.1: UDP"), bound_to="wan")
    told_of = reasons(journey.close(), "route")
    assert told_of[-2:] == [
        "no route leads out by wan: 198.51.100.9 is taken to be on its link",
        "source 192.0.2.1, of wan: the first that will do",
    ]
