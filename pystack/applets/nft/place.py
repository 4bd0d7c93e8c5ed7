"""Where in a text something stands, so that errors can point there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

STDIN: Final = "/dev/stdin"
COMMAND_LINE: Final = "<cmdline>"  # the name of a Source that no file holds


@dataclass(frozen=True, slots=True)
class Source:
    """A text, and under which name errors speak of it.

    The text has one character for each octet (Latin-1), since that is how nft counts columns.
    """

    name: str  # a path, or COMMAND_LINE
    text: str = field(repr=False)
    included: Place | None = None  # where the `include` stands that brought it
    starts: list[int] = field(
        default_factory=lambda: [0], compare=False, repr=False
    )  # of lines, as they are read

    def line(self, number: int) -> str:
        """One line, as an error shows it; of a command line that is always the first."""
        start = 0 if self.name == COMMAND_LINE else self.starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)]


@dataclass(frozen=True, slots=True)
class Place:
    """Some characters of one line; columns count from 1, and the last one belongs to it."""

    source: Source
    line: int
    first: int
    last: int

    def to(self, end: Place) -> Place:
        """From here to the end of another one; where that is on another line, nft has its column all the
        same.
        """
        return Place(end.source, self.line, self.first, end.last)


KERNEL: Final = Place(Source("netlink", ""), 0, 0, 0)  # of what was there before the text
NOWHERE: Final = Place(Source("internal", ""), 0, 0, 0)  # of what no text said: implied, or out of JSON
