"""Whom a third voter sides with."""

from dataclasses import replace

from pystack.compare.live.examples import third
from pystack.compare.records import Hop
from tests.compare.live.made import PING, entering, example

WHOLE = entering(PING)
CUT = WHOLE[:-2]  # dropped by a rule of INPUT


def voted(kernel: list[Hop], clone: list[Hop] | None, pystack: list[Hop]) -> tuple[str, list[str]]:
    one = example(kernel, pystack, lacks="the weather")
    one.clone = clone
    return third.vote(one), list(third.lines(one))


def test_with_the_live_kernel() -> None:
    vote, lines = voted(CUT, CUT, WHOLE)
    assert vote == third.CODE
    assert "pystack does otherwise with the same state" in lines[-2]


def test_with_pystack() -> None:
    vote, lines = voted(CUT, WHOLE, WHOLE)
    assert vote == third.STATE
    assert [line[:3] for line in lines[1:10]] == ["   "] * 7 + ["  >"] * 2
    assert lines[-1] == "  the clone lacks: the weather"


def test_with_neither() -> None:
    assert voted(CUT, CUT[:-1], WHOLE)[0] == third.NEITHER


def test_with_both_where_only_the_tables_differ() -> None:
    vote, lines = voted(WHOLE, WHOLE, WHOLE)
    assert vote == third.NOT_THE_WAY
    assert not any(line.startswith("  >") for line in lines)


def test_where_all_were_seen_at_the_same_places_their_octets_decide() -> None:
    changed = [replace(hop, data=hop.data[:-1] + b"\xff") for hop in WHOLE]
    assert voted(WHOLE, WHOLE, changed)[0] == third.CODE
    assert voted(WHOLE, changed, changed)[0] == third.STATE


def test_without_a_vote_it_is_said_why() -> None:
    vote, lines = voted(CUT, None, WHOLE)
    assert vote == ""
    assert lines == ["  the clone was not asked: not played in a lab yet"]
