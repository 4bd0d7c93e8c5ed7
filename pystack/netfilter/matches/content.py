"""Matches that look at a packet's octets: string, u32, bpf."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


@dataclass(frozen=True, slots=True)
class String(Match):
    """`-m string`; offsets count from the IP header."""

    pattern: bytes
    start: int
    end: int
    ignore_case: bool
    inverted: bool
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_string.c string_mt(), net/core/skbuff.c skb_find_text()"""
        text = bytes(view.pkt.payload())[self.start : self.end]
        pattern = self.pattern
        if self.ignore_case:
            text, pattern = text.lower(), pattern.lower()
        return (pattern in text) != self.inverted


@dataclass(frozen=True, slots=True)
class U32Test:
    """A place, what is done with the number there, and what it may then be."""

    start: int
    steps: tuple[tuple[str, int], ...]  # "&", "<<", ">>", "@"
    values: tuple[tuple[int, int], ...]

    def holds(self, data: bytes) -> bool:
        """Linux: net/netfilter/xt_u32.c u32_match_it()"""
        at = 0
        number = _word(data, self.start)
        for sign, operand in self.steps:
            if number is None:
                return False
            if sign == "&":
                number &= operand
            elif sign == "<<":
                number = number << operand & 0xFFFFFFFF
            elif sign == ">>":
                number >>= operand
            else:
                at += number
                number = _word(data, at + operand)
        return number is not None and any(low <= number <= high for low, high in self.values)


def _word(data: bytes, at: int) -> int | None:
    found = data[at : at + 4]
    return int.from_bytes(found, "big") if len(found) == 4 else None


@dataclass(frozen=True, slots=True)
class U32(Match):
    """`-m u32`; all its tests must hold."""

    tests: tuple[U32Test, ...]
    inverted: bool
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_u32.c u32_mt()"""
        data = bytes(view.pkt.payload())
        return all(test.holds(data) for test in self.tests) != self.inverted
