"""Numbers as `traceroute` reads them from its command line."""

from __future__ import annotations

import re
from typing import Final

_UNSIGNED: Final = re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_ULONG: Final = 1 << 64


class Refused(Exception):
    """The program says this and ends with 2."""


def unsigned(text: str) -> int:
    """A whole word. Raises ValueError. Linux: libsupp/clif.c CLIF_set_uint()"""
    if not _UNSIGNED.fullmatch(text):
        raise ValueError(text)
    return (leading_unsigned(text) or 0) & 0xFFFFFFFF


def leading_unsigned(text: str) -> int | None:
    """What a word begins with, as strtoul() reads it; None if that is no number."""
    found = _UNSIGNED.match(text)
    if found is None:
        return None
    sign, digits = found.groups()
    base = 16 if digits[1:2] in ("x", "X") else 8 if digits[0] == "0" else 10
    number = int(digits, base)
    return (-number if sign == "-" else number) % _ULONG
