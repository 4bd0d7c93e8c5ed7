"""Addresses that were given for a time: first they are deprecated, then they go."""

from __future__ import annotations

from pystack.clock import Clock
from pystack.l3.addresses import (
    IFA_F_DEPRECATED,
    IFA_F_PERMANENT,
    INFINITY,
    Address,
    AddressBook,
    AddressEvent,
)
from pystack.timers import Timer, Timers


class AddressLifetimes:
    """Linux: net/ipv4/devinet.c check_lifetime()

    Linux differs: it looks in whole seconds, up to a quarter of a second late; here an address goes on time.
    """

    def __init__(self, book: AddressBook, clock: Clock, timers: Timers) -> None:
        self._book = book
        self._clock = clock
        self._timers = timers
        self._pending: dict[Address, Timer] = {}
        book.listen(self._on_address)

    def give(self, address: Address, valid: int, preferred: int) -> None:
        """Let an address live that many seconds from now. Linux: net/ipv4/devinet.c set_ifa_lifetime()"""
        address.flags &= ~(IFA_F_PERMANENT | IFA_F_DEPRECATED)
        address.valid_lft, address.preferred_lft = valid, preferred
        if valid == INFINITY:
            address.flags |= IFA_F_PERMANENT
        if preferred == 0:
            address.flags |= IFA_F_DEPRECATED
        address.stamp = self._clock.now
        if address in self._book.of(address.dev):
            self._watch(address)

    def _on_address(self, event: AddressEvent, address: Address, _: Address | None) -> None:
        if event is AddressEvent.ADDED:
            self._watch(address)
        elif address in self._pending:
            self._pending.pop(address).cancel()

    def _watch(self, address: Address) -> None:
        """Look again when the next of its two times is up."""
        if address in self._pending:
            self._pending.pop(address).cancel()
        if address.flags & IFA_F_PERMANENT:
            return
        lifetimes = [address.valid_lft]
        if not address.flags & IFA_F_DEPRECATED:
            lifetimes.append(address.preferred_lft)
        due = address.stamp + min(lifetimes)
        self._pending[address] = self._timers.at(due, lambda: self._look_at(address))

    def _look_at(self, address: Address) -> None:
        del self._pending[address]
        if self._clock.now >= address.stamp + address.valid_lft:
            self._book.remove(address)
            return
        address.flags |= IFA_F_DEPRECATED
        self._watch(address)
