"""What was measured, and what it amounts to: medians, ratios, bars. Nothing here measures anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

PYSTACK: Final = "pystack"  # who the others are compared with, in every row


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement, and what is worth knowing beside it (what the sender sent, the PSS beside the RSS)."""

    value: float
    beside: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bar:
    """What pystack wants to reach: as a multiple of a contestant's figure, or, against nobody, as its own."""

    limit: float
    at_least: bool = True
    against: str = ""

    @property
    def text(self) -> str:
        """As in "bar >= 0.8"."""
        return f"bar {'>=' if self.at_least else '<='} {self.limit:g}"

    def is_met(self, figure: float) -> bool:
        """Whether a ratio, or a figure of pystack's own, reaches the bar."""
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(slots=True)
class Series:
    """One contestant of a row: a reading a round, or the reason why there is none."""

    contestant: str
    readings: list[Reading] = field(default_factory=list)
    missing: str = ""  # what the machine lacks for it: no fault of anybody's
    failure: str = ""  # it was there, and the measurement failed

    @property
    def values(self) -> list[float]:
        """Of the rounds, in their order."""
        return [reading.value for reading in self.readings]

    @property
    def median(self) -> float:
        """Precondition: there are readings."""
        return median(self.values)

    @property
    def beside(self) -> dict[str, float]:
        """The median of each thing that was read beside."""
        names = self.readings[0].beside if self.readings else ()
        return {name: median(reading.beside[name] for reading in self.readings) for name in names}


@dataclass(slots=True)
class Row:
    """One question, put to every contestant in turn, round after round."""

    name: str
    title: str
    unit: str
    how: str
    more_is_better: bool
    bars: tuple[Bar, ...] = ()
    series: list[Series] = field(default_factory=list)

    @property
    def subject(self) -> Series | None:
        """pystack's own series."""
        return next((series for series in self.series if series.contestant == PYSTACK), None)

    def ratio(self, other: Series) -> float | None:
        """pystack as a multiple of another; None where one of them has no figure."""
        subject = self.subject
        if subject is None or other is subject:
            return None
        return paired_ratio(subject.values, other.values)

    def bar_for(self, series: Series) -> Bar | None:
        """The bar that is printed beside a contestant."""
        wanted = "" if series is self.subject else series.contestant
        return next((bar for bar in self.bars if bar.against == wanted), None)

    def reaches(self, series: Series) -> bool | None:
        """Whether the bar beside a contestant is met; None without a bar, or without a figure."""
        bar = self.bar_for(series)
        if bar is None or not series.readings:
            return None
        figure = series.median if series is self.subject else self.ratio(series)
        return None if figure is None else bar.is_met(figure)

    def failures(self) -> list[str]:
        """Everything that went wrong, a sentence each."""
        return [f"{self.name}: {each.contestant}: {each.failure}" for each in self.series if each.failure]


def paired_ratio(ours: Iterable[float], theirs: Iterable[float]) -> float | None:
    """The median of the rounds' own ratios: what loads the machine for a while loads both sides of it."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=False) if other]
    return median(ratios) if ratios else None
