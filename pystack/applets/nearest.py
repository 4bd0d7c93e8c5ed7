"""What somebody may have meant who wrote a word that is none."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is fewest slips away, if that is no more than a third of the letters."""
    distance, found = min(((slips(word, other), other) for other in known), default=(0, None))
    return found if found is not None and 3 * distance <= max(len(word), 3) else None


def slips(word: str, meant: str) -> int:
    """How many letters were left out, put in, mistaken or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for at, letter in enumerate(word):
        last, before, row = before, row, [at + 1]
        for to, other in enumerate(meant):
            row.append(min(before[to + 1] + 1, row[to] + 1, before[to] + (letter != other)))
            if last and to and letter == meant[to - 1] and word[at - 1] == other:
                row[to + 1] = min(row[to + 1], last[to - 1] + 1)
    return row[-1]
