"""Sequence numbers: they go round at 2**32, so "less" means "less than half a circle behind"."""

from __future__ import annotations

from typing import Final

MASK: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000


def before(one: int, other: int) -> bool:
    """Linux: include/net/tcp.h before()"""
    return bool((one - other) & _HALF)


def after(one: int, other: int) -> bool:
    """Linux: include/net/tcp.h after()"""
    return bool((other - one) & _HALF)


def between(one: int, low: int, high: int) -> bool:
    """Whether low <= one <= high. Linux: include/net/tcp.h between()"""
    return (high - low) & MASK >= (one - low) & MASK


def distance(low: int, high: int) -> int:
    """How far `high` is ahead."""
    return (high - low) & MASK


def in_window(seq: int, end_seq: int, start: int, end: int) -> bool:
    """Whether a segment touches a window. Linux: net/ipv4/tcp_minisocks.c tcp_in_window()"""
    if seq == start or (after(end_seq, start) and before(seq, end)):
        return True
    return seq == end and seq == end_seq
