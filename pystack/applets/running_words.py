"""Words of a setup as a shell takes them."""

from __future__ import annotations

from typing import Final

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=+@!%")


def inside(netns: str) -> str:
    """In front of a command that has no option for it."""
    return f"ip netns exec {netns} " if netns else ""


def quoted(word: str) -> str:
    """One word, whatever signs are in it."""
    return word if word and set(word) <= _PLAIN else "'" + word.replace("'", "'\\''") + "'"
