"""Build servers read a test case a scenario: what differs fails, what waits is skipped."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from pystack.compare.findings import Findings
from pystack.compare.junit import junit
from pystack.compare.outcome import ERROR, KNOWN, PENDING, SAME, SKIPPED, Outcome, Summary
from pystack.compare.predict import Prediction
from pystack.compare.records import Log
from tests.compare.runs import WIRING, bridged, echo, entered, left, lost, outcome, run

FORESEEN = Prediction("path", 1, "1-7", "1-7 sent by tap2", "1-7 sent by tap2", holds=True)
BROKEN = Prediction("path", 2, "1-2", "1-7 sent by tap2", "1-7 sent by tap2", holds=False)


def suite_of(findings: Findings) -> ElementTree.Element:
    (suite,) = ElementTree.fromstring(junit(findings).encode())
    return suite


def cases(*outcomes: Outcome) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(junit(run(*outcomes)).encode()).iter("testcase"))


def test_each_scenario_is_a_case_of_its_folder() -> None:
    (case,) = cases(Outcome("path/1-7/a.toml", "A pings B", SAME))
    assert (case.get("classname"), case.get("name"), list(case)) == ("path/1-7", "A pings B", [])


def test_what_differs_fails_with_both_sides_as_its_text() -> None:
    (case,) = cases(outcome(bridged(echo()), lost(echo())))
    (failure,) = case
    assert (failure.tag, failure.get("type")) == ("failure", "VERDICT")
    assert "only the kernel has it at bridge FORWARD -1000" in (failure.text or "")
    assert "  pystack  -" in (failure.text or "")


def test_what_waits_is_skipped_and_what_cannot_be_played_is_an_error() -> None:
    told = cases(
        Outcome("a", "a", PENDING, "netfilter"),
        Outcome("b", "b", SKIPPED, "no vrf"),
        Outcome("c", "", ERROR, "c:1: bad"),
    )
    assert [(case[0].tag, case[0].get("message")) for case in told] == [
        ("skipped", "pending: netfilter"),
        ("skipped", "no vrf"),
        ("error", "c:1: bad"),
    ]
    assert told[2].get("name") == "c"


def test_a_known_difference_passes_and_is_told() -> None:
    found = outcome([entered(echo()), left(echo(63))], [entered(echo()), left(echo(62))])
    found.differences = [replace(one, known="as ever") for one in found.differences]
    found.result = KNOWN
    (case,) = cases(found)
    assert [child.tag for child in case] == ["system-out"]
    assert "(known: as ever)" in (case[0].text or "")


def test_the_suite_counts_its_cases() -> None:
    findings = run(
        outcome(bridged(echo()), lost(echo())), Outcome("a", "a", PENDING, "x"), Outcome("b", "b", SAME)
    )
    suite = suite_of(findings)
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "1"]


def test_hostile_bytes_in_a_line_leave_the_document_readable() -> None:
    hostile = '</failure>\x00\x1b[2J"<!--&\ud800'
    (case,) = cases(outcome([Log(1, hostile)], [Log(1, "x")]))
    assert "\ufffd\ufffd[2J" in (case[0].text or "")


def test_what_did_not_go_as_predicted_fails_and_is_counted() -> None:
    findings = Findings()
    findings.add(outcome(bridged(echo()), bridged(echo())), WIRING, (FORESEEN, BROKEN))
    suite = suite_of(findings)
    (failure,) = suite.iter("failure")
    assert suite.get("failures") == "1"
    assert failure.get("type") == "PREDICTION"
    assert failure.get("message") == str(BROKEN)
    assert failure.text == f"not as predicted: {BROKEN}"


def test_what_differs_and_was_predicted_otherwise_is_one_failure() -> None:
    findings = Findings()
    findings.add(outcome(bridged(echo()), lost(echo())), WIRING, (BROKEN,))
    suite = suite_of(findings)
    (failure,) = suite.iter("failure")
    assert (suite.get("failures"), failure.get("type")) == ("1", "VERDICT")
    assert str(BROKEN) in (failure.text or "")


def test_an_interrupted_run_is_an_error() -> None:
    findings = Findings(summary=Summary(planned=3, interrupted=True))
    findings.add(Outcome("a", "a", SAME))
    suite = suite_of(findings)
    (error,) = suite.iter("error")
    assert (suite.get("tests"), suite.get("errors")) == ("2", "1")
    assert error.get("message") == "interrupted: 1 of 3 played"
