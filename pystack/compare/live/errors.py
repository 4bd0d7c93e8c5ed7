"""Why a comparison cannot be made."""

from __future__ import annotations


class LiveUnavailable(Exception):
    """The kernel, the rights or somebody else stand in the way; nothing was changed. The text says who."""
