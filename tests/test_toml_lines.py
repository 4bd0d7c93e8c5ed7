"""The line numbers that complaints about a configuration carry."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.toml_lines import TomlLines

TEXT = '''\
name = "lab1"            # [not a table]
setup = [
    "a.setup",           # b = 1
    "b.setup",
]
setup_text = """
ip link add br0 type bridge
[daemon]
key = 1
"""

[port.tap1]
driver = "tap"
"if name" = "vm1"
[port."tap 2"]
driver.kind = 'unix'
[daemon]
socket = { path = "x", mode = 1 }
group = ""
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 1),
        (("setup",), 2),
        (("setup_text",), 6),
        (("port",), 12),
        (("port", "tap1"), 12),
        (("port", "tap1", "driver"), 13),
        (("port", "tap1", "if name"), 14),
        (("port", "tap 2"), 15),
        (("port", "tap 2", "driver", "kind"), 16),
        (("daemon",), 17),
        (("daemon", "socket", "path"), 18),
        (("daemon", "group"), 19),
        (("port", "tap1", "missing"), 12),
        (("nowhere",), 1),
    ],
)
def test_a_key_is_found_on_its_line(path: tuple[str, ...], line: int) -> None:
    tomllib.loads(TEXT)
    assert TomlLines(TEXT).of(*path) == line


def test_tables_of_an_array_are_told_apart_by_their_number() -> None:
    text = '[[step]]\nrun = "a"\n[[step]]\n\nrun = "b"\n'
    text += "[step.more]\nx = 1\n[[step.less]]\n[[step.less]]\nz = 1\n"
    assert len(tomllib.loads(text)["step"][1]["less"]) == 2
    lines = TomlLines(text)
    assert [lines.of("step"), lines.of("step", "0"), lines.of("step", "0", "run")] == [1, 1, 2]
    assert [lines.of("step", "1"), lines.of("step", "1", "run"), lines.of("step", "1", "none")] == [3, 5, 3]
    assert lines.of("step", "1", "more", "x") == 7
    assert lines.of("step", "1", "less", "1", "z") == 10


def test_windows_line_ends_count_as_one() -> None:
    assert TomlLines("a = 1\r\nb = 2\r\n").of("b") == 2


def test_quotes_at_the_end_of_a_long_string_belong_to_it() -> None:
    text = 'a = """x""""\nb = 1\n'
    assert tomllib.loads(text) == {"a": 'x"', "b": 1}
    assert TomlLines(text).of("b") == 2


@given(st.text(alphabet="ab=[]{}\"'#\\\n.1 ", max_size=60))
def test_any_text_is_read_to_its_end(text: str) -> None:
    assert TomlLines(text).of("a") >= 1
