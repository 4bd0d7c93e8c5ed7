"""What was written down beforehand holds for both sides, or is shown beside what they did."""

from __future__ import annotations

from pystack.compare.predict import predictions
from pystack.compare.records import Log, Record
from pystack.compare.scenario import Expectation
from tests.compare.runs import WIRING, bridged, echo, lost


def held(
    expectation: Expectation, kernel: list[Record], pystack: list[Record]
) -> list[tuple[str | None, str | None, str | None, bool]]:
    told = predictions([expectation], kernel, pystack, WIRING)
    return [(one.expected, one.kernel, one.pystack, one.holds) for one in told]


def test_a_kind_of_path_holds_if_both_sides_took_it() -> None:
    both = held(Expectation("1-7"), bridged(echo()), bridged(echo()))
    assert both == [("1-7", "1-7 sent by tap2", "1-7 sent by tap2", True)]


def test_how_it_ended_can_be_expected_too() -> None:
    assert held(Expectation("1-7 sent by tap2"), bridged(echo()), bridged(echo()))[0][3]
    assert not held(Expectation("1-7 sent by tap3"), bridged(echo()), bridged(echo()))[0][3]


def test_a_path_that_only_one_side_took_does_not_hold() -> None:
    ((_, theirs, ours, holds),) = held(Expectation("1-7"), bridged(echo()), lost(echo()))
    assert (theirs, ours, holds) == ("1-7 sent by tap2", "1-? dropped after bridge PREROUTING 50", False)


def test_a_packet_that_never_came_does_not_hold() -> None:
    second = [Expectation("1-7"), Expectation("1-7")]
    told = predictions(second, bridged(echo()), bridged(echo()), WIRING)
    assert [(one.number, one.kernel, one.holds) for one in told] == [
        (1, "1-7 sent by tap2", True),
        (2, None, False),
    ]


def test_nothing_is_held_against_a_side_that_did_not_play() -> None:
    assert held(Expectation("1-7"), [], bridged(echo())) == [("1-7", None, "1-7 sent by tap2", True)]


def test_a_line_holds_if_what_was_printed_begins_with_it() -> None:
    printed: list[Record] = [Log(1, "[X] IN=tap1 OUT= ID=7 ")]
    whole = "[X] IN=tap1 OUT= ID=7 "
    assert held(Expectation(log=("[X] IN=tap1 ",)), printed, printed) == [
        ("[X] IN=tap1 ", whole, whole, True)
    ]


def test_the_spaces_around_a_line_need_not_be_foreseen() -> None:
    printed: list[Record] = [Log(1, " [FILTER] IN=br0 ")]
    assert held(Expectation(log=("[FILTER] IN=br0",)), printed, printed)[0][3]
    assert held(Expectation(log=(" [FILTER] IN=br0 ",)), printed, printed)[0][3]


def test_a_wrong_line_stands_beside_what_was_printed_in_its_place() -> None:
    printed: list[Record] = [Log(1, "[A] IN="), Log(1, "[B] IN="), Log(1, "[C] IN=")]
    told = held(Expectation(log=("[A]", "[X]", "[C]")), printed, printed)
    assert [(expected, theirs, holds) for expected, theirs, _, holds in told] == [
        ("[A]", "[A] IN=", True),
        ("[X]", "[B] IN=", False),
        ("[C]", "[C] IN=", True),
    ]


def test_a_line_that_nobody_expected_is_told() -> None:
    printed: list[Record] = [Log(1, "[A] IN="), Log(1, "[B] IN=")]
    assert held(Expectation(log=("[A]",)), printed, printed)[1] == (None, "[B] IN=", "[B] IN=", False)


def test_lines_are_only_held_against_each_other_where_somebody_wrote_some() -> None:
    assert held(Expectation("1-7"), [*bridged(echo()), Log(1, "[A] IN=")], bridged(echo()))[1:] == []
