"""The table of a running comparison."""

import argparse
import io
import re
from contextlib import ExitStack
from dataclasses import replace

import pytest
from rich.console import Console

from pystack.compare.live import display, verb
from pystack.compare.live.causes import Causes
from pystack.compare.live.display import Display, Speed, picture
from pystack.compare.live.judge import Tally
from pystack.compare.live.screen import Lines, Text
from tests.compare.live.made import PING, entering, example


def causes(count: int) -> Causes:
    found = Causes()
    for number in range(count):
        verdict = example(entering(PING)[:-2], entering(PING)).cause.example
        verdict.differences = [replace(verdict.differences[0], cause=f"cause {number}")]
        for _ in range(number + 1):
            found.add(verdict)
    return found


def tally() -> Tally:
    made = Tally(same=12811, differ=29, lost=3)
    made.unplayed["some of its reports are lost"] = 14
    made.passed_over["one flow in 10 is looked at"] = 999
    return made


def drawn(tally: Tally, causes: Causes, *, rows: int = 5, width: int = 80, **options: bool) -> list[str]:
    console = Console(file=io.StringIO(), width=width, **options)  # type: ignore[arg-type]
    console.print(picture(tally, causes, 1034.2, rows))
    assert isinstance(console.file, io.StringIO)
    return [line.strip() for line in console.file.getvalue().splitlines()]


def test_it_says_everything_without_colours() -> None:
    assert drawn(tally(), causes(2)) == [
        "1,034 packets/s",
        "12,840 compared",
        "12,811 same",
        "29 ! differ",
        "14 not compared: some of its reports are lost",
        "999 not looked at: one flow in 10 is looked at",
        "3 ! reports lost",
        "2 ! VERDICT cause 1",
        "1 ! VERDICT cause 0",
    ]


def test_where_nothing_is_wrong_nothing_is_marked() -> None:
    lines = drawn(Tally(same=4), Causes())
    assert lines == ["1,034 packets/s", "4 compared", "4 same", "0 differ", "0 reports lost"]


def test_colours_go_where_nobody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any("\033[31m" in line for line in drawn(tally(), causes(1), force_terminal=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not any(re.search(r"\033\[3\dm", line) for line in drawn(tally(), causes(1), force_terminal=True))


def test_a_narrow_terminal_gets_narrow_lines_and_a_low_one_few() -> None:
    lines = drawn(tally(), causes(9), rows=3, width=30)
    assert max(map(len, lines)) <= 30
    assert lines[-1] == "and 6 causes more"
    assert any(line.endswith("…") for line in lines)


def test_the_speed_is_that_of_the_last_moment() -> None:
    speed = Speed()
    assert speed.of(0, 10.0) == 0
    assert speed.of(100, 11.0) == 100
    assert speed.of(100, 12.0) == 0


def test_the_table_is_gone_at_the_end_and_what_was_told_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(display, "BETWEEN", 0.0)
    file = io.StringIO()
    shown = Display(Console(file=file, width=80, height=24, force_terminal=True))
    shown.begin(["eth7"])
    shown.tick(tally(), Causes())
    shown.close()
    shown.end(tally(), Causes(), 0, [])
    assert "12,840 compared" in file.getvalue()
    assert file.getvalue().endswith("\033[2K")  # erased, and the cursor is where it began
    assert file.getvalue().count("\033[?25l") == file.getvalue().count("\033[?25h") == 1
    assert capsys.readouterr().out.splitlines()[0] == "12840 packets compared: 12811 same, 29 differ"


def test_it_draws_no_oftener_than_eyes_can_follow() -> None:
    file = io.StringIO()
    shown = Display(Console(file=file, width=80, height=24, force_terminal=True))
    shown.begin([])
    for _ in range(50):
        shown.tick(tally(), Causes())
    shown.close()
    assert file.getvalue().count("12,840 compared") <= 2  # the first, and once more as it goes


@pytest.mark.parametrize(
    ("is_terminal", "term", "options", "kind"),
    [
        (True, "xterm", {}, Display),
        (True, "dumb", {}, Text),
        (False, "xterm", {}, Text),
        (True, "xterm", {"packets": True}, Text),
        (True, "xterm", {"hops": True}, Text),
        (True, "xterm", {"json": True}, Lines),
    ],
)
def test_it_is_for_terminals_where_nothing_else_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, term: str, options: dict[str, bool], kind: type
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    monkeypatch.setenv("TERM", term)
    given = argparse.Namespace(**{"json": False, "packets": False, "hops": False, **options})
    with ExitStack() as stack:
        assert type(verb._page(given, stack)) is kind


def test_without_rich_there_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(verb, "find_spec", lambda name: None)
    with ExitStack() as stack:
        page = verb._page(argparse.Namespace(json=False, packets=False, hops=False), stack)
        assert type(page) is Text
