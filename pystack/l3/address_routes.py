"""The routes that follow from addresses, kept in step with them.

For each device the routes that its address list implies are worked out anew after every change and held
against what was implied before: what is no longer implied goes, what is new comes, the rest is not touched.
"""

from __future__ import annotations

from dataclasses import dataclass

from pystack.device import IFF_LOOPBACK, IFF_UP
from pystack.errors import NetError
from pystack.l2.devices import Link, LinkEvent
from pystack.l3.addresses import (
    IFA_F_NOPREFIXROUTE,
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    Address,
    AddressBook,
    AddressEvent,
)
from pystack.l3.fib import Fib
from pystack.l3.fib_table import FibMatch
from pystack.l3.fib_types import (
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_UNICAST,
    RTPROT_KERNEL,
    FibInfo,
    FibRoute,
    Nexthop,
)
from pystack.wire.ipv4 import INADDR_BROADCAST, is_zeronet


@dataclass(frozen=True, slots=True)
class Implied:
    """One route that an address brings with it."""

    type: int
    prefix: int
    prefixlen: int
    prefsrc: int
    metric: int = 0

    @property
    def table(self) -> int:
        """Only networks go to main."""
        return RT_TABLE_MAIN if self.type == RTN_UNICAST else RT_TABLE_LOCAL

    @property
    def scope(self) -> int:
        """Linux: net/ipv4/fib_frontend.c fib_magic()"""
        return RT_SCOPE_HOST if self.type == RTN_LOCAL else RT_SCOPE_LINK


def implied_by(address: Address, primary: Address) -> list[Implied]:
    """The routes of one address, in the order in which the kernel makes them.

    Linux: net/ipv4/fib_frontend.c fib_add_ifaddr()
    """
    dev, source = address.dev, primary.local
    routes = [Implied(RTN_LOCAL, address.local, 32, source)]
    if not dev.flags & IFF_UP:
        return routes
    if address.broadcast and address.broadcast != INADDR_BROADCAST:
        routes.append(Implied(RTN_BROADCAST, address.broadcast, 32, source))
    prefix = address.prefix
    if is_zeronet(prefix) or address.is_secondary or (prefix == address.local and address.prefixlen == 32):
        return routes
    if not address.flags & IFA_F_NOPREFIXROUTE:
        kind = RTN_LOCAL if dev.flags & IFF_LOOPBACK else RTN_UNICAST
        routes.append(Implied(kind, prefix, address.prefixlen, source, address.metric))
    if address.prefixlen < 31:
        routes.append(Implied(RTN_BROADCAST, prefix | ~address.mask & 0xFFFFFFFF, 32, source))
    return routes


def announce(fib: Fib, dev: Link, route: Implied) -> None:
    """Add an implied route behind its equals. Linux: net/ipv4/fib_frontend.c fib_magic()"""
    info = FibInfo(
        route.type,
        (Nexthop(dev),),
        scope=route.scope,
        protocol=RTPROT_KERNEL,
        prefsrc=route.prefsrc,
        priority=route.metric,
    )
    try:
        fib.add(
            FibRoute(route.table, route.prefix, route.prefixlen, info),
            exclusive=False,
            append=True,
            implied=True,
        )
    except NetError:
        return  # an equal one is there already


class AddressRoutes:
    """Linux: net/ipv4/fib_frontend.c fib_inetaddr_event(), fib_netdev_event()"""

    def __init__(self, fib: Fib, addresses: AddressBook) -> None:
        self._fib = fib
        self._addresses = addresses
        self._implied: dict[Link, dict[Implied, None]] = {}
        addresses.listen(self._on_address)

    def _on_address(self, event: AddressEvent, address: Address, primary: Address | None) -> None:
        dev = address.dev
        self._sync(dev)
        self._fib.addresses_changed()
        if event is AddressEvent.ADDED:
            for route in implied_by(address, self._addresses.primary_for(address)):
                announce(self._fib, dev, route)  # also what another address brought and a user took away
            self._fib.device_up(dev)
        if event is AddressEvent.REMOVED:
            is_kept = any(known.local == address.local for known in self._addresses.of(dev))
            if not is_kept and self._fib.address_type(address.local) != RTN_LOCAL:
                self._fib.source_gone(address.local)
            if not self._addresses.of(dev):  # the last address: IPv4 on this device is over
                self._fib.device_down(dev, forever=True)

    def on_link_event(self, event: LinkEvent, dev: Link) -> None:
        """Devices come and go, and their routes with them."""
        if event is LinkEvent.UP:
            self._implied.pop(dev, None)  # whatever was deleted by hand comes back
            self._sync(dev)
            self._fib.device_up(dev)
            self._fib.addresses_changed()
        elif event is LinkEvent.DOWN:
            self._fib.device_down(dev, forever=False)
            self._implied[dev] = dict.fromkeys(self._implied_now(dev))
        elif event is LinkEvent.CHANGE:
            self._fib.carrier_changed(dev)
        elif event is LinkEvent.CHANGEMTU:
            self._fib.changed()
        elif event is LinkEvent.UNREGISTER:
            self._fib.device_down(dev, forever=True, removed=True)
            self._implied.pop(dev, None)

    def _implied_now(self, dev: Link) -> list[Implied]:
        book = self._addresses
        return [route for held in book.of(dev) for route in implied_by(held, book.primary_for(held))]

    def _sync(self, dev: Link) -> None:
        before = self._implied.get(dev, {})
        now = dict.fromkeys(self._implied_now(dev))
        for gone in [route for route in before if route not in now]:
            self._withdraw(dev, gone)
        for new in [route for route in now if route not in before]:
            announce(self._fib, dev, new)
        self._implied[dev] = now

    def _withdraw(self, dev: Link, route: Implied) -> None:
        wanted = FibMatch(
            type_=route.type, scope=route.scope, protocol=RTPROT_KERNEL, prefsrc=route.prefsrc, dev=dev
        )
        try:
            self._fib.delete(route.table, route.prefix, route.prefixlen, wanted)
        except NetError:
            return  # a user was faster
