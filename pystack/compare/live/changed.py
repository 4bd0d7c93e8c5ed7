"""What was changed in the namespace since the copy was made of it, in words of its setup.

Not everything is told as it changes (sysctls are not, nor legacy tables), and with --no-follow nothing is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from pystack.compare.live.judge import Told
from pystack.compare.words import NOTHING
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.text import lines

AGAIN: Final = 2.0  # seconds from one reading to the next
CHANGED: Final = "changed"  # what such lines are called
MOST: Final = 8  # lines that are shown
_LEARNED: Final = ("#", "bridge fdb ", "ip neigh", "conntrack ")  # changes by itself


class Changed:
    """Of one namespace, which it has read when it is asked, and not every time."""

    def __init__(self, read_again: Callable[[], Building]) -> None:
        self._read_again = read_again
        self._read = float("-inf")
        self._now: Sequence[str] = ()

    def told(self, building: Building) -> Iterator[Told]:
        """Lines that only one of both has."""
        if time.monotonic() > self._read + AGAIN:
            self._now = lines(self._read_again())
            self._read = time.monotonic()
        yield from differing_lines(self._now, lines(building))


def differing_lines(kernel: Sequence[str], pystack: Sequence[str]) -> Iterator[Told]:
    """In the order of each; what is learned by itself is left out."""
    theirs, ours = Counter(_lasting(kernel)), Counter(_lasting(pystack))
    rows = list(zip_longest((theirs - ours).elements(), (ours - theirs).elements(), fillvalue=NOTHING))
    for left, right in rows[:MOST]:
        yield Told(CHANGED, left, right)
    if len(rows) > MOST:
        yield Told(CHANGED, f"{len(rows) - MOST} more lines", NOTHING)


def _lasting(text: Sequence[str]) -> Iterator[str]:
    return (line for line in text if not line.startswith(_LEARNED))
