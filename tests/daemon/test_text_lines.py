"""Complaints about a setup inside the configuration carry the lines of the configuration."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.daemon.text_lines import lines_of_text


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ('"a"', (2,)),
        ('"a\\nb\\nc"', (2, 2, 2)),
        ('"""\na\nb"""', (3, 4)),
        ('"""a\nb\n"""', (2, 3, 4)),
        ("'''\na\nb\n'''", (3, 4, 5)),
        ("'''a\\\nb'''", (2, 3)),
        ('"""\na \\\n  b\nc"""', (3, 5)),
        ('"""\na \\\n\n\n  b\nc"""', (3, 7)),
        ('"""\na\\\\\nb"""', (3, 4)),
        ('"""\na\\nb\\u000Ac\nd"""', (3, 3, 3, 4)),
        ('"""\r\na\r\nb"""', (3, 4)),
        ('"""\n\n\na"""', (3, 4, 5)),
    ],
)
def test_every_line_of_a_text_is_where_it_stands(value: str, lines: tuple[int, ...]) -> None:
    source = f"name = 1\nsetup_text = {value}\n"
    assert lines_of_text(source, 2, tomllib.loads(source)["setup_text"]) == lines


@given(st.text(alphabet="ab \n", max_size=30))
def test_what_has_no_escapes_stands_line_by_line(text: str) -> None:
    source = f"t = '''\n{text}'''"
    assert lines_of_text(source, 1, text) == tuple(range(2, 3 + text.count("\n")))
