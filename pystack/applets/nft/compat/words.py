"""Pieces of which libxtables makes its translations."""

from __future__ import annotations

from pystack.applets.iptables.option import Given


def but(given: Given) -> str:
    """`!= `, or nothing."""
    return "!= " if given.inverted else ""


def compared(given: Given) -> str:
    """The same behind a mask, where equality is said."""
    return "!=" if given.inverted else "=="


def span(low: int | str, high: int | str) -> str:
    """`5`, `5-10`"""
    return str(low) if low == high else f"{low}-{high}"


def among(words: list[str]) -> str:
    """`{ 22, 80-90 }`"""
    return f"{{ {', '.join(words)} }}"


def bits_set(target: str, value: int, mask: int, *, whole: int) -> str:
    """What is to become of a number of which only some bits are set. Linux: libxt_MARK.c mark_tg_xlate()"""
    if mask == whole:
        return f"{value:#x}"
    if not value:
        return f"{target} and {~mask & whole:#x}"
    if value == mask:
        return f"{target} or {value:#x}"
    return f"{target} xor {value:#x}" if not mask else ""
