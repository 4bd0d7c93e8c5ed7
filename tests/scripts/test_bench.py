"""The bench: what it makes of its readings, what it prints, and that nothing of it stays behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from scripts.bench_parts import core_rows, netfilter_rows, set_rows
from scripts.bench_parts.__main__ import chosen, main, run
from scripts.bench_parts.bench import Asked, Bench, Question, Settings
from scripts.bench_parts.contestant import Contestant
from scripts.bench_parts.lab import Absent, BenchError, Lab
from scripts.bench_parts.results import PYSTACK, Bar, Reading, Row, Series, paired_ratio
from scripts.bench_parts.rows import QUESTIONS
from scripts.bench_parts.table import as_json, number, table
from scripts.bench_parts.twin_rows import PYSTACK_ALONE, SIDES, Load, rates

ROOT = Path(__file__).parent.parent.parent


def series(name: str, *values: float) -> Series:
    return Series(name, [Reading(value) for value in values])


def row(*contestants: Series, bars: tuple[Bar, ...] = (), more_is_better: bool = True) -> Row:
    return Row("tcp", "bridged TCP", "Gbit/s", "iperf3", more_is_better, bars, list(contestants))


def question(*asked: Asked) -> Question:
    return Question("tcp", "bridged TCP", "Gbit/s", "iperf3", lambda bench: list(asked))


def raising(sentence: str) -> Callable[[], Reading]:
    def measure() -> Reading:
        raise BenchError(sentence)

    return measure


def measured(*asked: Asked, rounds: int = 3) -> Row:
    with Lab() as lab:
        return question(*asked).measure(Bench(lab, Settings(rounds=rounds), lambda text: None))


# --- medians, ratios, bars


def test_a_series_shows_its_median_and_that_of_what_was_read_beside() -> None:
    readings = [Reading(value, {"sent": value * 2}) for value in (5.0, 1.0, 3.0)]
    assert Series("relay", readings).median == 3.0
    assert Series("relay", readings).beside == {"sent": 6.0}


def test_a_ratio_is_taken_within_each_round() -> None:
    # The third round was measured on a machine ten times as busy: the ratio does not care.
    assert paired_ratio([8.0, 8.0, 0.8], [10.0, 10.0, 1.0]) == pytest.approx(0.8)


def test_there_is_no_ratio_to_nothing() -> None:
    assert paired_ratio([8.0], []) is None
    assert paired_ratio([8.0], [0.0]) is None


def test_a_row_compares_pystack_with_the_others_and_not_with_itself() -> None:
    ours, theirs = series(PYSTACK, 8.0), series("relay", 10.0)
    assert row(ours, theirs).ratio(theirs) == 0.8
    assert row(ours, theirs).ratio(ours) is None


@pytest.mark.parametrize(("value", "met"), [(7.9, False), (8.0, True), (9.0, True)])
def test_a_lower_bar_is_met_from_its_limit_on(value: float, met: bool) -> None:
    theirs = series("relay", 10.0)
    assert row(series(PYSTACK, value), theirs, bars=(Bar(0.8, against="relay"),)).reaches(theirs) is met


@pytest.mark.parametrize(("value", "met"), [(0.5, True), (0.6, True), (0.7, False)])
def test_an_upper_bar_of_pystack_itself_is_met_up_to_its_limit(value: float, met: bool) -> None:
    ours = series(PYSTACK, value)
    assert row(ours, bars=(Bar(0.6, at_least=False),)).reaches(ours) is met


def test_no_bar_is_met_or_missed_by_who_was_not_measured() -> None:
    ours, theirs = series(PYSTACK, 8.0), Series("relay", missing="no trio")
    found = row(ours, theirs, bars=(Bar(0.8, against="relay"),))
    assert found.reaches(theirs) is None
    assert found.reaches(ours) is None


# --- rounds


def test_contestants_are_asked_in_turn_round_after_round() -> None:
    order: list[str] = []

    def asked(name: str) -> Asked:
        def measure() -> Reading:
            order.append(name)
            return Reading(float(len(order)))

        return Asked(name, measure)

    found = measured(asked(PYSTACK), asked("relay"), rounds=2)
    assert order == [PYSTACK, "relay", PYSTACK, "relay"]
    assert [each.values for each in found.series] == [[1.0, 3.0], [2.0, 4.0]]


def test_a_missing_contestant_is_not_asked() -> None:
    found = measured(Asked("vde_switch", raising("was asked"), missing="vde_switch is not installed"))
    assert found.series[0].missing == "vde_switch is not installed"
    assert found.failures() == []


def test_a_contestant_that_turns_out_to_be_absent_is_missing_and_no_failure() -> None:
    def look() -> Reading:
        raise Absent("this kernel has no bridge")

    found = measured(Asked("kernel bridge", look))
    assert found.series[0].missing == "this kernel has no bridge"
    assert found.failures() == []


def test_a_contestant_that_failed_is_not_asked_again_and_the_others_are() -> None:
    attempts: list[int] = []

    def fail() -> Reading:
        attempts.append(1)
        raise BenchError("it ended with 1")

    found = measured(Asked(PYSTACK, fail), Asked("relay", lambda: Reading(1.0)))
    assert len(attempts) == 1
    assert len(found.series[1].readings) == 3
    assert found.failures() == ["tcp: pystack: it ended with 1"]


class AbsentSwitch(Contestant):
    name = "absent switch"
    programs = (("sh", "dash"), ("no-such-switch", "no-such-package"))


def test_a_contestant_says_which_program_of_which_package_it_lacks() -> None:
    assert AbsentSwitch.missing() == "no-such-switch is not installed (Debian: no-such-package)"


# --- printing


def test_the_table_puts_ratio_and_bar_beside_each_contestant() -> None:
    found = row(series(PYSTACK, 8.0, 9.0), series("relay", 10.0, 10.0), bars=(Bar(0.8, against="relay"),))
    assert table(found).splitlines() == [
        "tcp: bridged TCP, Gbit/s (more is better)",
        "  iperf3",
        "             median      min      max  pystack is",
        "  pystack      8.50     8.00     9.00",
        "  relay        10.0     10.0     10.0     0.850 x  bar >= 0.8: met",
    ]


def test_the_table_names_who_is_missing_and_who_failed() -> None:
    found = row(series(PYSTACK, 8.0), Series("vde", missing="not installed"), Series("ovs", failure="died"))
    lines = [line.strip() for line in table(found).splitlines()]
    assert "vde      missing: not installed" in lines
    assert "ovs      FAILED: died" in lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567.0, "1234567"),
        (123.4, "123"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (0.1234, "0.123"),
        (0, "0.000"),
    ],
)
def test_a_number_is_short_and_has_no_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_json_holds_every_reading_and_whether_the_bar_is_met() -> None:
    found = row(series(PYSTACK, 8.0), series("relay", 16.0), bars=(Bar(0.8, against="relay"),))
    _, relay = json.loads(json.dumps(as_json(found)))["contestants"]
    assert relay["values"] == [16.0]
    assert relay["pystack_ratio"] == 0.5
    assert relay["bar"] == {"limit": 0.8, "at_least": True, "met": False}


def test_json_names_who_is_missing() -> None:
    found = as_json(row(series(PYSTACK, 8.0), Series("vde", missing="not installed")))
    assert found["contestants"] == [
        as_json(row(series(PYSTACK, 8.0)))["contestants"][0],  # type: ignore[index]
        {"name": "vde", "missing": "not installed"},
    ]


# --- the command


def test_a_missed_bar_is_no_failure_but_a_failed_measurement_is(capsys: pytest.CaptureFixture[str]) -> None:
    slow = Question(
        "tcp", "bridged TCP", "s", "by hand", lambda bench: [Asked(PYSTACK, lambda: Reading(9.0))]
    )
    assert run([slow], Settings(rounds=1), as_table=True) == 0
    assert run([question(Asked(PYSTACK, raising("it died")))], Settings(rounds=1), as_table=True) == 1
    assert "tcp: pystack: it died" in capsys.readouterr().err


def test_rows_are_chosen_by_name_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [question.name for question in QUESTIONS]
    assert [question.name for question in chosen(["rtt", "tcp"])] == ["tcp", "rtt"]
    assert [question.name for question in chosen(["core"])] == ["core-forward", "core-flood", "core-learn"]


def test_an_unknown_row_is_refused_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["start-up"])
    assert refused.value.code == 2
    assert "no row start-up; did you mean startup?" in capsys.readouterr().err


def test_every_bar_is_against_somebody_who_is_measured() -> None:
    with Lab() as lab:
        bench = Bench(lab, Settings(), lambda text: None)
        for each in QUESTIONS:
            names = {asked.name for asked in each.ask(bench)}
            assert PYSTACK in names
            assert {bar.against for bar in each.bars} <= names | {""}


# --- the core, which needs no rights to be measured


@pytest.mark.parametrize(
    "measure", [core_rows.forward, core_rows.flood, core_rows.learn, core_rows.bare_loop]
)
def test_the_core_rows_measure_frames_that_come_out(measure: Callable[[int], Reading]) -> None:
    assert measure(200).value > 0  # and no BenchError: every frame was counted where it should leave


@pytest.mark.parametrize(
    "measure",
    [
        netfilter_rows.load,
        netfilter_rows.save,
        partial(netfilter_rows.per_packet, count=20),
        partial(netfilter_rows.a_second, count=None),
        netfilter_rows.empty_hook,
        netfilter_rows.empty_call,
    ],
)
def test_the_netfilter_rows_measure_rules_that_are_there(measure: Callable[[int], Reading]) -> None:
    assert measure(200).value > 0


@pytest.mark.parametrize("measure", [set_rows.load, set_rows.look_up, set_rows.dict_probe])
def test_the_set_rows_measure_intervals_that_are_there(measure: Callable[[int], Reading]) -> None:
    assert measure(200).value > 0


def test_a_core_row_that_loses_frames_fails() -> None:
    lab = core_rows.BridgeInCore(2)
    with pytest.raises(BenchError, match="0 frames came out of 1 sent"):
        lab.microseconds([core_rows.frame(core_rows.station(0xF00000), core_rows.station(1))])


# --- the twin


@pytest.mark.parametrize("side", [PYSTACK_ALONE, pytest.param(PYSTACK, marks=pytest.mark.root)])
@pytest.mark.parametrize("hops", [True, False])
def test_the_twin_rows_measure_scenarios_on_which_both_sides_agree(
    side: str, hops: bool, tmp_path: Path
) -> None:
    load = Load(4, burst=2, capture=("br0",), hops=hops)
    found = rates(load, SIDES[side], tmp_path / "twin")
    assert found.frames / found.scenarios == pytest.approx(6)  # three frames each, twice


def test_a_twin_row_whose_scenarios_cannot_be_played_fails(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"scenario 0: error: .* no device br7"):
        rates(Load(1, capture=("br7",)), SIDES[PYSTACK_ALONE], tmp_path / "twin")


# --- the laboratory


@pytest.fixture
def folder() -> Iterator[str]:
    """For what a killed bench cannot remove; not `tmp_path`, whose names are too long for a socket's."""
    with tempfile.TemporaryDirectory() as found:
        yield found


def bench(folder: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.bench_parts", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": folder},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def of_session(leader: int) -> list[int]:
    """The processes that a bench started, or their children did, and that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":  # a zombie waits only for its parent to look
            found.append(int(stat.parent.name))
    return found


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("row", ["rtt", "live-rtt"])
def test_a_row_is_measured_in_namespaces_that_nobody_else_sees(folder: str, row: str) -> None:
    before = sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []
    running = bench(folder, row, "--quick", "--rounds=1", "--json")
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    [found] = json.loads(out)["rows"]
    for contestant in found["contestants"]:
        assert contestant.get("missing") or contestant["median"] > 0
    assert of_session(running.pid) == []
    assert os.listdir(folder) == []
    assert (sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []) == before


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "rc"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_an_interrupted_bench_leaves_no_process(folder: str, number: signal.Signals, rc: int) -> None:
    running = bench(folder, "tcp", "--rounds=100")
    deadline = time.monotonic() + 60
    while len(of_session(running.pid)) < 3:  # itself, and two that it started
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == rc
    while of_session(running.pid):  # the kernel, too, needs a moment to kill
        assert time.monotonic() < deadline
        time.sleep(0.02)
