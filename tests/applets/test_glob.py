"""Patterns, with Python's own fnmatch as the judge."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.applets.glob import glob_matches, is_glob


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("v*", "v0", True),
        ("v?", "v0", True),
        ("v?", "v", False),
        ("v[0-3]", "v2", True),
        ("v[!0-3]", "v2", False),
        ("[ab]x", "bx", True),
        ("[", "[", True),
        ("", "", True),
        ("*", "", True),
        ("[]a]x", "]x", True),
        ("a*[", "ab[", True),
    ],
)
def test_a_pattern_fits_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert glob_matches(pattern, text) is matches


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=8))
def test_stars_and_marks_match_as_everywhere(pattern: str, text: str) -> None:
    assert glob_matches(pattern, text) == fnmatchcase(text, pattern)


def test_many_stars_take_no_longer_than_few() -> None:
    assert not glob_matches("*a" * 30 + "b", "a" * 60)


def test_a_pattern_is_told_from_a_name() -> None:
    assert is_glob("a*")
    assert not is_glob("a.b")
