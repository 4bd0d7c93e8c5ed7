"""Errors look as nft's do."""

from __future__ import annotations

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.place import COMMAND_LINE, NOWHERE, Place, Source


def test_an_error_in_a_file_names_it_and_marks_the_place() -> None:
    rules = Source("/etc/x", "one two three\n")
    error = NftError(Place(rules, 1, 5, 7), "no such word", (Place(rules, 1, 9, 13),))
    assert error.text() == "/etc/x:1:5-7: Error: no such word\none two three\n    ^^^ ~~~~~\n"


def test_an_error_of_the_command_line_has_no_name() -> None:
    words = Source(COMMAND_LINE, "one two\n")
    assert NftError(Place(words, 1, 5, 7), "no").text() == "Error: no\none two\n    ^^^\n"


def test_tabs_stay_so_that_the_marks_stand_below_the_place() -> None:
    words = Source(COMMAND_LINE, "\ta\tb")
    assert NftError(Place(words, 1, 4, 4), "no").text() == "Error: no\n\ta\tb\n\t \t^\n"


def test_an_error_in_an_included_file_says_who_included_it() -> None:
    outer = Source("/a", 'include "b"\n')
    inner = Source("/b", "x\n", included=Place(outer, 1, 1, 12))
    assert NftError(Place(inner, 1, 1, 1), "no").text() == (
        "In file included from /a:1:1-12:\n/b:1:1-1: Error: no\nx\n^\n"
    )


def test_what_stands_nowhere_is_said_without_a_line() -> None:
    assert NftError(NOWHERE, "no").text() == "internal:0:0-0: Error: no\n\n"
