"""Where a packet that came in goes: to us, on, or nowhere.

Decisions are kept for the packets that follow, until anything changes that they hang on (`Fib.generation`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.drop import (
    IP_INVALID_DEST,
    IP_INVALID_SOURCE,
    IP_LOCALNET,
    NOT_A_MEMBER,
    DropReason,
)
from pystack.errors import EHOSTUNREACH
from pystack.l2.devices import Link
from pystack.l3.addresses import AddressBook
from pystack.l3.conf import Confs
from pystack.l3.exceptions import RouteExceptions
from pystack.l3.fib import Fib
from pystack.l3.fib_types import (
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    FibResult,
)
from pystack.l3.martians import MartianLog
from pystack.l3.path_choice import PathChoice
from pystack.l3.route import (
    RTCF_BROADCAST,
    RTCF_DOREDIRECT,
    RTCF_LOCAL,
    RTCF_MULTICAST,
    PathFns,
    Rtable,
)
from pystack.l3.source_check import Arrival, SourceCheck
from pystack.packet import Packet
from pystack.wire.ipv4 import INADDR_BROADCAST, IPPROTO_IGMP, is_loopback, is_multicast, is_zeronet

_LOCAL_GROUPS = 0xE00000  # 224.0.0.0/24
_MOST_KEPT: Final = 4096  # decisions
# By the first octet: 0, 127, groups, and 255, so that ordinary addresses cost one look each.
_IS_SPECIAL = tuple(first in (0, 127, 255) or is_multicast(first << 24) for first in range(256))


class RouteInput:
    """Linux: net/ipv4/route.c ip_route_input_noref()"""

    def __init__(
        self,
        *,
        loopback: Link,
        addresses: AddressBook,
        confs: Confs,
        fib: Fib,
        exceptions: RouteExceptions,
        paths: PathFns,
        choice: PathChoice,
        is_member: Callable[[Link, int], bool],
        log: Callable[..., None],
    ) -> None:
        self._loopback = loopback
        self._addresses = addresses
        self._confs = confs
        self._fib = fib
        self._exceptions = exceptions
        self._paths = paths
        self._choice = choice
        self._is_member = is_member  # whether we joined a multicast group on a device
        self._martians = MartianLog(confs, log)
        self._sources = SourceCheck(addresses=addresses, confs=confs, fib=fib, loopback=loopback)
        self._kept: dict[tuple[int, int, int, int, Link], Rtable] = {}
        self._kept_since = 0  # the generation that these are of

    def route_input(
        self, daddr: int, saddr: int, tos: int, mark: int, dev: Link, pkt: Packet | None = None
    ) -> Rtable | DropReason:
        """The decision; `pkt` is looked into where a rule or a hash wants its ports."""
        key = (daddr, saddr, tos, mark, dev)
        known = self._kept.get(key)
        if (
            known is not None
            and known.generation == self._fib.generation
            and (not self._exceptions.known or self._still_holds(known, daddr))
        ):
            return known
        arrival = Arrival(daddr, saddr, tos, mark, dev, pkt)
        if is_multicast(daddr):
            return self._to_group(arrival)
        decision = self._to_one(arrival)
        if isinstance(decision, Rtable) and self._is_for_all_alike(decision):
            if self._kept_since != self._fib.generation or len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
                self._kept_since = self._fib.generation
            self._kept[key] = decision
        return decision

    def _still_holds(self, route: Rtable, daddr: int) -> bool:
        """What was learned of a destination grows old without anybody noticing."""
        found = route.result
        return found is None or self._exceptions.find(found.nexthop, daddr) is route.exception

    def _is_for_all_alike(self, route: Rtable) -> bool:
        """Whether ports, or chance, had no part in a decision."""
        if self._fib.rules.ask_ports:
            return False
        return route.answer is None or len(route.answer.info.nexthops) < 2

    def _to_group(self, arrival: Arrival) -> Rtable | DropReason:
        """Linux: net/ipv4/route.c ip_route_input_mc(), ip_mc_validate_source()"""
        dev, saddr, header = arrival.dev, arrival.saddr, arrival.pkt and arrival.pkt.ip
        if not self._is_member(dev, arrival.daddr):
            return NOT_A_MEMBER
        if is_multicast(saddr) or saddr == INADDR_BROADCAST:
            return IP_INVALID_SOURCE
        if is_loopback(saddr) and not self._localnet(dev):
            return IP_LOCALNET
        if is_zeronet(saddr):
            is_igmp = header is not None and header.protocol == IPPROTO_IGMP
            if arrival.daddr >> 8 != _LOCAL_GROUPS and not is_igmp:
                return IP_INVALID_SOURCE
        else:
            checked = self._sources.validate(arrival, 0, 0)
            if isinstance(checked, DropReason):
                return checked
        return self._local(RTN_MULTICAST, RTCF_MULTICAST, dev)

    def _to_one(self, arrival: Arrival) -> Rtable | DropReason:
        """Linux: net/ipv4/route.c ip_route_input_slow()"""
        daddr, saddr, dev = arrival.daddr, arrival.saddr, arrival.dev
        if _IS_SPECIAL[saddr >> 24] or _IS_SPECIAL[daddr >> 24]:
            refused = self._special(arrival)
            if refused is not None:
                return refused
        found = self._fib.lookup(arrival.flow(self._fib))
        forwards = self._confs.of(dev).forwarding
        if not isinstance(found, FibResult):
            return self._unreachable(found if forwards else EHOSTUNREACH, dev)
        if found.type == RTN_BROADCAST:
            if self._confs.all.bc_forwarding and self._confs.of(dev).bc_forwarding:
                return self._onward(found, arrival)
            return self._broadcast(arrival, found)
        if found.type == RTN_LOCAL:
            checked = self._sources.validate(arrival, daddr, 0)
            if isinstance(checked, DropReason):
                return self._martians.source(arrival, checked)
            return self._local(RTN_LOCAL, 0, dev, found)
        if not forwards:
            return self._unreachable(EHOSTUNREACH, dev)
        if found.type != RTN_UNICAST:
            return self._martians.destination(arrival, IP_INVALID_DEST)
        return self._onward(found, arrival)

    def _special(self, arrival: Arrival) -> Rtable | DropReason | None:
        """The answer for addresses that no host has; None if the tables are to say."""
        daddr, saddr, dev = arrival.daddr, arrival.saddr, arrival.dev
        if is_multicast(saddr) or saddr == INADDR_BROADCAST:
            return self._martians.source(arrival, IP_INVALID_SOURCE)
        if daddr == INADDR_BROADCAST or (saddr == 0 and daddr == 0):
            return self._broadcast(arrival)
        if is_zeronet(saddr):
            return self._martians.source(arrival, IP_INVALID_SOURCE)
        if is_zeronet(daddr):
            return self._martians.destination(arrival, IP_INVALID_DEST)
        if is_loopback(daddr):
            if not self._localnet(dev):
                return self._martians.destination(arrival, IP_LOCALNET)
        elif is_loopback(saddr) and not self._localnet(dev):
            return self._martians.source(arrival, IP_LOCALNET)
        return None

    def _onward(self, found: FibResult, arrival: Arrival) -> Rtable | DropReason:
        """Linux: net/ipv4/route.c ip_mkroute_input(), __mkroute_input()"""
        self._choice.choose_for_arrival(found, arrival)
        dev, out = arrival.dev, found.nexthop.dev
        if out is None or not self._confs.knows(out):
            return IP_INVALID_DEST
        checked = self._sources.validate(arrival, arrival.daddr, out.ifindex)
        if isinstance(checked, DropReason):
            return self._martians.source(arrival, checked)
        route = Rtable(out, found.type, 0, self._fib.generation)
        if checked and out is dev and self._is_detour(found, arrival):
            route.flags |= RTCF_DOREDIRECT
        route.is_input = True
        route.iif = dev.ifindex
        route.follow(found, self._exceptions.find(found.nexthop, arrival.daddr))
        route.answer = found
        route.input = self._paths.forward
        route.output = self._paths.output
        return route

    def _is_detour(self, found: FibResult, arrival: Arrival) -> bool:
        """Whether the sender, who is our neighbour, could do without us."""
        dev, everywhere = arrival.dev, self._confs.all
        conf = self._confs.of(dev)
        if not (everywhere.send_redirects or conf.send_redirects):
            return False
        if everywhere.shared_media or conf.shared_media:
            return True
        return self._addresses.are_on_link(dev, arrival.saddr, found.nexthop.gateway)

    def _broadcast(self, arrival: Arrival, found: FibResult | None = None) -> Rtable | DropReason:
        if not is_zeronet(arrival.saddr):
            checked = self._sources.validate(arrival, 0, 0)
            if isinstance(checked, DropReason):
                return self._martians.source(arrival, checked)
        return self._local(RTN_BROADCAST, RTCF_BROADCAST, arrival.dev, found)

    def _local(self, type_: int, flags: int, dev: Link, found: FibResult | None = None) -> Rtable:
        route = self._ending_here(type_, flags | RTCF_LOCAL, dev)
        route.answer = found
        route.input = self._paths.local_deliver
        return route

    def _unreachable(self, error: int, dev: Link) -> Rtable:
        route = self._ending_here(RTN_UNREACHABLE, 0, dev)
        route.error = error
        route.input = self._paths.error
        return route

    def _ending_here(self, type_: int, flags: int, dev: Link) -> Rtable:
        route = Rtable(self._loopback, type_, flags, self._fib.generation)
        route.is_input = True
        route.iif = dev.ifindex
        return route

    def _localnet(self, dev: Link) -> bool:
        return bool(self._confs.all.route_localnet or self._confs.of(dev).route_localnet)
