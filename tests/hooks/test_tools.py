"""Tools answer, are missing, or fail with their last word."""

import pytest

from pystack.hooks.tools import ToolFailed, ToolMissing, output


def test_a_tool_is_given_its_input_and_answers() -> None:
    assert output("cat", stdin="a\nb\n") == "a\nb\n"


def test_a_tool_that_is_not_there_is_named() -> None:
    with pytest.raises(ToolMissing, match=r"^no-such-tool$"):
        output("no-such-tool")


def test_of_a_tool_that_fails_the_last_line_is_told() -> None:
    with pytest.raises(ToolFailed, match=r"^`sh -c echo a >&2; echo b >&2; exit 3`: b$"):
        output("sh", "-c", "echo a >&2; echo b >&2; exit 3")
    with pytest.raises(ToolFailed, match=r"`false`: exit code 1"):
        output("false")


def test_of_a_right_that_lacks_it_is_said_who_has_it() -> None:
    with pytest.raises(ToolFailed, match=r": Operation not permitted \(it takes root, or CAP_NET_ADMIN\)$"):
        output("sh", "-c", "echo Operation not permitted >&2; exit 1")
