"""One scenario file while it is read: its values by their kinds, and everything that is wrong with it.

Complaints are gathered, so that one run tells them all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from pystack.applets import shell
from pystack.compare.lab.nearest import nearest
from pystack.compare.words import printable
from pystack.toml_lines import TomlLines

Path = tuple[str, ...]
Table = Mapping[str, object]

_OPENS_BELOW: Final = re.compile(r"""=\s*(?:\"{3}|'{3})\s*$""")  # the text begins on the next line


class Source:
    """A file's table, and where its keys stand."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.complaints: list[tuple[int, str]] = []
        self._lines = TomlLines(text)
        self._text = text.splitlines()

    def complain(self, path: Path, text: str) -> None:
        """Remember what is wrong with what stands at `path`."""
        where = _dotted(path)
        self.complaints.append((self.line(path), f"{where}: {text}" if where else text))

    def sorted_complaints(self) -> list[str]:
        """`FILE:LINE: …`, from the top of the file down."""
        return [
            f"{self.file}:{line}: {printable(text)}"
            for line, text in sorted(self.complaints, key=lambda pair: pair[0])
        ]

    def line(self, path: Path) -> int:
        """Where a key stands."""
        return self._lines.of(*path)

    def text_line(self, path: Path) -> int:
        """Where the first line of a key's text stands."""
        line = self.line(path)
        return line + 1 if line <= len(self._text) and _OPENS_BELOW.search(self._text[line - 1]) else line

    # --- values by kind ---------------------------------------------------------------------------------

    def check_known(self, table: Table, known: Collection[str], path: Path = ()) -> None:
        """Complain about every key that has no meaning here, with the nearest one that has."""
        for key in table:
            if key not in known:
                self.complain((*path, key), f"unknown key{nearest(key, known)}")

    def text(self, table: Table, key: str, path: Path = ()) -> str:
        """A string, "" if there is none."""
        value = table.get(key, "")
        if not isinstance(value, str):
            self.complain((*path, key), "must be a string")
            return ""
        if "\0" in value:
            self.complain((*path, key), "holds a NUL")
        return value.replace("\0", " ")

    def words(self, table: Table, key: str, path: Path = ()) -> tuple[str, ...]:
        """A list of strings, each once."""
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            self.complain((*path, key), "must be a list of strings")
            return ()
        for word in sorted({word for word in value if value.count(word) > 1}):
            self.complain((*path, key), f'"{word}" is there twice')
        return tuple(value)

    def flag(self, table: Table, key: str) -> bool:
        """True or false."""
        value = table.get(key, False)
        if not isinstance(value, bool):
            self.complain((key,), "must be true or false")
        return value is True

    def number(self, value: object, low: int, high: int, path: Path) -> int:
        """A whole number; `low` where it is none."""
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.complain(path, f"must be a whole number from {low} to {high}")
        return low

    def table(self, value: object, path: Path) -> Table:
        """A table; an empty one where it is none."""
        if isinstance(value, dict):
            return value
        self.complain(path, "must be a table")
        return {}

    def tables(self, table: Table, key: str) -> list[tuple[Path, Table]]:
        """`[[key]]`, each with its path."""
        value = table.get(key, [])
        if not isinstance(value, list):
            self.complain((key,), f"must be written [[{key}]]")
            return []
        return [((key, str(number)), self.table(one, (key, str(number)))) for number, one in enumerate(value)]

    def commands(self, text: str, path: Path) -> str:
        """Shell commands that can be read; each fault is told on its own line."""
        line = self.text_line(path)
        for fault in shell.faults("\n" * (line - 1) + text, self.file):
            _, place, complaint = fault.removeprefix(f"pystack: {self.file}").split(":", 2)
            self.complaints.append((int(place), f"{_dotted(path)}: {complaint.strip()}"))
        return text


def _dotted(path: Path) -> str:
    """A key as a user would name it: without which of several it is, which the line tells."""
    return ".".join(word for word in path if not word.isdigit())
