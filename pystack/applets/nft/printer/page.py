"""What a listing is printed with: the options, the surroundings, and whose rules it shows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from pystack.applets.nft import times
from pystack.applets.nft.printer.layout import LINES, Layout
from pystack.applets.nft.show import show
from pystack.applets.nft.style import Style
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.types import DataType

_NUMERIC: Final = Style(numeric_priority=True, numeric_protocol=True, numeric_symbol=True, numeric_time=True)


@dataclass(frozen=True, slots=True)
class Page:
    """Handed down to everything that is printed."""

    style: Style = field(default_factory=Style)
    around: Surroundings = field(default_factory=Surroundings)
    family: str = ""  # of the table: some statements say less where it says enough
    layout: Layout = LINES  # of blocks of rules

    def show(self, octets: bytes, kind: DataType) -> str:
        """The word for a value."""
        return show(octets, kind, self.around, self.style)

    def duration(self, milliseconds: int) -> str:
        """`1h30m`"""
        return times.duration_text(milliseconds, only_seconds=self.style.numeric_time)

    def handle(self, number: int) -> str:
        """What stands behind a thing if handles are wanted."""
        return f" # handle {number}" if self.style.handles else ""

    def numeric(self) -> Page:
        """Ranges have no names at their ends."""
        return Page(replace(_NUMERIC, readable=self.style.readable), self.around, self.family)

    def stateless(self) -> Page:
        """Statements that wait to be given to a set's element have counted nothing."""
        return replace(self, style=replace(self.style, stateless=True))
