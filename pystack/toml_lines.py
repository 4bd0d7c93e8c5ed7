"""On which line of a TOML file a key stands: tomllib reads the values, and forgets where they were.

Only texts that tomllib has accepted are given here, so this looks no closer than it must: at table headers,
at keys at the start of a line, and at strings and arrays that span lines. What stands inside an inline table
is answered with the line of the key that holds it. The tables of an array are told apart by their number:
of("step", "2", "send") is looked for in the third [[step]].
"""

from __future__ import annotations

import re
from typing import Final

Path = tuple[str, ...]

_BARE_OR_QUOTED: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED: Final = rf"{_BARE_OR_QUOTED}(?:[ \t]*\.[ \t]*{_BARE_OR_QUOTED})*"
_HEADER: Final = re.compile(rf"[ \t]*\[(\[?)[ \t]*({_DOTTED})[ \t]*\]")
_KEY: Final = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")
_PART: Final = re.compile(_BARE_OR_QUOTED)
# What matters while a value is read to its end: strings hide brackets and comment signs.
_TOKEN: Final = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|[\[\]{}]|\n|[^"'#\[\]{}\n]+''',
    re.DOTALL,
)


class TomlLines:
    """The lines of one file's keys."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}  # how many tables each [[array]] has had
        self._read(text.replace("\r\n", "\n"))

    def of(self, *path: str) -> int:
        """The line of a key, or of the nearest thing around it that has one."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _read(self, text: str) -> None:
        table: Path = ()
        position, line = 0, 1
        while position < len(text):
            if header := _HEADER.match(text, position):
                table = self._table(_split(header[2]), is_array=bool(header[1]))
                self._note(table, line)
            elif key := _KEY.match(text, position):
                self._note(table + _split(key[1]), line)
            end = _end_of_statement(text, position)
            line += text.count("\n", position, end)
            position = end

    def _table(self, named: Path, *, is_array: bool) -> Path:
        """A header's path with the number of each array's table in it: that of the last one so far."""
        path: Path = ()
        for at, word in enumerate(named, 1):
            path += (word,)
            if is_array and at == len(named):
                self._arrays[path] = self._arrays.get(path, 0) + 1
            if path in self._arrays:
                path += (str(self._arrays[path] - 1),)
        return path

    def _note(self, path: Path, line: int) -> None:
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)


def _split(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _end_of_statement(text: str, position: int) -> int:
    """Just behind the newline that ends it: one outside of strings and brackets."""
    depth = 0
    while token := _TOKEN.match(text, position):
        position = token.end()
        if token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
        elif token[0] == "\n" and depth <= 0:
            return position
    return len(text)
