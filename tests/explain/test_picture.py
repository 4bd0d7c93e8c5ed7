"""A packet's way in the numbers of the README's picture."""

import pytest

from pystack.explain.journey import Explanation
from pystack.explain.path_kind import Crossed, Wiring, kind_of
from pystack.explain.picture import picture
from pystack.explain.text import pictures
from tests.explain.lab import build, told

VETH = (
    "ip netns add far\nip link add v0 type veth peer name v1 netns far\nip link set v0 up\n"
    "ip -n far link set v1 up\nip addr add 172.16.0.1/24 dev v0\n"
    "ip neigh add 172.16.0.9 lladdr 02:00:00:00:00:99 dev v0\n"
)
BRIDGED = (
    "02:aa:00:00:00:01 > 02:aa:00:00:00:03, ethertype IPv4 (0x0800), length 42: 10.0.0.2.1 > 10.0.0.3.1: UDP"
)


def numbers(explanation: Explanation) -> list[str]:
    """The numbers and devices of the first packet's line."""
    traveller = explanation.travellers[0]
    lines = list(picture(traveller.path, traveller.passed, explanation.wiring[traveller.netns]))[1:]
    return [" ".join(line.split()) for line in lines if not line.startswith("  |")]


@pytest.mark.parametrize(
    ("words", "entry", "kind", "nodes"),
    [
        (BRIDGED, "tap1", "1-7", ["1 tap1", "7 tap2"]),
        ("10.0.0.2 > 10.0.0.1: ICMP echo request", "tap1", "1-2", ["1 tap1", "+ br0", "2 this host"]),
        ("10.0.0.2 > 192.0.2.1: ICMP echo request", "tap1", "1-4", ["1 tap1", "+ br0", "4 this host"]),
        ("10.0.0.2.1 > 192.0.2.7.1: UDP", "tap1", "1-6", ["1 tap1", "+ br0", "6 wan"]),
        ("192.0.2.7.1 > 10.0.0.2.1: UDP", "wan", "3-2-8", ["3 wan", "2 br0", "8 tap2", "8 tap1"]),
        ("192.0.2.7 > 192.0.2.1: ICMP echo request", "wan", "3-4", ["3 wan", "4 this host"]),
        (
            "0.0.0.0.1 > 192.0.2.7.1: UDP",
            "",
            "4-6",
            ["4 a local process, or the stack itself", "6 wan"],
        ),
        (
            "0.0.0.0.1 > 192.0.2.1.1: UDP",
            "",
            "4-lo-4",
            [
                "4 a local process, or the stack itself",
                "lo where what is for this host turns round",
                "4 this host",
            ],
        ),
    ],
)
def test_each_kind_of_path_has_its_numbers(words: str, entry: str, kind: str, nodes: list[str]) -> None:
    explanation = told(words, entry)
    assert explanation.travellers[0].path == kind
    assert numbers(explanation) == nodes


def test_a_way_into_another_namespace_says_which() -> None:
    explanation = told("0.0.0.0.1 > 172.16.0.9.1: UDP", host=build(VETH))
    assert explanation.travellers[0].path == "x-ns"
    assert numbers(explanation)[-1] == "ns v0, into namespace far"


def test_beside_each_hook_stand_the_fields_of_a_log_line() -> None:
    lines = [line.split() for line in pictures(told(BRIDGED, "tap1"))]
    assert ["|", "ip", "FORWARD", "IN=br0", "OUT=br0", "PHYSIN=tap1", "PHYSOUT=tap2"] in lines
    assert ["|", "ip", "POSTROUTING", "IN=", "OUT=br0", "PHYSIN=tap1", "PHYSOUT=tap2"] in lines
    assert lines[-1] == ["=", "sent", "by", "tap2"]


def test_log_rules_speak_beside_their_hooks() -> None:
    host = build(
        "iptables -A FORWARD -j LOG --log-prefix 'one '\niptables -A FORWARD -j LOG --log-prefix 'two '\n"
    )
    lines = [" ".join(line.split()) for line in pictures(told(BRIDGED, "tap1", host=host))]
    at = next(at for at, line in enumerate(lines) if line.startswith("| ip FORWARD"))
    assert lines[at].startswith("| ip FORWARD one IN=br0 OUT=br0 PHYSIN=tap1 PHYSOUT=tap2 MAC=")
    assert lines[at + 1].startswith("| two IN=br0 OUT=br0 PHYSIN=tap1 PHYSOUT=tap2 MAC=")


def test_a_packet_that_was_lost_early_says_so() -> None:
    lines = list(pictures(told("127.0.0.1 > 10.0.0.1: ICMP echo request", "tap1")))
    assert lines[1] == "    path 1-?: lost before its way was clear"


def test_a_port_that_lets_nothing_in_is_still_one_of_a_bridge() -> None:
    explanation = told(BRIDGED, "tap1", host=build("bridge link set dev tap1 state 0\n"))
    assert explanation.travellers[0].path == "1-?"
    assert numbers(explanation) == ["1 tap1"]


def test_a_packet_that_only_waits_is_on_its_way_out() -> None:
    hooks = [Crossed("ip", "OUTPUT", None, "br0"), Crossed("ip", "POSTROUTING", None, "br0")]
    assert kind_of(hooks, Wiring(bridges=frozenset({"br0"}))) == "4-2-8"
