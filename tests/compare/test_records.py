"""What a side yields, in the words of the JSON stream."""

import json
from dataclasses import replace

import pytest

from pystack.compare.records import (
    KERNEL,
    PYSTACK,
    Captured,
    Frame,
    Hop,
    Log,
    Output,
    Record,
    State,
    from_json,
    to_json,
)

HOP = Hop(2, 1, "bridge", "INPUT", -150, None, None, None, "tap1", None, None, None, 7, b"\x01\xff")


def test_a_hop_says_what_could_not_be_seen_by_null() -> None:
    assert json.loads(json.dumps(to_json(HOP, KERNEL))) == {
        "v": 1,
        "type": "hop",
        "side": "kernel",
        "step": 2,
        "packet": 1,
        "family": "bridge",
        "hook": "INPUT",
        "priority": -150,
        "table": None,
        "chain": None,
        "rule": None,
        "in": "tap1",
        "out": None,
        "physin": None,
        "physout": None,
        "mark": 7,
        "hex": "01ff",
        "verdict": None,
        "reason": None,
        "config": None,
    }


@pytest.mark.parametrize(
    "record",
    [
        Frame(1, "tap1", "in", b"\x01\xff"),
        Captured(0, "br0", "out", b""),
        Log(3, "[X] IN= "),
        HOP,
        replace(HOP, physin="tap1", verdict="drop", reason="NO_SOCKET", config="-A X"),
        Output(1, "ping x", 2, "both", "out", "err"),
        State(9, "fdb", "x\n"),
    ],
)
def test_a_record_comes_back_from_its_line(record: Record) -> None:
    assert from_json(json.loads(json.dumps(to_json(record, KERNEL)))) == record


def test_a_line_of_another_kind_is_no_record() -> None:
    with pytest.raises(ValueError, match="unknown record 'step'"):
        from_json({"v": 1, "type": "step", "step": 1})


def test_an_output_has_both_streams_apart_and_together() -> None:
    fields = to_json(Output(1, "ping x", 2, "both", "out", "err"), PYSTACK)
    assert (fields["rc"], fields["text"], fields["out"], fields["err"]) == (2, "both", "out", "err")
    assert to_json(State(1, "fdb", "x\n"), PYSTACK)["what"] == "fdb"
