"""Bob Jenkins' hash of 32-bit words (lookup3), by which the kernel spreads connections over addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_MASK: Final = 0xFFFFFFFF
_START: Final = 0xDEADBEEF


def jhash_words(words: Sequence[int], start: int) -> int:
    """Linux: include/linux/jhash.h jhash2()"""
    a = b = c = _START + (len(words) << 2) + start & _MASK
    at, left = 0, len(words)
    while left > 3:
        a, b, c = _mix(a + words[at], b + words[at + 1], c + words[at + 2])
        at, left = at + 3, left - 3
    if not left:
        return c
    tail = (*words[at:], 0, 0)
    return _final(a + tail[0] & _MASK, b + tail[1] & _MASK, c + tail[2] & _MASK)


def jhash(octets: bytes, start: int) -> int:
    """The same of octets, as a little-endian machine reads them. Linux: include/linux/jhash.h jhash()"""
    whole = octets + bytes(-len(octets) % 4)
    words = [int.from_bytes(whole[at : at + 4], "little") for at in range(0, len(whole), 4)]
    return jhash_words(words, start + len(octets) - len(whole))


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    """Linux: __jhash_mix()"""
    for turn in ((4, 6, 8), (16, 19, 4)):
        a = (a - c & _MASK) ^ _rotated(c, turn[0])
        c = c + b & _MASK
        b = (b - a & _MASK) ^ _rotated(a, turn[1])
        a = a + c & _MASK
        c = (c - b & _MASK) ^ _rotated(b, turn[2])
        b = b + a & _MASK
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    """Linux: __jhash_final()"""
    c = (c ^ b) - _rotated(b, 14) & _MASK
    a = (a ^ c) - _rotated(c, 11) & _MASK
    b = (b ^ a) - _rotated(a, 25) & _MASK
    c = (c ^ b) - _rotated(b, 16) & _MASK
    a = (a ^ c) - _rotated(c, 4) & _MASK
    b = (b ^ a) - _rotated(a, 14) & _MASK
    return (c ^ b) - _rotated(b, 24) & _MASK


def _rotated(word: int, turn: int) -> int:
    word &= _MASK
    return (word << turn | word >> 32 - turn) & _MASK
