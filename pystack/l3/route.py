"""Where a packet goes: the decision for packets that came in, and for those a local sender makes.

Both answer with a Rtable, whose `input` and `output` are what Linux's dst_entry has under these names, or
with an errno.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import IFF_LOOPBACK, IFF_UP, Route
from pystack.errors import EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV
from pystack.l2.devices import DeviceTable, Link
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, AddressBook
from pystack.l3.conf import Confs
from pystack.l3.exceptions import RouteException, RouteExceptions
from pystack.l3.fib import Fib
from pystack.l3.fib_types import (
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    FibResult,
    Flow,
)
from pystack.l3.source_check import SourceCheck
from pystack.packet import Packet
from pystack.wire.ipv4 import (
    INADDR_BROADCAST,
    INADDR_LOOPBACK,
    is_loopback,
    is_multicast,
    is_zeronet,
)

RTCF_REDIRECTED: Final = 0x00040000
RTCF_BROADCAST: Final = 0x10000000
RTCF_MULTICAST: Final = 0x20000000
RTCF_LOCAL: Final = 0x80000000

_MTU_THAT_ALWAYS_FITS: Final = 576

PathFn = Callable[[Packet], None]


class Rtable(Route):
    """One decision. Linux: include/net/route.h struct rtable"""

    __slots__ = (
        "dev",
        "error",
        "exception",
        "flags",
        "gateway",
        "generation",
        "iif",
        "input",
        "is_input",
        "output",
        "result",
        "saddr",
        "type",
    )

    def __init__(self, dev: Link, type_: int, flags: int, generation: int) -> None:
        self.dev = dev  # by which the packet leaves
        self.type = type_
        self.flags = flags
        self.generation = generation
        self.gateway = 0  # 0: the destination is on the link
        self.saddr = 0  # the source that was chosen
        self.is_input = False
        self.iif = 0  # by which it came; for a local sender the device it named, or the destination's owner
        self.error = 0
        self.result: FibResult | None = None
        self.exception: RouteException | None = None  # what was learned of this destination
        self.input: PathFn = _nowhere
        self.output: PathFn = _nowhere

    def nexthop(self, daddr: int) -> int:
        """Whom to ask for on the link. Linux: include/net/route.h rt_nexthop()"""
        return self.gateway or daddr

    @property
    def mtu(self) -> int:
        """What fits, as far as is known. Linux: net/ipv4/route.c ipv4_mtu()"""
        learned = 0 if self.exception is None else self.exception.live_pmtu
        return learned or self._configured_mtu

    def mtu_for_others(self, use_pmtu: int) -> int:
        """What fits of what we forward: its senders are to learn the MTU of the way themselves.

        Linux: include/net/ip.h ip_dst_mtu_maybe_forward()
        """
        return self.mtu if use_pmtu or self.is_mtu_locked else self._configured_mtu

    @property
    def _configured_mtu(self) -> int:
        if self.result is not None and "mtu" in self.result.info.metrics:
            return min(self.result.info.metrics["mtu"], self.dev.mtu)
        if self.exception is not None and self.exception.locked and self.gateway:
            return min(self.dev.mtu, _MTU_THAT_ALWAYS_FITS)
        return self.dev.mtu

    @property
    def is_mtu_locked(self) -> bool:
        """Whether nobody can teach us another. Linux: include/net/ip.h ip_mtu_locked()"""
        return self.exception is not None and self.exception.locked

    def learn(self, exception: RouteException | None) -> None:
        """Go by what was learned. Linux: net/ipv4/route.c rt_bind_exception()"""
        self.exception = exception
        if exception is not None and exception.gateway:
            self.gateway = exception.gateway
            self.flags |= RTCF_REDIRECTED


class PathFns:
    """The functions a decision can point at; handed in when the path is built."""

    __slots__ = ("error", "forward", "local_deliver", "mc_output", "output")

    def __init__(self) -> None:
        self.local_deliver: PathFn = _nowhere
        self.forward: PathFn = _nowhere
        self.error: PathFn = _nowhere
        self.output: PathFn = _nowhere
        self.mc_output: PathFn = _nowhere


class Router:
    """Linux: net/ipv4/route.c"""

    def __init__(
        self,
        *,
        devices: DeviceTable,
        loopback: Link,
        addresses: AddressBook,
        confs: Confs,
        fib: Fib,
        exceptions: RouteExceptions,
        paths: PathFns,
        is_member: Callable[[Link, int], bool],
    ) -> None:
        self._devices = devices
        self._loopback = loopback
        self._addresses = addresses
        self._confs = confs
        self._fib = fib
        self._exceptions = exceptions
        self._paths = paths
        self._is_member = is_member  # whether we joined a multicast group on a device
        self._source_check = SourceCheck(addresses=addresses, confs=confs, fib=fib, loopback=loopback)

    # -- in ------------------------------------------------------------------------------------------------

    def route_input(self, daddr: int, saddr: int, tos: int, mark: int, dev: Link) -> Rtable | int:
        """Linux: net/ipv4/route.c ip_route_input_noref()"""
        if is_multicast(daddr):
            return self._route_input_multicast(daddr, saddr, tos, mark, dev)
        return self._route_input_unicast(daddr, saddr, tos, mark, dev)

    def _route_input_multicast(self, daddr: int, saddr: int, tos: int, mark: int, dev: Link) -> Rtable | int:
        """Linux: net/ipv4/route.c ip_route_input_mc(), ip_mc_validate_source()"""
        if not self._is_member(dev, daddr):
            return EINVAL
        if (
            is_multicast(saddr)
            or saddr == INADDR_BROADCAST
            or (is_loopback(saddr) and not self._localnet(dev))
        ):
            return EINVAL
        if not is_zeronet(saddr):
            error = self._source_check.validate(saddr, 0, tos, mark, 0, dev)
            if error:
                return error
        elif daddr >> 8 != 0xE00000:
            return EINVAL
        return self._local_input(RTN_MULTICAST, RTCF_MULTICAST | RTCF_LOCAL, dev)

    def _route_input_unicast(self, daddr: int, saddr: int, tos: int, mark: int, dev: Link) -> Rtable | int:
        """Linux: net/ipv4/route.c ip_route_input_slow()"""
        if is_multicast(saddr) or saddr == INADDR_BROADCAST:
            return EINVAL  # martian source
        if daddr == INADDR_BROADCAST or (saddr == 0 and daddr == 0):
            return self._broadcast_input(daddr, saddr, tos, mark, dev)
        if is_zeronet(saddr) or is_zeronet(daddr):
            return EINVAL
        if (is_loopback(daddr) or is_loopback(saddr)) and not self._localnet(dev):
            return EINVAL
        flow = Flow(daddr, saddr, iif=dev.ifindex, tos=tos, mark=mark)
        found = self._fib.lookup(flow)
        if not isinstance(found, FibResult):
            error = found if self._confs.of(dev).forwarding else EHOSTUNREACH
            return self._unreachable(error, dev)
        if found.type == RTN_BROADCAST:
            return self._broadcast_input(daddr, saddr, tos, mark, dev)
        if found.type == RTN_LOCAL:
            error = self._source_check.validate(saddr, daddr, tos, mark, 0, dev)
            return error or self._local_input(RTN_LOCAL, RTCF_LOCAL, dev)
        if not self._confs.of(dev).forwarding:
            return self._unreachable(EHOSTUNREACH, dev)
        if found.type != RTN_UNICAST:
            return EINVAL  # martian destination
        return self._forward(found, daddr, saddr, tos, mark, dev)

    def _forward(
        self, found: FibResult, daddr: int, saddr: int, tos: int, mark: int, dev: Link
    ) -> Rtable | int:
        """Linux: net/ipv4/route.c __mkroute_input()"""
        out = found.nexthop.dev
        if out is None:
            return EINVAL
        error = self._source_check.validate(saddr, daddr, tos, mark, out.ifindex, dev)
        if error:
            return error
        route = Rtable(out, RTN_UNICAST, 0, self._fib.generation)
        route.gateway = found.nexthop.gateway
        route.is_input = True
        route.iif = dev.ifindex
        route.result = found
        route.learn(self._exceptions.find(found.nexthop, daddr))
        route.input = self._paths.forward
        route.output = self._paths.output
        return route

    def _broadcast_input(self, daddr: int, saddr: int, tos: int, mark: int, dev: Link) -> Rtable | int:
        if not is_zeronet(saddr):
            error = self._source_check.validate(saddr, 0, tos, mark, 0, dev)
            if error:
                return error
        return self._local_input(RTN_BROADCAST, RTCF_BROADCAST | RTCF_LOCAL, dev)

    def _local_input(self, type_: int, flags: int, dev: Link) -> Rtable:
        route = Rtable(self._loopback, type_, flags, self._fib.generation)
        route.is_input = True
        route.iif = dev.ifindex
        route.input = self._paths.local_deliver
        return route

    def _unreachable(self, error: int, dev: Link) -> Rtable:
        route = Rtable(self._loopback, RTN_UNREACHABLE, 0, self._fib.generation)
        route.is_input = True
        route.iif = dev.ifindex
        route.error = error
        route.input = self._paths.error
        return route

    def _localnet(self, dev: Link) -> bool:
        return bool(self._confs.all.route_localnet or self._confs.of(dev).route_localnet)

    # -- out -----------------------------------------------------------------------------------------------

    def route_output(self, flow: Flow, *, any_source: bool = False) -> Rtable | int:
        """The way for a local sender; `flow.saddr` is chosen where it was 0.

        Linux: net/ipv4/route.c ip_route_output_key_hash_rcu()
        """
        out: Link | None = None
        if flow.saddr:
            if is_multicast(flow.saddr) or flow.saddr == INADDR_BROADCAST or is_zeronet(flow.saddr):
                return EINVAL
            if flow.oif == 0 and (is_multicast(flow.daddr) or flow.daddr == INADDR_BROADCAST):
                holder = self._addresses.holder(flow.saddr)
                if holder is None:
                    return ENETUNREACH
                return self._make_output(flow, holder.dev, None)
            if not any_source and self._fib.address_type(flow.saddr) != RTN_LOCAL:
                return ENETUNREACH
        if flow.oif:
            out = self._devices.by_index(flow.oif)
            if out is None:
                return ENODEV
            if not out.flags & IFF_UP or not self._confs.knows(out):
                return ENETUNREACH
            if is_multicast(flow.daddr) or flow.daddr == INADDR_BROADCAST:
                flow.saddr = flow.saddr or self._addresses.select(out, 0, RT_SCOPE_LINK)
                return self._make_output(flow, out, None)
            if not flow.saddr and not flow.daddr:
                flow.saddr = self._addresses.select(out, 0, RT_SCOPE_HOST)
        if not flow.daddr:
            flow.daddr = flow.saddr = flow.saddr or INADDR_LOOPBACK
            return self._make_output(flow, self._loopback, None, local=True)
        return self._look_up_output(flow, out)

    def _look_up_output(self, flow: Flow, out: Link | None) -> Rtable | int:
        found = self._fib.lookup(flow)
        if not isinstance(found, FibResult):
            if out is None:
                return found
            # A device was named but no route leads there: Linux takes the destination to be on that link.
            flow.saddr = flow.saddr or self._addresses.select(out, 0, RT_SCOPE_LINK)
            return self._make_output(flow, out, None)
        if found.type == RTN_LOCAL:
            flow.saddr = flow.saddr or found.info.prefsrc or flow.daddr
            return self._make_output(flow, self._loopback, found, local=True)
        flow.saddr = flow.saddr or self.preferred_source(found)
        dev = found.nexthop.dev
        return ENETUNREACH if dev is None else self._make_output(flow, dev, found)

    def preferred_source(self, found: FibResult) -> int:
        """Linux: net/ipv4/fib_semantics.c fib_result_prefsrc()"""
        if found.info.prefsrc:
            return found.info.prefsrc
        return self._addresses.select(found.nexthop.dev, found.nexthop.gateway, found.info.scope)

    def _make_output(
        self, flow: Flow, out: Link, found: FibResult | None, *, local: bool = False
    ) -> Rtable | int:
        """Linux: net/ipv4/route.c __mkroute_output()"""
        loops = bool(out.flags & IFF_LOOPBACK)
        if is_loopback(flow.saddr) and not loops and not self._localnet(out):
            return EINVAL
        type_ = RTN_UNICAST if found is None else found.type
        if flow.daddr == INADDR_BROADCAST:
            type_ = RTN_BROADCAST
        elif is_multicast(flow.daddr):
            type_ = RTN_MULTICAST
        elif is_zeronet(flow.daddr):
            return EINVAL
        elif local:
            type_ = RTN_LOCAL
        flags = RTCF_LOCAL if loops else 0
        if type_ == RTN_BROADCAST:
            flags |= RTCF_BROADCAST | RTCF_LOCAL
        elif type_ == RTN_MULTICAST:
            flags |= RTCF_MULTICAST
            if self._is_member(out, flow.daddr):
                flags |= RTCF_LOCAL
        route = Rtable(out, type_, flags, self._fib.generation)
        route.saddr = flow.saddr
        route.result = found
        owner = found.nexthop.dev if found is not None and local else None
        route.iif = flow.oif if owner is None else owner.ifindex
        if found is not None and not loops and type_ == RTN_UNICAST:
            route.gateway = found.nexthop.gateway
            route.learn(self._exceptions.find(found.nexthop, flow.daddr))
        if flags & RTCF_LOCAL:
            route.input = self._paths.local_deliver
        heard_by_us = flags & (RTCF_BROADCAST | RTCF_MULTICAST) and flags & RTCF_LOCAL and not loops
        route.output = self._paths.mc_output if heard_by_us else self._paths.output
        return route

    def is_current(self, route: Rtable) -> bool:
        """Whether nothing changed since the decision. Linux: net/ipv4/route.c ipv4_dst_check()"""
        return route.generation == self._fib.generation

    def scope_for(self, *, on_link: bool) -> int:
        """SO_DONTROUTE asks for the link only."""
        return RT_SCOPE_LINK if on_link else RT_SCOPE_UNIVERSE


def _nowhere(pkt: Packet) -> None:
    raise AssertionError(f"a packet on {pkt.dev.name} has no way")
