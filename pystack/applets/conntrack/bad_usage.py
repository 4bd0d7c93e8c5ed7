"""A command line that conntrack(8) does not take."""

from __future__ import annotations


class BadUsage(Exception):
    """What the tool complains about; a hint follows, and exit code 2."""
