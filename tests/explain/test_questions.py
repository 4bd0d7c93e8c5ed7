"""The questions that users asked before there was explain: each is answered in words.

They are about which address and which card the kernel chooses, when, and why a packet to oneself goes to lo.
"""

import pytest

from pystack.explain.command import answer
from pystack.host import Host
from tests.explain.lab import build

LAB = (
    "ip addr add 192.0.2.5/24 dev wan\nip route add default via 192.0.2.7\n"
    "ip route add 10.9.0.0/16 via 192.0.2.7 src 192.0.2.5\n"
)
NO_ROUTES = "ip route flush table main\n"


def asked(words: str, *options: str, more: str = LAB) -> str:
    host: Host = build(more)
    told = answer((words, *options), host, host.init)
    return told.err + told.out


@pytest.mark.parametrize(
    ("words", "options", "answers"),
    [
        # Which source and which card does the kernel choose, if the process names the destination alone?
        (
            "0.0.0.0.1 > 10.9.0.1.1: UDP",
            ("--out",),
            ("by wan via 192.0.2.7, source 192.0.2.5", "source 192.0.2.5: the src of the route"),
        ),
        ("0.0.0.0.1 > 8.8.8.8.1: UDP", ("--out",), ("the addresses are walked", "source 192.0.2.1, of wan")),
        # Is the src of the route used where the source is fixed already?
        (
            "10.0.0.1.1 > 10.9.0.1.1: UDP",
            ("--out",),
            ("by wan via 192.0.2.7, source 10.0.0.1", "source 10.0.0.1, of br0: its socket is bound to it"),
        ),
        # With which address does the host answer?
        (
            "10.0.0.2 > 192.0.2.5: ICMP echo request",
            ("--in", "tap1"),
            ("source 192.0.2.5, of wan: an answer comes from the address that was asked",),
        ),
        # Why does a ping to my own card not go to that card?
        (
            "0.0.0.0 > 192.0.2.1: ICMP echo request",
            ("--out",),
            ("192.0.2.1 is this host's own: the way there is lo, not wan", "(path 4-lo-4)"),
        ),
        # … even if I bind to the card? And to another one?
        ("0.0.0.0 > 192.0.2.1: ICMP echo request", ("--out", "--dev", "wan"), ("by lo,", "(path 4-lo-4)")),
        (
            "0.0.0.0 > 10.0.0.1: ICMP echo request",
            ("--out", "--dev", "wan"),
            ("table local has local 10.0.0.1 dev br0 src 10.0.0.1, but it has to leave by wan", "(path 4-6)"),
        ),
        # Does bind() to an address tie me to its card?
        ("10.0.0.1.1 > 127.0.0.1.1: UDP", ("--out",), ("by lo, source 10.0.0.1",)),
        # By which card does a looped packet come in?
        (
            "0.0.0.0 > 192.0.2.1: ICMP echo request",
            ("--out", "--dev", "lo"),
            (
                "sockets see it come by wan, which has the address, not by lo",
                "it is bound to another device",
                "gone: nobody waits for it",
            ),
        ),
        # Can 127.0.0.1 be the source of a packet to somebody else? Can a stranger's?
        (
            "127.0.0.1.1 > 8.8.8.8.1: UDP",
            ("--out",),
            ("Invalid argument", "127.0.0.1 leaves by lo alone, and wan.route_localnet is 0"),
        ),
        ("203.0.113.1.1 > 8.8.8.8.1: UDP", ("--out",), ("Cannot assign requested address",)),
        # Who answers a ping? Which socket is it?
        (
            "10.0.0.2 > 10.0.0.1: ICMP echo request",
            ("--in", "tap1"),
            ("the stack itself answers, without a socket",),
        ),
        # Is it the TAP or br0 by which a VM's packet comes in?
        (
            "10.0.0.2 > 10.0.0.1: ICMP echo request",
            ("--in", "tap1", "--path"),
            ("1   tap1", "bridge PREROUTING  IN=tap1 OUT=", "+   br0", "ip INPUT           IN=br0 OUT="),
        ),
        # Can a packet from outside reach lo?
        (
            "192.0.2.7 > 127.0.0.1: ICMP echo request",
            ("--in", "wan"),
            ("127.0.0.1 belongs on lo alone", "IP_LOCALNET"),
        ),
    ],
)
def test_a_question_has_its_answer(words: str, options: tuple[str, ...], answers: tuple[str, ...]) -> None:
    told = asked(words, *options)
    assert [answer for answer in answers if answer not in told] == []


def test_without_routes_packets_arrive_and_no_answer_leaves() -> None:
    told = asked("10.0.0.2 > 10.0.0.1: ICMP echo request", "--in", "tap1", more=NO_ROUTES)
    assert "for this host" in told
    assert "no answer leaves; the way back to 10.0.0.2: Network is unreachable" in told
    assert "= delivered" in told


def test_without_routes_rp_filter_lets_nothing_in() -> None:
    more = "sysctl -q -w net.ipv4.conf.br0.rp_filter=1\n" + NO_ROUTES
    told = asked("10.0.0.2 > 10.0.0.1: ICMP echo request", "--in", "tap1", more=more)
    assert "there is no way back to 10.0.0.2 at all" in told
    assert "IP_RPFILTER" in told
