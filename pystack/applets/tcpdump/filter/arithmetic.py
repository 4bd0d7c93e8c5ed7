"""Numbers of an expression: constants, octets of headers, and what is worked out from them, modulo 2**32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.applets.tcpdump.filter.code import IP_PROTOCOLS, LINK_PROTOCOLS, Code
from pystack.applets.tcpdump.filter.errors import FilterError
from pystack.applets.tcpdump.filter.lexer import LINK_WORDS
from pystack.applets.tcpdump.filter.test import Short, Subject, Test, Value, both, everything, nothing
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6

WORD: Final = 0xFFFFFFFF
WITH_IP_HEADER: Final = ("sctp", "tcp", "udp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp")


@dataclass(frozen=True, slots=True)
class Number:
    """How to work a number out, and what the frame must be for it to mean anything."""

    value: Value
    guard: Test | None = None
    constant: int | None = None


def constant(value: int) -> Number:
    """A number that stands in the text."""
    return Number(lambda subject: value, constant=value)


def frame_length() -> Number:
    """`len`"""
    return Number(lambda subject: subject.length)


def load(code: Code, word: str, index: Number, size: int) -> Number:
    """`word[index:size]`. libpcap: gencode.c gen_load()"""
    if size not in (1, 2, 4):
        raise FilterError("data size must be 1, 2, or 4")
    if word in LINK_WORDS:
        return Number(lambda subject: subject.load(index.value(subject), size), index.guard)
    at = code.payload_at
    if word in LINK_PROTOCOLS and word not in ("stp", "netbeui"):
        guard = code.protocol(word)
        return Number(
            lambda subject: subject.load(at + index.value(subject) & WORD, size), _and(index.guard, guard)
        )
    if word == "icmp6":
        is_ip6 = code.link_type(ETH_P_IPV6)
        guard = both(is_ip6, lambda subject: subject.load(at + 6, 1) == IP_PROTOCOLS["icmp6"][0])
        return Number(
            lambda subject: subject.load(at + 40 + index.value(subject) & WORD, size),
            _and(index.guard, guard),
        )
    if word not in WITH_IP_HEADER:
        raise FilterError("unsupported index operation")

    def behind_header(subject: Subject) -> int:
        header = (subject.load(at, 1) & 15) * 4
        return subject.load(at + header + index.value(subject) & WORD, size)

    # Only in IPv4, and only in a datagram's first fragment.
    is_ip = code.link_type(ETH_P_IP)
    guard = both(is_ip, both(code.protocol(word), code.first_fragment()))
    return Number(behind_header, _and(index.guard, guard))


def negative(number: Number) -> Number:
    """`-n`"""
    return Number(lambda subject: -number.value(subject) & WORD, number.guard)


def combine(sign: str, left: Number, right: Number) -> Number:
    """libpcap: gencode.c gen_arth()"""
    if right.constant is not None:
        if sign in "/%" and right.constant == 0:
            raise FilterError("division by zero" if sign == "/" else "modulus by zero")
        if sign in ("<<", ">>") and right.constant > 31:
            raise FilterError("shift by more than 31 bits")
    work = OPERATIONS[sign]
    # What the right side asks of the frame is forgotten, as it is in libpcap.
    return Number(lambda subject: work(left.value(subject), right.value(subject)) & WORD, left.guard)


def compare(sign: str, left: Number, right: Number) -> Test:
    """libpcap: gencode.c gen_relation()"""
    relation = RELATIONS[sign]
    if left.constant is not None and right.constant is not None:
        return everything if relation(left.constant, right.constant) else nothing

    def test(subject: Subject) -> bool:
        return relation(left.value(subject), right.value(subject))

    guard = _and(left.guard, right.guard)
    return test if guard is None else both(guard, test)


def _and(left: Test | None, right: Test | None) -> Test | None:
    if left is None or right is None:
        return left or right
    return both(left, right)


def _divided(left: int, right: int) -> int:
    if right == 0:  # BPF gives the frame up
        raise Short
    return left // right


def _modulo(left: int, right: int) -> int:
    if right == 0:
        raise Short
    return left % right


OPERATIONS: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divided,
    "%": _modulo,
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
    "<<": lambda left, right: left << (right & 31),
    ">>": lambda left, right: left >> (right & 31),
}
RELATIONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}
