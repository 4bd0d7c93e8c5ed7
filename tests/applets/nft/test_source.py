"""Files that include others."""

from __future__ import annotations

import pytest

from pystack.applets.glob import glob_matches
from pystack.applets.nft.place import Source
from pystack.applets.nft.reading import Read, read
from pystack.applets.nft.source import INCLUDE_DEPTH_MAX, source_of
from pystack.applets.requests import FileRefused


class Folder:
    """Files by their paths."""

    def __init__(self, **files: str) -> None:
        self.files = {name.replace("_", "/"): text for name, text in files.items()}

    def read(self, path: str) -> bytes:
        """All octets."""
        if self.files[path] == "secret":
            raise FileRefused(path, "Permission denied")
        return self.files[path].encode()

    def expand(self, pattern: str) -> list[str]:
        """What a name or pattern finds."""
        return sorted(path for path in self.files if glob_matches(pattern, path))


def names(found: Read) -> list[str]:
    """The tables added."""
    return [command.handle.table for command in found.commands]


def read_text(text: str, **files: str) -> Read:
    """A text that may include these."""
    return read(source_of("/etc/main", text.encode()), Folder(**files))


def test_an_included_file_comes_in_the_place_of_the_line() -> None:
    assert names(read_text('table a\ninclude "x"\ntable c\n', _etc_x="table b\n")) == ["a", "b", "c"]


def test_a_pattern_brings_all_that_it_finds_in_order() -> None:
    assert names(read_text('include "/d/*"\n', _d_b="table b\n", _d_a="table a\n")) == ["a", "b"]


def test_a_pattern_that_finds_nothing_is_no_error_but_a_name_is() -> None:
    assert not read_text('include "/d/*"\n').errors
    (error,) = read_text('include "/d/x"\n').errors
    assert error.text().startswith("/etc/main:1:1-15: Error: File not found: /d/x\n")


def test_folders_are_left_out() -> None:
    found = read_text('include "/d*"\n', **{"_d_": "table b\n", "_d": "table a\n"})
    assert names(found) == ["a"]


def test_a_file_that_cannot_be_read_is_said() -> None:
    (error,) = read_text('include "/x"\n', _x="secret").errors
    assert 'Error: Could not open file "/x": Permission denied' in error.text()


def test_files_that_include_each_other_end_at_the_deepest_allowed() -> None:
    (error,) = read_text('include "/x"\n', _x='include "/x"\n').errors
    first = error.text().split("\n")
    assert first[0] == "In file included from /x:1:1-13:"
    assert f"Include nested too deeply, max {INCLUDE_DEPTH_MAX} levels" in error.text()
    assert sum(line.endswith(":1:1-13:") for line in first) == INCLUDE_DEPTH_MAX - 1


def test_variables_of_an_included_file_are_known_behind_it() -> None:
    found = read_text('include "/x"\nadd rule t c ip saddr $a\n', _x="define a = 10.0.0.1\n")
    assert not found.errors


def test_a_zero_octet_ends_a_text() -> None:
    assert source_of("x", b"a\0b") == Source("x", "a")


@pytest.mark.parametrize("name", ["./x", "../x", "/x"])
def test_a_path_is_not_looked_for_in_folders(name: str) -> None:
    assert read_text(f'include "{name}"\n', **{f"_etc_{name.replace('/', '_')}": "table a\n"}).errors


def test_what_cannot_be_looked_for_is_said() -> None:
    class Locked(Folder):
        def expand(self, pattern: str) -> list[str]:
            raise FileRefused(pattern, "Permission denied")

    (error,) = read(source_of("/etc/main", b'include "/d/*"\n'), Locked()).errors
    assert error.text().startswith("/etc/main:1:1-15: Error: Failed to glob the pattern /d/*\n")
