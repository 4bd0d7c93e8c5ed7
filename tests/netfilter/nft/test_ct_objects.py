"""Helpers and timeouts that rules of nft give to connections by name."""

import pytest

from pystack.applets.virtual import run_setup
from pystack.netfilter.conntrack.helper import helper_name
from tests.frames import ALICE_IP
from tests.netfilter.nft.router import Router

FTP = 'ct helper x { type "ftp" protocol tcp; }'
TIMES = "ct timeout x { protocol udp; policy = { unreplied : 5, replied : 10 }; }"


def router(declared: str, rule: str) -> Router:
    chain = f"chain c {{ type filter hook prerouting priority 0; {rule}; }}"
    return Router(f"table ip t {{ {declared}\n{chain} ; }}")


def helpers(box: Router) -> list[str]:
    return [helper_name(conn) for conn in box.ns.conntrack.context.table]


def times(box: Router) -> list[int]:
    context = box.ns.conntrack.context
    return [context.left(conn) // context.clock.hz for conn in context.table]


def test_a_connection_gets_the_helper_that_a_rule_names() -> None:
    box = router(FTP, 'tcp dport 21 ct helper set "x"')
    box.alice_begins(21)
    box.alice_begins(22)
    assert sorted(helpers(box)) == ["", "ftp"]


def test_a_map_may_name_it() -> None:
    box = router(FTP, 'ct helper set tcp dport map { 2121 : "x" }')
    box.alice_begins(2121)
    box.alice_begins(21)
    assert sorted(helpers(box)) == ["", "ftp"]


def test_a_helper_is_for_connections_of_its_protocol() -> None:
    box = router(FTP, 'ct helper set "x"')
    box.alice_sends(21)
    assert helpers(box) == [""]


def test_a_connection_that_is_known_gets_none() -> None:
    box = router(FTP, "ct state new counter")
    box.alice_begins(21)
    box.nft('add rule ip t c ct helper set "x"')
    box.alice_begins(21)
    assert helpers(box) == [""]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('ct helper x { type "irc" protocol tcp; }', "is not modelled"),
        ('ct helper x { type "nothing" protocol tcp; }', "No such file or directory"),
    ],
)
def test_helpers_that_are_not_there_are_refused(declared: str, said: str) -> None:
    box = Router()
    lines = run_setup(box.host, f"nft -f - <<END\ntable ip t {{ {declared} ; }}\nEND\n", "setup")
    assert any(said in line for line in lines), lines
    assert box.ns.nft.tables == {}


def test_a_connection_lives_as_long_as_its_policy_says() -> None:
    box = router(TIMES, 'udp dport 53 ct timeout set "x"')
    box.alice_sends(53)
    assert times(box) == [5]
    box.advance(3)
    box.bob_sends(53, 1000, dst=ALICE_IP)
    assert times(box) == [5]
    box.alice_sends(53)
    assert times(box) == [10]


def test_others_live_as_long_as_usual() -> None:
    box = router(TIMES, 'ct timeout set "x"')
    box.alice_begins(22)
    assert times(box) == [120]
