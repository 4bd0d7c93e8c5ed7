"""The trace by which a failed setup names its command."""

from pystack.compare.lab.process import Completed
from pystack.compare.lab.setup_trace import without_trace


def ended(rc: int, err: str) -> Completed:
    return without_trace(Completed("setup", rc, "", err, err))


def test_the_last_command_traced_is_the_one_that_failed() -> None:
    assert ended(2, "\x02ip link add br0\n\x02ip link add br0\nFile exists\n").command == "ip link add br0"


def test_a_setup_that_succeeded_is_called_setup_and_shows_no_trace() -> None:
    assert ended(0, "\x02true\nhm\n\x02echo a\n") == Completed("setup", 0, "", "hm\n", "hm\n")


def test_a_trace_after_an_unfinished_line_goes_too() -> None:
    assert ended(0, "no newline\x02echo a\n").err == "no newline"


def test_a_setup_that_never_began_keeps_its_name() -> None:
    assert ended(2, "setup: 1: Syntax error\n").command == "setup"
