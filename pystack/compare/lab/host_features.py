"""Which features of features.py this machine's kernel and tools have."""

from __future__ import annotations

from collections.abc import Collection


def missing_here(needs: Collection[str]) -> list[str]:
    """Those of them that cannot be had here."""
    return []
