"""What the area of routes draws."""

from collections import Counter

from pystack.compare.fuzz.route import ERRORS_TOLD
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Output
from pystack.compare.scenario import Run, Send, Wait
from tests.compare.fuzz.drawing import commands, drawn


def test_everything_that_may_be_asked_or_changed_is_drawn() -> None:
    seen = Counter(tuple(command.split()[:3]) for command in commands(drawn("route", 20)))
    for verb in ("add", "append", "prepend", "replace", "change", "test", "del", "flush"):
        assert seen["ip", "route", verb], verb
    for words in (
        ("ip", "route", "get"),
        ("ip", "rule", "add"),
        ("ip", "rule", "del"),
        ("ip", "addr", "add"),
    ):
        assert seen[words], words


def test_carriers_are_given_time_to_be_noticed() -> None:
    for scenario in drawn("route", 20):
        for step, following in zip(scenario.steps, scenario.steps[1:], strict=False):
            if isinstance(step, Run) and step.command.startswith("ip link set"):
                assert isinstance(following, Wait)


def test_no_route_leads_to_groups() -> None:
    said = [command.split() for command in commands(drawn("route", 20))]
    destinations = [words[3:5] for words in said if words[1:3] == ["route", "add"]]  # a type may come first
    assert destinations
    assert not [words for words in destinations if any(word.startswith(("224.", "239.")) for word in words)]


def test_nobody_sends_more_than_can_be_answered_at_once() -> None:
    for scenario in drawn("route", 5, 1000):
        frames = [step.frames[0] for step in scenario.steps if isinstance(step, Send)]
        assert max(Counter(frame[26:30] for frame in frames).values(), default=0) <= ERRORS_TOLD


def test_half_of_the_questions_are_answered_with_a_way() -> None:
    """Else the fuzzer would compare refusals."""
    side = PystackSide()
    answered, asked = 0, 0
    for scenario in drawn("route", 4):
        side.open(scenario.topology)
        for record in side.play(scenario):
            if isinstance(record, Output) and "route get" in record.command:
                asked += 1
                answered += record.rc == 0
    side.close()
    assert answered > asked // 3
