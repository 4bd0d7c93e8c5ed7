"""The only time the core knows: set by the shell once per burst, constant while packets run."""

from __future__ import annotations


class Clock:
    """`now` counts seconds monotonically, `wall` is the calendar, `hz` the kernel's ticks per second.

    Linux counts limits, neighbour states and conntrack timeouts in jiffies; without `hz` verdicts differ at
    the edges.
    """

    __slots__ = ("hz", "now", "wall")

    def __init__(self, now: float = 0.0, wall: float = 0.0, hz: int = 250) -> None:
        self.now = now
        self.wall = wall
        self.hz = hz

    @property
    def jiffies(self) -> int:
        """`now` in ticks."""
        return int(self.now * self.hz)

    def set(self, now: float) -> None:
        """Move both clocks to a new moment; time never runs backwards."""
        if now > self.now:
            self.wall += now - self.now
            self.now = now
