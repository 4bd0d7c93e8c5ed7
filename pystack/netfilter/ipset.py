"""Sets of addresses that rules ask for by name: hash:ip, hash:net, hash:ip,port. One table a namespace.

A set holds elements under keys: an address; a network and the length of its prefix; an address, a protocol
and a port (of ICMP: type << 8 | code). What else is known of an element depends on what the set was made for.

Linux: net/netfilter/ipset/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from pystack.clock import Clock

HASH_IP: Final = "hash:ip"
HASH_NET: Final = "hash:net"
HASH_IP_PORT: Final = "hash:ip,port"
DIMENSIONS: Final = {HASH_IP: 1, HASH_NET: 1, HASH_IP_PORT: 2}  # of src and dst, in rules

Key = tuple[int, ...]


class Fault(Enum):
    """Why a set refuses. Linux: include/uapi/linux/netfilter/ipset/ip_set.h enum ipset_errno"""

    SET_EXISTS = "a set of that name is there"
    NO_SET = "there is no such set"
    IN_USE = "a rule asks for it"
    TYPES_DIFFER = "only sets of one type can be swapped"
    EXISTS = "the element is in the set"
    MISSING = "the element is not in the set"
    NULL = "an address of zeros cannot be stored"
    FULL = "the set holds as many as it may"
    NO_TIMEOUT = "the set knows no timeouts"
    NO_COUNTERS = "the set does not count"
    NO_COMMENT = "the set has no comments"
    PREFIX = "a prefix of that length cannot be stored"


class SetRefused(Exception):
    """A set, or the table of sets, does not do what it was asked."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Settings:
    """What a set was made for."""

    kind: str
    bits: int = 32  # of an address
    hash_size: int = 1024
    most: int = 65536  # elements
    prefix: int | None = None  # hash:ip: addresses are stored as networks of that length
    timeout: int | None = None  # seconds that an element has; 0: for ever, None: the set knows none
    counters: bool = False
    comments: bool = False
    makes_room: bool = False  # forceadd: the eldest gives way when the set is full
    bucket_size: int = 12
    seed: int = 0

    @property
    def is_ipv6(self) -> bool:
        """Whose addresses it holds."""
        return self.bits > 32


@dataclass(slots=True)
class Element:
    """What is known besides the key."""

    expires: int | None = None  # in jiffies
    packets: int = 0
    octets: int = 0
    comment: str = ""
    excludes: bool = False  # nomatch: what falls in this network is not in the set


@dataclass(slots=True)
class Body:
    """What two sets exchange when they are swapped."""

    settings: Settings
    elements: dict[Key, Element] = field(default_factory=dict)  # in the order in which they came
    lengths: dict[int, int] = field(default_factory=dict)  # hash:net: how many networks of each length


class IpSet:
    """A name, and what it stands for."""

    __slots__ = ("_clock", "body", "name")

    def __init__(self, name: str, body: Body, clock: Clock) -> None:
        self.name = name
        self.body = body
        self._clock = clock

    @property
    def settings(self) -> Settings:
        """What it was made for."""
        return self.body.settings

    def living(self) -> Iterator[tuple[Key, Element]]:
        """All elements whose time is not over."""
        return ((key, element) for key, element in self.body.elements.items() if not self._is_over(element))

    def seconds_left(self, element: Element) -> int:
        """0 if it stays for ever. Linux: ip_set_timeout.h ip_set_timeout_get()"""
        if element.expires is None:
            return 0
        return (element.expires - self._clock.jiffies) // self._clock.hz or 1

    # --- changes ------------------------------------------------------------------------------------------

    def add(self, key: Key, element: Element, timeout: int | None = None, *, renews: bool = False) -> None:
        """Take an element in. Linux: ip_set_hash_gen.h mtype_add()"""
        body = self.body
        known = self._exact(key)
        if known is not None and not renews:
            raise SetRefused(Fault.EXISTS)
        if known is None:
            self._make_room()
            if len(key) == 2:
                body.lengths[key[1]] = body.lengths.get(key[1], 0) + 1
        seconds = body.settings.timeout if timeout is None else timeout
        element.expires = self._clock.jiffies + seconds * self._clock.hz if seconds else None
        body.elements[key] = element

    def delete(self, key: Key) -> None:
        """Take an element out. Linux: mtype_del()"""
        if self._exact(key) is None:
            raise SetRefused(Fault.MISSING)
        self._forget(key)

    def flush(self) -> None:
        """Take all out."""
        self.body.elements.clear()
        self.body.lengths.clear()

    def _make_room(self) -> None:
        """Linux differs: of a full set that makes room the eldest goes, not one of the newcomer's bucket."""
        body = self.body
        if len(body.elements) < body.settings.most:
            return
        for key in [key for key, element in body.elements.items() if self._is_over(element)]:
            self._forget(key)
        if len(body.elements) < body.settings.most:
            return
        if not body.settings.makes_room or not body.elements:
            raise SetRefused(Fault.FULL)
        self._forget(next(iter(body.elements)))

    def _forget(self, key: Key) -> None:
        del self.body.elements[key]
        if len(key) == 2:
            self.body.lengths[key[1]] -= 1
            if not self.body.lengths[key[1]]:
                del self.body.lengths[key[1]]

    # --- questions ----------------------------------------------------------------------------------------

    def candidates(self, key: Key) -> Iterator[Element]:
        """The elements that a key falls on: of one address all networks that have it, the smallest first.

        Linux: mtype_test(), mtype_test_cidrs()
        """
        bits, keys = self.settings.bits, [key]
        if len(key) == 2 and key[1] == bits:
            lengths = sorted(self.body.lengths, reverse=True)
            keys = [(network_of(key[0], length, bits), length) for length in lengths]
        for one in keys:
            element = self._exact(one)
            if element is not None:
                yield element

    def _exact(self, key: Key) -> Element | None:
        element = self.body.elements.get(key)
        if element is None or not self._is_over(element):
            return element
        self._forget(key)
        return None

    def _is_over(self, element: Element) -> bool:
        return element.expires is not None and element.expires <= self._clock.jiffies


class IpSets:
    """All sets of a namespace; `is_used` tells whether a rule asks for one."""

    def __init__(self, clock: Clock, is_used: Callable[[IpSet], bool]) -> None:
        self._clock = clock
        self._is_used = is_used
        self._sets: dict[str, IpSet] = {}

    def __iter__(self) -> Iterator[IpSet]:
        return iter(self._sets.values())

    def get(self, name: str) -> IpSet | None:
        """A set by its name."""
        return self._sets.get(name)

    def find(self, name: str) -> IpSet:
        """The same; raises SetRefused."""
        found = self._sets.get(name)
        if found is None:
            raise SetRefused(Fault.NO_SET)
        return found

    def create(self, name: str, settings: Settings, *, exists_too: bool = False) -> None:
        """A new set; an equal one that is there may do. Linux: ip_set_core.c ip_set_create()"""
        known = self._sets.get(name)
        if known is None:
            self._sets[name] = IpSet(name, Body(settings), self._clock)
        elif not exists_too or not _is_alike(known.settings, settings):
            raise SetRefused(Fault.SET_EXISTS)

    def destroy(self, name: str = "") -> None:
        """One, or all; none if one of them is in use. Linux: ip_set_destroy()"""
        doomed = [self.find(name)] if name else list(self._sets.values())
        if any(map(self._is_used, doomed)):
            raise SetRefused(Fault.IN_USE)
        for one in doomed:
            del self._sets[one.name]

    def rename(self, old: str, new: str) -> None:
        """Linux: ip_set_rename()"""
        one = self.find(old)
        if self._is_used(one):
            raise SetRefused(Fault.IN_USE)
        if new in self._sets:
            raise SetRefused(Fault.SET_EXISTS)
        self._sets = {new if name == old else name: known for name, known in self._sets.items()}
        one.name = new

    def swap(self, first: str, second: str) -> None:
        """Exchange what two sets hold; rules ask for the name. Linux: ip_set_swap()"""
        one, other = self.find(first), self.find(second)
        if (one.settings.kind, one.settings.bits) != (other.settings.kind, other.settings.bits):
            raise SetRefused(Fault.TYPES_DIFFER)
        one.body, other.body = other.body, one.body


def _is_alike(known: Settings, wanted: Settings) -> bool:
    """Whether a set that is there is what another command wants. Linux: mtype_same_set()"""
    same = replace(wanted, hash_size=known.hash_size, bucket_size=known.bucket_size, seed=known.seed)
    return known == replace(same, makes_room=known.makes_room)


def network_of(address: int, length: int, bits: int) -> int:
    """The address with all bits behind the prefix off."""
    return address >> (bits - length) << (bits - length)
