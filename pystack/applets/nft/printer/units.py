"""Amounts in the unit that makes the number short without changing it.

Linux: nftables src/statement.c get_rate()
"""

from __future__ import annotations


def octets_text(octets: int) -> str:
    """`25 mbytes`"""
    number, unit = amount(octets)
    return f"{number} {unit}"


def amount(octets: int) -> tuple[int, str]:
    """The number and its unit."""
    for unit in ("bytes", "kbytes"):
        if not octets or octets % 1024:
            return octets, unit
        octets //= 1024
    return octets, "mbytes"
