"""JSON's text as values, as strictly as libjansson takes it."""

from __future__ import annotations

import math
import re
from typing import Final

Loaded = dict[str, "Loaded"] | list["Loaded"] | str | int | float | bool | None

DEPTH_MAX: Final = 100  # Linux differs: libjansson takes 2048
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<real>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_STRING: Final = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_ESCAPE: Final = re.compile(r"\\(?:u([dD][89abAB]..)\\u([dD][c-fC-F]..)|u(....)|(.))")
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final = {"true": True, "false": False, "null": None}
_INTEGER_MAX: Final = 1 << 63


class NotJson(Exception):
    """The text is something else."""


def load(text: str) -> Loaded:
    """An object or array; raises NotJson. Each character of the text is an octet of its UTF-8."""
    try:
        text.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise NotJson from None
    reader = _Reader(text)
    value = reader.value(0)
    if not isinstance(value, dict | list) or reader.next():
        raise NotJson
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._offset = 0

    def next(self) -> str:
        """The next character that is no space, or nothing."""
        found = _SPACE.match(self._text, self._offset)
        assert found is not None
        self._offset = found.end()
        return self._text[self._offset : self._offset + 1]

    def value(self, depth: int) -> Loaded:
        """Any value."""
        if depth > DEPTH_MAX:
            raise NotJson
        first = self.next()
        if first == "{":
            return self._object(depth)
        if first == "[":
            return self._array(depth)
        if first == '"':
            return self._string()
        for word, value in _WORDS.items():
            if self._text.startswith(word, self._offset):
                self._offset += len(word)
                return value
        return self._number()

    def _take(self, wanted: str) -> bool:
        found = self.next() == wanted
        self._offset += found
        return found

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise NotJson

    def _object(self, depth: int) -> dict[str, Loaded]:
        made: dict[str, Loaded] = {}
        self._expect("{")
        if self._take("}"):
            return made
        while True:
            self.next()
            key = self._string()
            self._expect(":")
            made[key] = self.value(depth + 1)
            if not self._take(","):
                self._expect("}")
                return made

    def _array(self, depth: int) -> list[Loaded]:
        made: list[Loaded] = []
        self._expect("[")
        if self._take("]"):
            return made
        while True:
            made.append(self.value(depth + 1))
            if not self._take(","):
                self._expect("]")
                return made

    def _string(self) -> str:
        found = _STRING.match(self._text, self._offset)
        if found is None:
            raise NotJson
        self._offset = found.end()
        return _ESCAPE.sub(_unescaped, found[1]) if "\\" in found[1] else found[1]

    def _number(self) -> int | float:
        found = _NUMBER.match(self._text, self._offset)
        if found is None:
            raise NotJson
        self._offset = found.end()
        if found["real"]:
            real = float(found[0])
            if real in (math.inf, -math.inf):
                raise NotJson
            return real
        number = int(found[0]) if len(found[0]) < 21 else _INTEGER_MAX
        if not -_INTEGER_MAX <= number < _INTEGER_MAX:
            raise NotJson
        return number


def _unescaped(found: re.Match[str]) -> str:
    high, low, plain, letter = found.groups()
    if letter is not None:
        return _ESCAPES.get(letter, letter)
    if plain is None:
        return _octets(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))
    code = int(plain, 16)
    if code == 0 or 0xD800 <= code < 0xE000:
        raise NotJson
    return _octets(code)


def _octets(code: int) -> str:
    return chr(code).encode().decode("latin-1")
