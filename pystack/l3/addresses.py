"""IPv4 addresses on devices, in the order and with the refusals of the kernel.

The list of a device is kept by scope, wider scopes behind narrower ones, primaries before secondaries;
which address a host speaks with depends on that order. Routes that follow from addresses are made by those
who `listen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final

from pystack.errors import EADDRNOTAVAIL, EEXIST, EINVAL, NetError
from pystack.l2.devices import Link
from pystack.wire.ipv4 import netmask

RT_SCOPE_UNIVERSE: Final = 0
RT_SCOPE_SITE: Final = 200
RT_SCOPE_LINK: Final = 253
RT_SCOPE_HOST: Final = 254
RT_SCOPE_NOWHERE: Final = 255

IFA_F_SECONDARY: Final = 0x01
IFA_F_DEPRECATED: Final = 0x20
IFA_F_PERMANENT: Final = 0x80
IFA_F_NOPREFIXROUTE: Final = 0x200

INFINITY: Final = 0xFFFFFFFF


class Address:
    """Linux: include/linux/inetdevice.h struct in_ifaddr"""

    __slots__ = (
        "broadcast",
        "created",
        "dev",
        "flags",
        "label",
        "local",
        "metric",
        "peer",
        "preferred_lft",
        "prefixlen",
        "scope",
        "stamp",
        "valid_lft",
    )

    def __init__(
        self,
        dev: Link,
        local: int,
        prefixlen: int,
        *,
        peer: int | None = None,
        broadcast: int = 0,
        scope: int = RT_SCOPE_UNIVERSE,
        label: str = "",
        flags: int = 0,
        metric: int = 0,
        valid_lft: int = INFINITY,
        preferred_lft: int = INFINITY,
    ) -> None:
        self.dev = dev
        self.local = local
        self.peer = local if peer is None else peer  # the far end of a point-to-point address
        self.prefixlen = prefixlen
        self.broadcast = broadcast
        self.scope = scope
        self.label = label or dev.name
        self.flags = flags
        self.metric = metric
        self.valid_lft = valid_lft  # seconds from `stamp`
        self.preferred_lft = preferred_lft
        self.created = 0.0
        self.stamp = 0.0

    @property
    def mask(self) -> int:
        """The netmask."""
        return netmask(self.prefixlen)

    @property
    def prefix(self) -> int:
        """The network that the address, or its far end, lies in."""
        return self.peer & self.mask

    @property
    def is_secondary(self) -> bool:
        """Another address of the same network came first."""
        return bool(self.flags & IFA_F_SECONDARY)

    def holds(self, address: int) -> bool:
        """Whether `address` is in this address's network. Linux: inet_ifa_match()"""
        return not (address ^ self.peer) & self.mask


class AddressEvent(Enum):
    """What a listener is told."""

    ADDED = "NETDEV_UP"
    REMOVED = "NETDEV_DOWN"


Listener = Callable[[AddressEvent, Address, Address | None], None]  # the last: who was its primary


def _never(dev: Link) -> bool:
    return False


class AddressBook:
    """All IPv4 addresses of a namespace."""

    def __init__(
        self, promotes: Callable[[Link], bool], routes_localnet: Callable[[Link], bool] = _never
    ) -> None:
        self._promotes = promotes  # promote_secondaries
        self._routes_localnet = routes_localnet
        self._by_dev: dict[Link, list[Address]] = {}
        self._by_local: dict[int, list[Address]] = {}  # asked for every packet that comes in
        self._listeners: list[Listener] = []

    def __iter__(self) -> Iterator[Address]:
        """By device, in each device's own order."""
        for dev in sorted(self._by_dev, key=lambda known: known.ifindex):
            yield from self._by_dev[dev]

    def of(self, dev: Link) -> list[Address]:
        """The device's addresses."""
        return self._by_dev.get(dev, [])

    def devices(self) -> list[Link]:
        """Devices that have any, by ifindex."""
        return sorted((dev for dev, held in self._by_dev.items() if held), key=lambda dev: dev.ifindex)

    def listen(self, listener: Listener) -> None:
        """Hear of every address that comes or goes."""
        self._listeners.append(listener)

    def find(
        self, dev: Link, local: int, prefixlen: int | None = None, peer: int | None = None
    ) -> Address | None:
        """An address on a device as a user names it. Linux: net/ipv4/devinet.c inet_rtm_deladdr()"""
        for held in self.of(dev):
            if held.local != local or (prefixlen is not None and held.prefixlen != prefixlen):
                continue
            if peer is not None and held.peer != peer:
                continue
            return held
        return None

    def add(self, address: Address) -> None:
        """Linux: net/ipv4/devinet.c __inet_insert_ifa()"""
        held = self._by_dev.setdefault(address.dev, [])
        address.flags &= ~IFA_F_SECONDARY
        place = 0
        for index, other in enumerate(held):
            if not other.is_secondary and address.scope <= other.scope:
                place = index + 1
            if other.prefixlen != address.prefixlen or not other.holds(address.peer):
                continue
            if other.local == address.local:
                raise NetError(EEXIST, "ipv4: Address already assigned")
            if other.scope != address.scope:
                raise NetError(EINVAL, "ipv4: Invalid scope value")
            address.flags |= IFA_F_SECONDARY
        held.insert(len(held) if address.is_secondary else place, address)
        self._by_local.setdefault(address.local, []).insert(0, address)  # the newest is found first
        address.dev.net.origins.note(address)
        self._tell(AddressEvent.ADDED, address)

    def delete(self, dev: Link, local: int, prefixlen: int | None = None, peer: int | None = None) -> None:
        """Linux: net/ipv4/devinet.c inet_rtm_deladdr()"""
        address = self.find(dev, local, prefixlen, peer)
        if address is None:
            raise NetError(EADDRNOTAVAIL, "ipv4: Address not found")
        self.remove(address)

    def remove(self, address: Address) -> None:
        """Take an address out, and its secondaries with it or one of them in its place.

        Linux: net/ipv4/devinet.c __inet_del_ifa()
        """
        held = self._by_dev[address.dev]
        heirs = [] if address.is_secondary else self._secondaries_of(address, held)
        promote = heirs[0] if heirs and self._promotes(address.dev) else None
        if promote is None:
            for heir in heirs:
                self._take_out(heir, held)
                self._tell(AddressEvent.REMOVED, heir, address)
        self._take_out(address, held)
        self._tell(AddressEvent.REMOVED, address)
        if promote is not None:
            self._promote(promote, heirs, held)
        if not held:
            del self._by_dev[address.dev]

    def _take_out(self, address: Address, held: list[Address]) -> None:
        held.remove(address)
        twins = self._by_local[address.local]
        twins.remove(address)
        if not twins:
            del self._by_local[address.local]

    def _secondaries_of(self, primary: Address, held: list[Address]) -> list[Address]:
        after = held[held.index(primary) + 1 :]
        return [
            other
            for other in after
            if other.is_secondary and other.prefixlen == primary.prefixlen and primary.holds(other.peer)
        ]

    def _promote(self, heir: Address, heirs: list[Address], held: list[Address]) -> None:
        held.remove(heir)
        heir.flags &= ~IFA_F_SECONDARY
        place = 0
        for index, other in enumerate(held):
            if not other.is_secondary and heir.scope <= other.scope:
                place = index + 1
        held.insert(place, heir)
        for other in heirs:  # their routes named the old primary as source
            self._tell(AddressEvent.ADDED, other)

    def flush(self, dev: Link) -> None:
        """Take all addresses of a device out. Linux: net/ipv4/devinet.c inetdev_destroy()"""
        while self.of(dev):
            self.remove(self.of(dev)[0])

    def primary_for(self, address: Address) -> Address:
        """The primary of an address's network: itself, unless it is secondary. Linux: inet_ifa_byprefix()"""
        if not address.is_secondary:
            return address
        for other in self.of(address.dev):
            same_network = other.prefixlen == address.prefixlen and other.holds(address.prefix)
            if same_network and not other.is_secondary:
                return other
        return address

    def holder(self, local: int) -> Address | None:
        """The address itself, wherever it is. Linux: net/ipv4/devinet.c inet_lookup_ifaddr_rcu()"""
        held = self._by_local.get(local)
        return held[0] if held else None

    def are_on_link(self, dev: Link, one: int, other: int = 0) -> bool:
        """Whether both are in the network of one address. Linux: net/ipv4/devinet.c inet_addr_onlink()"""
        return any(held.holds(one) and (not other or held.holds(other)) for held in self.of(dev))

    def select(self, dev: Link | None, destination: int, scope: int) -> int:
        """The address to speak with; 0 if there is none. Linux: net/ipv4/devinet.c inet_select_addr()"""
        if dev is not None:
            chosen = self._select_on(dev, destination, scope)
            if chosen:
                return chosen
        for other in self.devices():
            for address in self.of(other):
                if not address.is_secondary and address.scope != RT_SCOPE_LINK and address.scope <= scope:
                    return address.local
        return 0

    def _select_on(self, dev: Link, destination: int, scope: int) -> int:
        first = 0
        widest = RT_SCOPE_LINK if self._routes_localnet(dev) else RT_SCOPE_HOST  # host scope counts as
        for address in self.of(dev):
            if address.is_secondary or min(address.scope, widest) > scope:
                continue
            if not destination or address.holds(destination):
                return address.local
            first = first or address.local
        return first

    def _tell(self, event: AddressEvent, address: Address, primary: Address | None = None) -> None:
        for listener in self._listeners:
            listener(event, address, primary)
