"""Differences by their cause: how often, and the first packet that showed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.compare.live.judge import Verdict

Key = tuple[str, str, str]
_MOST: Final = 1000  # causes; more are counted and not told apart


@dataclass(slots=True)
class Cause:
    """Differences of one class, at one place, for one reason."""

    cls: str
    at: str
    text: str
    example: Verdict
    count: int = 0


class Causes:
    """All that were found, the first one first."""

    def __init__(self) -> None:
        self.all: dict[Key, Cause] = {}
        self.others = 0

    def add(self, verdict: Verdict) -> Cause | None:
        """Count a packet that differs; its cause, if it is the first that shows it."""
        first = verdict.differences[0]
        key = (first.cls, first.at, first.cause)
        known = self.all.get(key)
        if known is None and len(self.all) == _MOST:
            self.others += 1
            return None
        cause = self.all.setdefault(key, Cause(*key, verdict))
        cause.count += 1
        return None if known is not None else cause
