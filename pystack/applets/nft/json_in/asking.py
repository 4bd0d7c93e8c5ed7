"""Properties of JSON objects, asked for as nft asks for them; what is not there is an error in its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NoReturn, ParamSpec, TypeVar

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.json_in.load import Loaded
from pystack.applets.nft.place import NOWHERE, Place, Source

P = ParamSpec("P")
T = TypeVar("T")

# nft's error points into its own description of what it asked for, as if that were the text.
_FIRST: Final = 4
_STEP: Final = 5
_NAMES: Final = {
    dict: "object",
    list: "array",
    str: "string",
    int: "integer",
    float: "real",
    type(None): "null",
}


def type_name(value: Loaded) -> str:
    """How errors call a kind of value."""
    return ("true" if value else "false") if isinstance(value, bool) else _NAMES[type(value)]


def refuse(words: str) -> NoReturn:
    """An error without a place."""
    raise NftError(NOWHERE, words)


def within(words: str, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What is wrong inside is followed by what that makes wrong."""
    try:
        return read(*args, **kwargs)
    except NftError as error:
        raise NftError.of((error, NftError(NOWHERE, words))) from None


@dataclass(frozen=True)
class Asking:
    """Where the text stands, and in the midst of which expressions we are."""

    source: Source
    flags: frozenset[str] = frozenset()

    def inside(self, flag: str) -> Asking:
        """For what is inside of a kind of expression."""
        return replace(self, flags=self.flags | {flag})

    def strings(self, value: Loaded, *keys: str, first: int = _FIRST) -> tuple[str, ...]:
        """Properties that must be there, and be strings."""
        found = []
        for position, key in enumerate(keys):
            text = self._one(value, key, first + _STEP * position)
            if not isinstance(text, str):
                self._fail(first + _STEP * position, f"Expected string, got {type_name(text)}")
            found.append(text)
        return tuple(found)

    def integer(self, value: Loaded, key: str, position: int = 0) -> int:
        """A number that must be there, asked for together with others in front of it."""
        column = _FIRST + _STEP * position
        number = self._one(value, key, column)
        if not isinstance(number, int) or isinstance(number, bool):
            self._fail(column, f"Expected integer, got {type_name(number)}")
        return number

    def any(self, value: Loaded, key: str, position: int = 0) -> Loaded:
        """Something that must be there, asked for together with others in front of it."""
        return self._one(value, key, _FIRST + _STEP * position)

    def pair(self, value: Loaded) -> tuple[Loaded, Loaded]:
        """An array of two."""
        if not isinstance(value, list):
            self._fail(1, f"Expected array, got {type_name(value)}")
        if len(value) < 2:
            self._fail(2 + 3 * len(value), f"Array index {len(value)} out of range")
        if len(value) > 2:
            self._fail(7, f"{len(value) - 2} array item(s) left unpacked")
        return value[0], value[1]

    def _one(self, value: Loaded, key: str, column: int) -> Loaded:
        if not isinstance(value, dict):
            self._fail(column - _FIRST + 1, f"Expected object, got {type_name(value)}")
        if key not in value:
            self._fail(column, f"Object item not found: {key}")
        return value[key]

    def _fail(self, column: int, words: str) -> NoReturn:
        raise NftError(Place(self.source, 1, column, column), words)


def string_in(value: Loaded, key: str) -> str | None:
    """A property that may be missing; one of another kind counts as that."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def integer_in(value: Loaded, key: str) -> int | None:
    """The same, of a number."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def is_true_in(value: Loaded, key: str) -> bool:
    """The same, of true and false."""
    return isinstance(value, dict) and value.get(key) is True


def words_of(value: Loaded, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    """A word or an array of words; all that are wrong are said, but none of them refuses the rest."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        refuse(f"Invalid {what.replace(' type', '')}s type {type_name(value)}.")
    for word in value:
        if not isinstance(word, str):
            refuse(f"Invalid {what} type {type_name(word)}, expected string.")
        if word not in known:
            refuse(f"Unknown {what} '{word}'.")
    return tuple(word for word in known if word in value)
