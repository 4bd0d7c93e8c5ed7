"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "setup"?`, or nothing if nothing is near."""
    by_folded = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), by_folded, n=1, cutoff=0.5)
    return f'; did you mean "{by_folded[close[0]]}"?' if close else ""
