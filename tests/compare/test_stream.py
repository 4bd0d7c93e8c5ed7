"""The stream of --json: keys and order as they are promised, and readable again."""

from __future__ import annotations

import json

from pystack.compare.outcome import PENDING, Outcome
from pystack.compare.predict import Prediction
from pystack.compare.records import Json
from pystack.compare.stream import events, scenarios
from pystack.explain.path_kind import Wiring
from tests.compare.runs import bridged, echo, lost, outcome, run

DIFFERS = run(outcome(bridged(echo()), lost(echo()))).entries[0]


def test_a_scenario_is_told_from_its_name_to_its_result() -> None:
    kinds = [event["type"] for event in events(DIFFERS)]
    assert kinds[:3] == ["scenario", "step", "frame"]
    assert kinds[-2:] == ["diff", "result"]


def test_the_keys_are_those_that_are_promised_in_their_order() -> None:
    by_type: dict[object, Json] = {event["type"]: event for event in events(DIFFERS)}
    assert list(by_type["scenario"]) == ["v", "type", "file", "title"]
    assert list(by_type["result"]) == ["v", "type", "file", "result", "reason", "compared"]
    assert list(by_type["step"]) == ["v", "type", "n"]
    assert list(by_type["frame"]) == ["v", "type", "side", "step", "port", "dir", "hex"]
    diff = ["v", "type", "class", "step", "at", "kernel", "pystack", "cause", "known", "n"]
    assert list(by_type["diff"]) == diff


def test_a_prediction_stands_before_the_result() -> None:
    entry = run().add(DIFFERS.outcome, Wiring(), (Prediction("path", 1, "1-7", None, "1-7", holds=True),))
    told = list(events(entry))[-2]
    assert (told["type"], told["expected"], told["holds"]) == ("prediction", "1-7", True)


def test_what_waits_has_no_steps() -> None:
    waits = run(Outcome("a.toml", "A", PENDING, "netfilter")).entries[0]
    assert [event["type"] for event in events(waits)] == ["scenario", "result"]


def test_a_stream_that_is_read_back_has_the_same_records_and_differences() -> None:
    lines = [json.loads(json.dumps(event)) for event in events(DIFFERS)]
    (told,) = scenarios(lines)
    assert (told.kernel, told.pystack) == (DIFFERS.outcome.kernel, DIFFERS.outcome.pystack)
    assert told.differences == [one.difference.to_json() | {"n": one.number} for one in DIFFERS.findings]


def test_a_scenario_that_breaks_off_is_not_told() -> None:
    lines = list(events(DIFFERS))
    assert list(scenarios(lines[:-1])) == []
    assert len(list(scenarios([*lines[:-1], *lines]))) == 1
