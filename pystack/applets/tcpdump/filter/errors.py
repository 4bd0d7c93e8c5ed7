"""Why an expression is refused."""

from __future__ import annotations


class FilterError(Exception):
    """libpcap's complaint; tcpdump prints it behind its own name and ends with 1."""


def syntax_error() -> FilterError:
    """What every misplaced word is called."""
    return FilterError("can't parse filter expression: syntax error")
