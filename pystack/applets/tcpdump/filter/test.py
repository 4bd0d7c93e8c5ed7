"""A frame under test, and how tests are put together.

A test that reads behind the end of a frame rejects it whatever stands around it, `not` included: that is how
BPF loads work, and every filter of a real tcpdump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pystack.wire.checksum import Buffer


class Short(Exception):
    """A load behind the end of the frame."""


@dataclass(slots=True)
class Subject:
    """What a filter may look at."""

    data: Buffer
    length: int  # on the wire
    outgoing: bool = False
    ifindex: int = 0

    def load(self, at: int, size: int) -> int:
        """One, two or four octets as a number. Raises Short."""
        if at < 0 or at + size > len(self.data):
            raise Short
        return int.from_bytes(self.data[at : at + size], "big")

    def octets(self, at: int, size: int) -> bytes:
        """Raises Short."""
        if at < 0 or at + size > len(self.data):
            raise Short
        return bytes(self.data[at : at + size])


Test = Callable[[Subject], bool]
Value = Callable[[Subject], int]


def matches(test: Test, subject: Subject) -> bool:
    """Whether a frame passes."""
    try:
        return test(subject)
    except Short:
        return False


Place = tuple[int, int]  # where a load reads, and how many octets
Facts = dict[Place, frozenset[int]]  # what a load must give if a test holds


def everything(subject: Subject) -> bool:
    """What no expression means."""
    return True


def nothing(subject: Subject) -> bool:
    """What cannot be, such as `arp and tcp`; libpcap's optimizer finds out and refuses it."""
    return False


class Equals:
    """The number there is this one."""

    __slots__ = ("at", "facts", "size", "value")

    def __init__(self, at: int, size: int, value: int) -> None:
        self.at = at
        self.size = size
        self.value = value
        self.facts: Facts = {(at, size): frozenset((value,))}

    def __call__(self, subject: Subject) -> bool:
        return subject.load(self.at, self.size) == self.value


class All:
    """`and`: a list rather than a tree, so that long expressions stay flat."""

    __slots__ = ("facts", "tests")

    def __init__(self, tests: tuple[Test, ...], facts: Facts) -> None:
        self.tests = tests
        self.facts = facts

    def __call__(self, subject: Subject) -> bool:
        return all(test(subject) for test in self.tests)


class Some:
    """`or`, likewise."""

    __slots__ = ("facts", "tests")

    def __init__(self, tests: tuple[Test, ...], facts: Facts) -> None:
        self.tests = tests
        self.facts = facts

    def __call__(self, subject: Subject) -> bool:
        return any(test(subject) for test in self.tests)


def facts_of(test: Test) -> Facts:
    """What must be if a test holds, as far as it says."""
    return test.facts if isinstance(test, All | Some | Equals) else {}


def both(left: Test, right: Test) -> Test:
    """`and`"""
    if nothing in (left, right) or not _can_both_hold(left, right):
        return nothing
    facts = dict(facts_of(left))
    for place, values in facts_of(right).items():
        facts[place] = facts.get(place, values) & values
        if not facts[place]:
            return nothing
    return All((*(left.tests if isinstance(left, All) else (left,)), right), facts)


def _can_both_hold(left: Test, right: Test) -> bool:
    return any(
        all(values & facts_of(theirs).get(place, values) for place, values in facts_of(ours).items())
        for ours in _branches(left)
        for theirs in _branches(right)
    )


def _branches(test: Test) -> tuple[Test, ...]:
    return test.tests if isinstance(test, Some) else (test,)


def either(*tests: Test) -> Test:
    """`or`"""
    possible = [test for test in tests if test is not nothing]
    if len(possible) < 2:
        return possible[0] if possible else nothing
    facts = dict(facts_of(possible[0]))
    for test in possible[1:]:
        others = facts_of(test)
        facts = {place: facts[place] | others[place] for place in facts.keys() & others.keys()}
    first = possible[0]
    flat = first.tests if isinstance(first, Some) else (first,)
    return Some((*flat, *possible[1:]), facts)


def negated(test: Test) -> Test:
    """`not`"""
    if test is nothing:
        return everything
    return nothing if test is everything else lambda subject: not test(subject)


def equals(at: int, size: int, value: int) -> Test:
    """The number there is this one."""
    return Equals(at, size, value)


def masked(at: int, size: int, value: int, mask: int) -> Test:
    """The same under a mask."""
    if mask == 0 == value:
        return everything
    return lambda subject: subject.load(at, size) & mask == value


def same_octets(at: int, value: bytes) -> Test:
    """These octets stand there."""
    return lambda subject: subject.octets(at, len(value)) == value
