"""Where in a text something stands, so that errors can point there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Source:
    """A text, and under which name errors speak of it."""

    name: str  # a path, or "Error" of a command line: then errors begin with that word alone
    text: str
    included: Place | None = None  # where the `include` stands that brought it


@dataclass(frozen=True, slots=True)
class Place:
    """Some characters of one line; columns count from 1, and the last one belongs to it."""

    source: Source
    line: int
    first: int
    last: int

    def to(self, end: Place) -> Place:
        """From here to the end of another one."""
        return Place(self.source, self.line, self.first, end.last if end.line == self.line else self.last)


NOWHERE: Final = Place(Source("", ""), 0, 0, 0)  # of what no text said: implied, or out of JSON
