"""What is wrong with a text, said as nft says it: the place, the words, the line, and marks below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from pystack.applets.nft.place import COMMAND_LINE, KERNEL, NOWHERE, STDIN, Place

LINE_MAX: Final = 1023  # characters of a file's line that are shown


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong; the further places are marked with ~ instead of ^."""

    at: Place
    message: str
    further: tuple[Place, ...] = ()

    def text(self) -> str:
        """All its lines, the last one without an end."""
        source = self.at.source
        if self.at is KERNEL:
            return f"{source.name}: Error: {self.message}"
        is_file = source.name != COMMAND_LINE
        words = "".join(included_from(self.at)) + (f"{source.name}:{span(self.at)}: " if is_file else "")
        words += f"Error: {self.message}\n"
        if not source.text:
            return words
        line = source.line(self.at.line)
        if is_file and source.name != STDIN:  # which nft has whole
            line = line[:LINE_MAX]
        return f"{words}{line}\n{self._marks(line)}"

    def _marks(self, line: str) -> str:
        places = (self.at, *self.further)
        marks = [" "] * max(place.last for place in places)
        for column, character in enumerate(line[: len(marks)]):
            if character == "\t":
                marks[column] = "\t"
        for place in reversed(places):
            mark = "^" if place is self.at else "~"
            first = max(place.first - 1, 0)
            marks[first : place.last] = mark * (place.last - first)
        return "".join(marks)


class NftError(Exception):
    """A text refused: what is wrong with it, in the order found."""

    def __init__(self, at: Place, message: str, further: tuple[Place, ...] = ()) -> None:
        super().__init__(message)
        self.complaints: tuple[Complaint, ...] = (Complaint(at, message, further),)

    @classmethod
    def of(cls, errors: Iterable[NftError]) -> NftError:
        """Several ones as one."""
        complaints = tuple(chain.from_iterable(error.complaints for error in errors))
        whole = cls(NOWHERE, "")
        whole.complaints = complaints
        return whole

    def text(self) -> str:
        """What nft writes; ends with a newline."""
        return "".join(complaint.text() + "\n" for complaint in self.complaints)

    def octets(self) -> bytes:
        """The same as it is written: texts were read as octets, nft's own words have quotes beyond them."""
        signs = (sign if sign < "\u0100" else sign.encode().decode("latin-1") for sign in self.text())
        return "".join(signs).encode("latin-1")


def span(place: Place) -> str:
    """LINE:FIRST-LAST."""
    return f"{place.line}:{place.first}-{place.last}"


def included_from(place: Place) -> Iterator[str]:
    """A line for each file between the place and the first text."""
    words, outer = "In file included from", place.source.included
    while outer is not None:
        yield f"{words} {outer.source.name}:{span(outer)}:\n"
        words, outer = "                 from", outer.source.included
