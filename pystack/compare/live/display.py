"""A table on a terminal that says how a comparison goes, while it goes; what is told once scrolls above."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text as Words

from pystack.compare.live.causes import Causes
from pystack.compare.live.judge import Tally
from pystack.compare.live.report import WIDE
from pystack.compare.live.screen import Text
from pystack.compare.words import printable

BETWEEN: Final = 0.25  # seconds from one picture to the next
_FRAME: Final = 13  # lines that are no cause's, at most
_FEWEST: Final = 3  # causes that are shown on the lowest terminal


class Display(Text):
    """For eyes that watch."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        super().__init__(width=min(self._console.width, WIDE))
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._speed = Speed()
        self._drawn = float("-inf")

    def begin(self, devices: Iterable[str]) -> None:
        """Draw from now on."""
        super().begin(devices)
        self._live.start()

    def tick(self, tally: Tally, causes: Causes) -> None:
        """Draw, if the last picture is old enough."""
        now = time.monotonic()
        if now < self._drawn + BETWEEN:
            return
        self._drawn = now
        rows = max(self._console.height - _FRAME, _FEWEST)
        self._live.update(picture(tally, causes, self._speed.of(_seen(tally), now), rows), refresh=True)

    def close(self) -> None:
        """Give the terminal back, with what scrolled by."""
        self._live.stop()


class Speed:
    """Packets a second, over the last one or so."""

    def __init__(self) -> None:
        self._before: list[tuple[float, int]] = []

    def of(self, packets: int, now: float) -> float:
        """So many there have been by now."""
        self._before = [(when, many) for when, many in self._before if when > now - 1.5]
        self._before.append((now, packets))
        began, first = self._before[0]
        return (packets - first) / (now - began) if now > began else 0.0


def _seen(tally: Tally) -> int:
    return tally.compared + tally.aside + tally.unplayed.total() + tally.passed_over.total()


def picture(tally: Tally, causes: Causes, speed: float, rows: int) -> Table:
    """The table, with so many causes; marks and words say what colours say."""
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.expand = True
    table.add_row(f"{speed:,.0f}", "packets/s")
    table.add_row(f"{tally.compared:,}", "compared")
    table.add_row(f"{tally.same:,}", Words("same", style="green"))
    table.add_row(f"{tally.differ:,}", _bad("differ", tally.differ))
    for reason, count in tally.unplayed.most_common(_FEWEST):
        table.add_row(f"{count:,}", f"not compared: {reason}")
    for reason, count in tally.passed_over.most_common(_FEWEST):
        table.add_row(f"{count:,}", f"not looked at: {reason}")
    table.add_row(f"{tally.lost:,}", _bad("reports lost", tally.lost))
    found = sorted(causes.all.values(), key=lambda cause: -cause.count)
    for cause in found[:rows]:
        table.add_row(f"{cause.count:,}", Words(printable(f"! {cause.cls} {cause.text}"), style="red"))
    if len(found) > rows:
        table.add_row("", f"and {len(found) - rows} causes more")
    return table


def _bad(words: str, count: int) -> Words:
    """Better if there were none."""
    return Words(f"! {words}", style="red") if count else Words(words)
