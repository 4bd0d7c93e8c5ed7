"""The terminal is told causes, not packets, and colour says nothing that a word does not say."""

from __future__ import annotations

import re
from dataclasses import replace

from pystack.compare.explanation import explain
from pystack.compare.findings import Entry
from pystack.compare.outcome import ERROR, PENDING, Outcome, Summary
from pystack.compare.predict import Prediction
from pystack.compare.records import Output, State
from pystack.compare.report import Report
from pystack.explain.path_kind import Wiring
from tests.compare.runs import bridged, echo, entered, left, lost, outcome, run

TWICE = run(
    outcome(bridged(echo()), bridged(echo())),
    outcome([entered(echo()), left(echo(63))], [entered(echo()), left(echo(62))], "a.toml"),
    outcome([entered(echo()), left(echo(63))], [entered(echo()), left(echo(62))], "b.toml"),
)


def test_numbers_run_through_all_scenarios() -> None:
    assert [(finding.number, finding.outcome.file) for finding in TWICE] == [(1, "a.toml"), (2, "b.toml")]


def test_one_cause_in_two_scenarios_is_told_once_with_all_its_numbers() -> None:
    lines = list(Report().causes(TWICE.causes()))
    assert lines[1:3] == [
        "REWRITE ip.ttl, ip.chksum: 2 times in 2 scenarios",
        "    1 a.toml, step 1, at port tap2",
    ]
    assert lines[-2:] == ["      also 2", ""]


def test_packets_that_read_alike_are_told_apart_by_their_fields() -> None:
    lines = list(Report().causes(TWICE.causes()))
    assert [line.split()[0] for line in lines[3:6]] == ["both", "differs", "differs"]
    assert lines[4] == "      differs  ip.ttl 3f | 3e"


def test_of_a_long_payload_the_part_that_differs_is_shown() -> None:
    left_payload, right_payload = (echo() + bytes(40) + end + bytes(40) for end in (b"\x01", b"\x02"))
    found = run(outcome([entered(echo()), left(left_payload)], [entered(echo()), left(right_payload)]))
    lines = list(Report().causes(found.causes()))
    assert f"      differs  payload ...01{'00' * 15}... | ...02{'00' * 15}..." in lines


def test_of_an_output_only_the_lines_that_differ_are_the_example() -> None:
    theirs = Output(1, "ip link", 0, "", "1: lo\n2: a\n", "a warning\n")
    ours = Output(1, "ip link", 0, "", "1: lo\n2: b\n", "a warning\n")
    lines = list(Report().causes(run(outcome([theirs], [ours])).causes()))
    assert lines[3:-1] == ["      kernel   2: a", "      pystack  2: b"]


def test_an_exit_code_is_told_where_it_differs() -> None:
    lines = list(
        Report().causes(
            run(outcome([Output(1, "x", 0, "", "", "")], [Output(1, "x", 2, "", "", "")])).causes()
        )
    )
    assert lines[3:-1] == ["      kernel   exit code 0", "      pystack  exit code 2"]


def test_what_is_known_comes_last_and_says_why() -> None:
    findings = run(
        outcome([entered(echo()), left(echo(63))], [entered(echo()), left(echo(62))]),
        outcome(bridged(echo()), lost(echo()), "b.toml"),
    )
    first = findings.entries[0].findings[0]
    object.__setattr__(first, "difference", replace(first.difference, known="as in 5.10"))
    causes = findings.causes()
    assert causes[-1].known == "as in 5.10"
    assert "REWRITE ip.ttl, ip.chksum: once (known: as in 5.10)" in list(Report().causes(causes))


def test_of_a_table_the_lines_that_differ_are_the_example() -> None:
    theirs, ours = State(1, "fdb", "a\nb 1\nc\n"), State(1, "fdb", "c\nb \033[2J\na\n")
    lines = list(Report().causes(run(outcome([theirs], [ours])).causes()))
    assert lines[3:5] == ["      kernel   b 1", "      pystack  b .[2J"]


def test_a_scenario_says_how_it_ended_why_and_which_differences_it_has() -> None:
    lines = [line for entry in TWICE.entries for line in Report().scenario(entry)]
    assert lines[0] == "same     dir/one.toml  What dir/one.toml is about"
    assert lines[2] == "differ   b.toml  What b.toml is about  [2]"
    waits = Outcome("c.toml", "C", PENDING, "netfilter: chains, and much more")
    assert list(Report().scenario(Entry(waits, Wiring()))) == ["pending  c.toml  C: netfilter"]


def test_the_summary_counts_what_there_was() -> None:
    findings = run(Outcome("c.toml", "", ERROR, "bad"), *(entry.outcome for entry in TWICE.entries))
    assert next(iter(Report().summary(findings.summary))) == "4 scenarios: 1 same, 2 differ, 1 error"


def test_colours_add_nothing_to_the_text() -> None:
    def told(colours: bool) -> list[str]:
        report = Report(colours=colours)
        (finding, *_) = TWICE
        lines = [line for entry in TWICE.entries for line in report.scenario(entry)]
        lines += [*report.causes(TWICE.causes()), *report.summary(TWICE.summary)]
        return [*lines, *report.explanation(explain(finding))]

    plain, painted = told(False), told(True)
    assert "\033" not in "".join(plain)
    assert [re.sub("\033\\[[0-9;]*m", "", line) for line in painted] == plain
    assert "\033" in "".join(painted)


def test_two_columns_fit_the_terminal_and_lose_nothing() -> None:
    (finding, *_) = TWICE
    lines = list(Report(width=80).explanation(explain(finding)))
    beside = [line for line in lines[2:-1] if line]
    assert all(len(line) <= 80 for line in beside)
    whole = "".join(line[2:40].strip() for line in beside)
    assert "ethertypeIPv4(0x0800)" in whole.replace(" ", "")


def test_control_characters_do_not_reach_the_terminal() -> None:
    (finding, *_) = TWICE
    told = explain(finding)
    rows = tuple(replace(row, kernel="\033[2J" + row.kernel) for row in told.sections[0].rows)
    hostile = replace(told, sections=(replace(told.sections[0], rows=rows),))
    assert "\033" not in "".join(Report().explanation(hostile))


def test_a_wrong_prediction_is_marked_and_shown_in_three_columns() -> None:
    entry = Entry(
        outcome(bridged(echo()), bridged(echo())),
        Wiring(),
        predictions=(Prediction("path", 1, "1-2", "1-7 sent by tap2", None, holds=False),),
    )
    assert list(Report().scenario(entry))[1:] == [
        "  > path 1, not as expected",
        "      expected 1-2",
        "      kernel   1-7 sent by tap2",
        "      pystack  -",
    ]


def test_the_summary_says_how_many_predictions_held() -> None:
    findings = run()
    wrong = Prediction("path", 1, "1-2", "1-7", "1-7", holds=False)
    findings.add(outcome(bridged(echo()), bridged(echo())), predictions=(replace(wrong, holds=True), wrong))
    assert "predictions: 2, 1 not as expected" in list(Report().summary(findings.summary))


def test_what_is_wrong_with_a_file_is_told_with_its_place_once() -> None:
    bad = Outcome("c.toml", "", ERROR, "c.toml:1: title: missing; c.toml:7: step: bad")
    assert list(Report().scenario(Entry(bad, Wiring()))) == [
        "error    c.toml:1: title: missing",
        "         c.toml:7: step: bad",
    ]


def test_a_run_that_was_interrupted_says_how_far_it_came() -> None:
    assert list(Report().summary(Summary(planned=12, interrupted=True)))[-1] == "interrupted: 0 of 12 played"
