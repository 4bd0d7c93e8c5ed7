"""Text or JSON from the same walk over the same things, laid out as iproute2's json_writer does it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pystack.applets.io import Output

INDENT: Final = "    "
_ESCAPES: Final = str.maketrans(
    {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\b": "\\b", "\\": "\\\\", '"': '\\"'}
)


class Literal(str):
    """A JSON value that is written as it stands."""

    __slots__ = ()


Value = int | str | bool | Literal | None

# Linux: iproute2 lib/color.c, for a light background
CYAN: Final = "36"  # interface names
YELLOW: Final = "33"  # hardware addresses
MAGENTA: Final = "35"  # IPv4 addresses
GREEN: Final = "32"  # up
RED: Final = "31"  # down
PLAIN: Final = ""


def _encode(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Literal):
        return value
    return str(value) if isinstance(value, int) else f'"{value.translate(_ESCAPES)}"'


class Printer:
    """What a listing writes into: each call says both forms, the one asked for is written."""

    def __init__(
        self,
        out: Output,
        *,
        json: bool = False,
        pretty: bool = False,
        oneline: bool = False,
        color: bool = False,
    ) -> None:
        self._out = out
        self.json = json
        self._pretty = pretty
        self._color = color and not json
        self.separator = "\\" if oneline else "\n"
        self._depth = 0
        self._comma = False

    def text(self, text: str) -> None:
        """Only in text."""
        if not self.json:
            self._out.write(text)

    def nl(self) -> None:
        """The end of a line, a backslash with -oneline. Linux: iproute2 lib/json_print.c print_nl()"""
        self.text(self.separator)

    def put(self, key: str, value: Value, text: str, color: str = PLAIN) -> None:
        """A value under its key, or its words."""
        if self.json:
            self.field(key, value)
        elif color and self._color:
            self._out.write(f"\x1b[{color}m{text}\x1b[0m")
        else:
            self._out.write(text)

    def field(self, key: str, value: Value) -> None:
        """Only in JSON."""
        if self.json:
            self._name(key)
            self._comma = True
            self._out.write(_encode(value))

    def words(self, key: str | None, words: Iterable[str], *, joined: str, closed: str = "") -> None:
        """A list of words, `joined` being the text for all of them."""
        if not self.json:
            self._out.write(joined + closed)
            return
        self.open_array(key)
        for word in words:
            self._separate()
            self._out.write(_encode(word))
        self.close_array()

    def begin(self) -> None:
        """The list of everything. Linux: iproute2 lib/json_print.c new_json_obj()"""
        self.open_array(None)

    def end(self) -> None:
        """Linux: iproute2 lib/json_print.c delete_json_obj()"""
        self.close_array()
        if self.json:
            self._out.write("\n")
            self._comma = False

    def open_object(self, key: str | None = None) -> None:
        """Only in JSON: `{`"""
        self._open("{", key)

    def close_object(self) -> None:
        """Only in JSON: `}`"""
        self._close("}")

    def open_array(self, key: str | None) -> None:
        """Only in JSON: `[`"""
        self._open("[", key)
        if self.json and self._pretty:
            self._out.write(" ")

    def close_array(self) -> None:
        """Only in JSON: `]`"""
        if self.json and self._pretty and self._comma:
            self._out.write(" ")
        self._comma = False
        self._close("]")

    def _open(self, bracket: str, key: str | None) -> None:
        if not self.json:
            return
        if key is not None:
            self._name(key)
        self._separate()
        self._out.write(bracket)
        self._depth += 1
        self._comma = False

    def _close(self, bracket: str) -> None:
        if not self.json:
            return
        self._depth -= 1
        if self._comma:
            self._end_of_line()
        self._out.write(bracket)
        self._comma = True

    def _name(self, key: str) -> None:
        self._separate()
        self._end_of_line()
        self._comma = False
        self._out.write(_encode(key) + (": " if self._pretty else ":"))

    def _separate(self) -> None:
        if self._comma:
            self._out.write(",")
        self._comma = True

    def _end_of_line(self) -> None:
        if self._pretty:
            self._out.write("\n" + INDENT * self._depth)
