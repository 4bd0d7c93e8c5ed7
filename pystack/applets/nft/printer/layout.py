"""How the lines of a set, an object or a block of rules lie: in a table, or all in one line of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Layout:
    """Linux: nftables src/rule.c struct print_fmt_options"""

    tab: str
    newline: str
    separator: str  # behind each line of a declaration

    @property
    def indent(self) -> str:
        """In front of what stands in the braces of a thing in a table."""
        return self.tab * 2


LINES: Final = Layout("\t", "\n", "\n")
ONE_LINE: Final = Layout("", " ", "; ")
