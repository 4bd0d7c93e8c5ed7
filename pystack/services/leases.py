"""Who has which address for how long (RFC 2131 2.2). At most one record an address, so memory is bounded.

An address that is free again keeps the record of its last holder, who gets it back when it asks, until
another one needs it: those that were never given are given first, then the one that has been free longest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from heapq import heappop, heappush
from typing import Final

OFFER_TIME: Final = 60.0  # seconds that an offered address is kept for an answer
QUARANTINE: Final = 600.0  # seconds that an address rests after somebody found it in use
_COMPACT_MINIMUM: Final = 64


class LeaseState(Enum):
    """What became of an address."""

    OFFERED = "offered"
    BOUND = "bound"
    RELEASED = "released"
    DECLINED = "declined"  # its holder found that somebody else uses it


@dataclass(slots=True)
class Lease:
    """An address and its last holder."""

    address: int
    client: bytes  # the identifier that it sent, else its hardware address
    chaddr: bytes
    state: LeaseState
    expires: float
    host_name: str = ""


class LeaseTable:
    """The addresses from `first` to `last`, and those that are reserved for known hardware addresses.

    `is_usable` says whether an address may be given at all: none that this host has itself.
    """

    def __init__(
        self, first: int, last: int, reserved: Mapping[bytes, int], is_usable: Callable[[int], bool]
    ) -> None:
        self.first = first
        self.last = last
        self.reserved = reserved
        self._is_usable = is_usable
        self._kept = frozenset(reserved.values())
        self._next = first  # those from here on were never given
        self._by_address: dict[int, Lease] = {}
        self._by_client: dict[bytes, Lease] = {}
        self._by_end: list[tuple[float, int]] = []  # a heap: when each one is worth a look

    def __iter__(self) -> Iterator[Lease]:
        """By address."""
        return iter([self._by_address[address] for address in sorted(self._by_address)])

    def __len__(self) -> int:
        return len(self._by_address)

    def of(self, client: bytes) -> Lease | None:
        """The client's last lease, which may be over."""
        return self._by_client.get(client)

    def may_have(self, client: bytes, chaddr: bytes, address: int, now: float) -> bool:
        """Whether this address can be the client's from now on."""
        reserved = self.reserved.get(chaddr)
        if reserved is not None:
            if address != reserved:
                return False
        elif not self.first <= address <= self.last or address in self._kept:
            return False
        held = self._by_address.get(address)
        if held is not None and held.expires > now:
            return held.client == client and held.state is not LeaseState.DECLINED
        return self._is_usable(address)

    def choose(self, client: bytes, chaddr: bytes, wanted: int | None, now: float) -> int | None:
        """The address to offer: reserved, else the last, the wanted, or a free one (RFC 2131 4.3.1)."""
        last = self.of(client)
        for address in (self.reserved.get(chaddr), None if last is None else last.address, wanted):
            if address is not None and self.may_have(client, chaddr, address, now):
                return address
        return None if chaddr in self.reserved else self._free(client, chaddr, now)

    def _free(self, client: bytes, chaddr: bytes, now: float) -> int | None:
        while (address := self._next_candidate(now)) is not None:
            if self.may_have(client, chaddr, address, now):
                return address
            if not self._is_usable(address):  # this host has it, for now
                self._note_end(now + QUARANTINE, address)
        return None

    def _next_candidate(self, now: float) -> int | None:
        if self._next <= self.last:
            self._next += 1
            return self._next - 1
        if self._by_end and self._by_end[0][0] <= now:
            return heappop(self._by_end)[1]
        return None

    def put(self, lease: Lease) -> None:
        """Record what an address is now; its former record and the client's former address go."""
        self._forget(self._by_address.get(lease.address))
        if lease.state is not LeaseState.DECLINED:
            self._forget(self._by_client.get(lease.client))
            self._by_client[lease.client] = lease
        self._by_address[lease.address] = lease
        self._note_end(lease.expires, lease.address)

    def _forget(self, lease: Lease | None) -> None:
        if lease is None:
            return
        del self._by_address[lease.address]
        if self._by_client.get(lease.client) is lease:
            del self._by_client[lease.client]
        self._note_end(0.0, lease.address)

    def end(self, lease: Lease, state: LeaseState, until: float) -> None:
        """The client gives its address back; a declined one is nobody's until then."""
        lease.state, lease.expires = state, until
        if state is LeaseState.DECLINED:
            del self._by_client[lease.client]
        self._note_end(until, lease.address)

    def _note_end(self, when: float, address: int) -> None:
        """From then on it is worth a look whether the address is free."""
        if not self.first <= address <= self.last:
            return
        heappush(self._by_end, (when, address))
        if len(self._by_end) > 2 * len(self._by_address) + _COMPACT_MINIMUM:
            latest = {address: when for when, address in sorted(self._by_end)}
            latest |= {held.address: held.expires for held in self if held.address in latest}
            self._by_end = sorted((when, address) for address, when in latest.items())

    def inherit(self, old: LeaseTable, now: float) -> None:
        """Take over what is not over, as far as the addresses can still be had."""
        for lease in old:
            if lease.expires > now and self.may_have(lease.client, lease.chaddr, lease.address, now):
                self.put(lease)
