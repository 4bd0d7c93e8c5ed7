"""Two sides beside each other: texts line by line, and packets field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pystack.compare.align import pair_up
from pystack.compare.diff import Difference
from pystack.compare.points import framed
from pystack.compare.records import Captured, Frame, Hop, Output, Record, State
from pystack.compare.text_masks import plain_text
from pystack.compare.texts import compared_lines
from pystack.compare.words import NOTHING, words
from pystack.wire.fields import differing, place_of

FIRST: Final = ">"  # the first row that differs
ALSO: Final = "!"  # another that differs
UNMARKED: Final = " "
_MOST_DIGITS: Final = 32  # of a field in one row
UNKNOWN: Final = "?"  # not observable on that side


@dataclass(frozen=True, slots=True)
class Row:
    """One thing on both sides."""

    mark: str
    kernel: str
    pystack: str


# --- texts ----------------------------------------------------------------------------------------------


def text_rows(theirs: Sequence[str], ours: Sequence[str]) -> Iterator[Row]:
    """Two texts line beside line; times and what else differs by nature are not marked."""
    mark = FIRST
    for left, right in pair_up(theirs, ours, _same_text, _near_text):
        is_same = _plain(left) == _plain(right)
        yield Row(
            UNMARKED if is_same else mark,
            NOTHING if left is None else left,
            NOTHING if right is None else right,
        )
        mark = mark if is_same else ALSO


def _plain(line: str | None) -> str:
    """With its end, by which some of what is forgiven is known."""
    return "" if line is None else plain_text(f"{line}\n")


def _same_text(left: str, right: str) -> bool:
    return left == right or _plain(left) == _plain(right)


def _near_text(left: str, right: str) -> bool:
    """Rows about the same thing: tables begin with what the row is about."""
    return left.split(" ")[0] == right.split(" ")[0]


# --- fields ---------------------------------------------------------------------------------------------


def field_rows(left: Record | None, right: Record | None, unlike: Iterable[str]) -> Iterator[Row]:
    """The fields in which two frames differ, in digits; those that are forgiven are not marked."""
    theirs, ours = _data(left), _data(right)
    if not theirs or not ours:
        return
    for name in differing(theirs, ours):
        mark = ALSO if name in unlike else UNMARKED
        yield Row(mark, f"    {name} {_digits(theirs, name)}", f"    {name} {_digits(ours, name)}")


def _data(half: Record | None) -> bytes:
    match half:
        case Hop():
            return framed(half)
        case Frame() | Captured():
            return half.data
    return b""


def _digits(frame: bytes, name: str) -> str:
    place = place_of(frame, name)
    return str(len(frame)) if place is None else frame[slice(*place)].hex()


def _value(half: Record | None, name: str) -> str:
    """A field of a packet, or of the hop that saw it."""
    if name in Hop.__slots__:
        value = getattr(half, name, None)
        return UNKNOWN if value is None else str(value)
    return _digits(_data(half), name)


# --- one difference -------------------------------------------------------------------------------------


def beside(difference: Difference) -> Iterator[tuple[str, str]]:
    """Only what differs, each line with who says it; of packets that read alike, the fields."""
    kernel, pystack = difference.kernel, difference.pystack
    if isinstance(kernel or pystack, Output | State):
        rows = list(text_rows(compared_lines(kernel), compared_lines(pystack)))
    else:
        rows = [Row(FIRST, words(kernel), words(pystack))]
    for row in rows:
        if row.kernel == row.pystack and row.mark != UNMARKED:
            yield "both", row.kernel
        elif row.mark != UNMARKED:
            yield "kernel", row.kernel
            yield "pystack", row.pystack
    if len(rows) == 1 and rows[0].kernel == rows[0].pystack:
        for name in difference.fields:
            left, right = _where_apart(_value(kernel, name), _value(pystack, name))
            yield "differs", f"{name} {left} | {right}"


def _where_apart(left: str, right: str) -> tuple[str, str]:
    """Two payloads from the first octet on that differs, and not to their end."""
    if max(len(left), len(right)) <= _MOST_DIGITS:
        return left, right
    shorter = min(len(left), len(right))
    start = next((place for place in range(shorter) if left[place] != right[place]), shorter) & ~1
    return _cut(left, start), _cut(right, start)


def _cut(digits: str, start: int) -> str:
    end = start + _MOST_DIGITS
    return f"{'...' if start else ''}{digits[start:end]}{'...' if len(digits) > end else ''}"
