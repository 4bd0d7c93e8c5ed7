"""Answering for others: what this host routes elsewhere, and single addresses that it was told to hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pystack.drop import ARP_PROXY_FULL, LINK_GONE, Drop
from pystack.l2.devices import Link
from pystack.l3.conf import Confs
from pystack.l3.fib_types import RTN_UNICAST
from pystack.l3.route import Rtable
from pystack.packet import PACKET_HOST, Packet
from pystack.rng import Rng
from pystack.timers import Timer, Timers
from pystack.wire.arp import Arp

_USER_HZ: Final = 100  # proxy_delay's unit
_NEVER: Final = -1  # a medium_id


class ProxyEntry:
    """`ip neigh add proxy`. Linux: include/net/neighbour.h struct pneigh_entry"""

    __slots__ = ("dev", "key")

    def __init__(self, dev: Link | None, key: int) -> None:
        self.dev = dev  # None: on all
        self.key = key


class ProxyArp:
    """Linux: net/ipv4/arp.c arp_fwd_proxy(), arp_fwd_pvlan(); net/core/neighbour.c pneigh_lookup()"""

    def __init__(
        self, *, confs: Confs, timers: Timers, rng: Rng, drop: Drop, again: Callable[[Packet], None]
    ) -> None:
        self._confs = confs
        self._timers = timers
        self._rng = rng
        self._drop = drop
        self._again = again  # process the question, now to be answered at once
        self._entries: dict[tuple[Link | None, int], ProxyEntry] = {}
        self._waiting: dict[Packet, Timer] = {}

    def __iter__(self) -> Iterator[ProxyEntry]:
        return iter(list(self._entries.values()))

    @property
    def queued(self) -> int:
        """Questions whose answers wait."""
        return len(self._waiting)

    def find(self, dev: Link | None, key: int) -> ProxyEntry | None:
        """The entry that covers an address on a device, if there is one."""
        return self._entries.get((dev, key)) or self._entries.get((None, key))

    def add(self, dev: Link | None, key: int) -> None:
        """Answer for an address on a device, or on all; one that is covered already stays as it is."""
        if self.find(dev, key) is None:
            self._entries[dev, key] = ProxyEntry(dev, key)

    def remove(self, dev: Link | None, key: int) -> bool:
        """Whether there was such an entry. Linux: net/core/neighbour.c pneigh_delete()"""
        return self._entries.pop((dev, key), None) is not None

    def flush(self, dev: Link) -> None:
        """The device went down. Linux: net/core/neighbour.c pneigh_ifdown_and_unlock()"""
        for key in [known for known in self._entries if known[0] is dev]:
            del self._entries[key]
        self.purge()

    def purge(self) -> None:
        """Nobody gets an answer any more. Linux: net/core/neighbour.c pneigh_queue_purge()"""
        for pkt, timer in self._waiting.items():
            timer.cancel()
            self._drop(pkt, LINK_GONE)
        self._waiting.clear()

    def answers_for(self, message: Arp, dev: Link, route: Rtable) -> bool:
        """Whether we answer a question about an address that is not ours."""
        if not self._confs.of(dev).forwarding or route.type != RTN_UNICAST:
            return False
        if route.dev is dev:
            pvlan = self._confs.all.proxy_arp_pvlan or self._confs.of(dev).proxy_arp_pvlan
            return bool(pvlan) and message.spa != message.tpa
        return self._leads_to_another_medium(dev, route) or self.find(dev, message.tpa) is not None

    def _leads_to_another_medium(self, dev: Link, route: Rtable) -> bool:
        here = self._confs.of(dev)
        if not (self._confs.all.proxy_arp or here.proxy_arp) or here.medium_id == _NEVER:
            return False
        if here.medium_id == 0:
            return True
        there = self._confs.of(route.dev).medium_id if self._confs.knows(route.dev) else _NEVER
        return there not in (here.medium_id, _NEVER)

    def is_postponed(self, pkt: Packet, dev: Link) -> bool:
        """Whether the answer waits, so that the host itself may be faster; then the packet is kept.

        Linux: net/core/neighbour.c pneigh_enqueue()
        """
        parms = self._confs.neigh_of(dev)
        if pkt.pkt_type == PACKET_HOST or not parms.proxy_delay:
            return False
        held = sum(1 for waiting in self._waiting if waiting.dev is dev)
        if held > parms.proxy_qlen:
            self._drop(pkt, ARP_PROXY_FULL)
            return True
        delay = self._rng.below(parms.proxy_delay) / _USER_HZ
        self._waiting[pkt] = self._timers.after(delay, lambda: self._redo(pkt))
        return True

    def _redo(self, pkt: Packet) -> None:
        del self._waiting[pkt]
        self._again(pkt)
