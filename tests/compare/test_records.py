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
    is_log_line,
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


@pytest.mark.parametrize(
    "text",
    [
        "FILTER-FORWARD IN=br0 OUT=br0 PHYSIN=tap1 PHYSOUT=tap2 MAC=ba:ec SRC=172.16.10.11 DST=172.16.10.12 ",
        "IN= OUT=lo SRC=127.0.0.1 ",
        "EB-INPUT IN=tap1 OUT= MAC source = ba:ec:24:5c:80:3a MAC dest = 02:00:00:00:00:01 proto = 0x0800",
        "TRACE: raw:PREROUTING:policy:2 IN=tap1 OUT= MAC=02 ",
    ],
)
def test_a_log_rules_line_is_known_whatever_its_prefix(text: str) -> None:
    assert is_log_line(text)


@pytest.mark.parametrize(
    "text",
    [
        "br0: port 1(tap1) entered forwarding state",
        "device tap1 entered promiscuous mode",
        "IPv4: martian source 192.168.21.1 from 172.16.10.1, on dev wlp2s0",
        "LOGIN=root OUT",
        "",
    ],
)
def test_other_lines_of_the_kernels_log_are_not_of_a_packet(text: str) -> None:
    assert not is_log_line(text)
