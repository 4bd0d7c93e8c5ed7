"""Draws from a host's generator, in the words of one who makes up scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pystack.rng import Rng

T = TypeVar("T")


class Dice:
    """The same seed throws the same, on every machine."""

    def __init__(self, seed: int) -> None:
        self._rng = Rng(seed)

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both possible."""
        return low + self._rng.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True so many times in a hundred."""
        return self._rng.below(100) < percent

    def among(self, things: Sequence[T]) -> T:
        """One of these, each as likely."""
        return things[self._rng.below(len(things))]

    def some(self, things: Sequence[T], percent: int) -> list[T]:
        """Those for which chance has it, in their order."""
        return [thing for thing in things if self.chance(percent)]

    def weighted(self, weights: Mapping[T, int]) -> T:
        """One of the keys, as likely as its weight among all."""
        left = self._rng.below(sum(weights.values()))
        for thing, weight in weights.items():
            left -= weight
            if left < 0:
                return thing
        raise AssertionError("the weights are their own sum")

    def octets(self, length: int) -> bytes:
        """That many of any value."""
        return self._rng.octets(length)

    def seed(self) -> int:
        """For another pair of dice, which goes its own way."""
        return self._rng.u32()
