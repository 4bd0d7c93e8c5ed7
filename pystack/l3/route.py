"""Where a packet goes: what a decision consists of, and the decision for those that a local sender makes.

A Rtable's `input` and `output` are what Linux's dst_entry has under these names. Who cannot be told a way is
told an errno instead. The decision for packets that came in: route_input.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pystack.device import IFF_LOOPBACK, IFF_UP, Route
from pystack.drop import DropReason
from pystack.errors import EINVAL, ENETUNREACH, ENODEV
from pystack.l2.devices import DeviceTable, Link
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, AddressBook
from pystack.l3.conf import Confs
from pystack.l3.exceptions import RouteException, RouteExceptions
from pystack.l3.fib import Fib
from pystack.l3.fib_types import (
    RT_TABLE_LOCAL,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    FibResult,
    Flow,
)
from pystack.l3.path_choice import PathChoice
from pystack.packet import Packet
from pystack.wire.ipv4 import (
    INADDR_BROADCAST,
    INADDR_LOOPBACK,
    IPPROTO_IGMP,
    is_loopback,
    is_multicast,
)

RTCF_REDIRECTED: Final = 0x00040000
RTCF_DOREDIRECT: Final = 0x01000000
RTCF_BROADCAST: Final = 0x10000000
RTCF_MULTICAST: Final = 0x20000000
RTCF_LOCAL: Final = 0x80000000

_LOCAL_GROUPS: Final = 0xE00000  # 224.0.0.0/24
_GROUP_PREFIX: Final = 4
_MTU_THAT_ALWAYS_FITS: Final = 576
_MTU_LOCK: Final = 1 << 2  # 1 << RTAX_MTU, in the metric "lock"

PathFn = Callable[[Packet], None]


class Rtable(Route):
    """One decision. Linux: include/net/route.h struct rtable"""

    __slots__ = (
        "answer",
        "dev",
        "error",
        "exception",
        "flags",
        "gateway",
        "generation",
        "iif",
        "input",
        "is_input",
        "is_plain",
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
        self.is_plain = True  # nobody said, or learned, anything but where it leads
        self.answer: FibResult | None = None  # of the tables
        self.result: FibResult | None = None  # the same, where its gateway and metrics are gone by
        self.exception: RouteException | None = None  # what was learned of this destination
        self.input: PathFn = _nowhere
        self.output: PathFn = _nowhere

    def by(self, gateway: int) -> Rtable:
        """The same way, but for whom a neighbour on the link shall be asked. Linux: FLOWI_FLAG_KNOWN_NH"""
        twin = Rtable(self.dev, self.type, self.flags, self.generation)
        for name in Rtable.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.gateway = self.gateway or gateway
        return twin

    def nexthop(self, daddr: int) -> int:
        """Whom to ask for on the link. Linux: include/net/route.h rt_nexthop()"""
        return self.gateway or daddr

    @property
    def mtu(self) -> int:
        """What fits, as far as is known. Linux: net/ipv4/route.c ipv4_mtu()"""
        if self.exception is None:
            return self._configured_mtu
        return self.exception.live_pmtu or self._configured_mtu

    def mtu_for_others(self, use_pmtu: int) -> int:
        """What fits of what we forward: its senders are to learn the MTU of the way themselves.

        Linux: include/net/ip.h ip_dst_mtu_maybe_forward()
        """
        if self.exception is None:
            return self._configured_mtu
        return self.mtu if use_pmtu or self.is_mtu_locked else self._configured_mtu

    @property
    def _configured_mtu(self) -> int:
        if self.is_plain:
            return self.dev.mtu
        if self.result is not None and "mtu" in self.result.info.metrics:
            return self.result.info.metrics["mtu"]
        if self.is_mtu_locked and self.gateway:
            return min(self.dev.mtu, _MTU_THAT_ALWAYS_FITS)
        return self.dev.mtu

    @property
    def is_mtu_locked(self) -> bool:
        """Whether nobody can teach us another. Linux: include/net/ip.h ip_mtu_locked()"""
        if self.exception is not None and self.exception.locked:
            return True
        return self.result is not None and bool(self.result.info.metrics.get("lock", 0) & _MTU_LOCK)

    def follow(self, found: FibResult, exception: RouteException | None) -> None:
        """Take gateway and metrics from what was found, and from what was learned since.

        Linux: net/ipv4/route.c rt_set_nexthop()
        """
        self.result = found
        self.is_plain = not found.info.metrics
        if found.nexthop.scope == RT_SCOPE_LINK:
            self.gateway = found.nexthop.gateway
        self.learn(exception)

    def learn(self, exception: RouteException | None) -> None:
        """Go by what was learned. Linux: net/ipv4/route.c rt_bind_exception()"""
        self.exception = exception
        if exception is None:
            return
        self.is_plain = False
        if exception.gateway:
            self.gateway = exception.gateway
            self.flags |= RTCF_REDIRECTED


class PathFns:
    """The functions a decision can point at; handed in when the path is built."""

    __slots__ = ("discard", "error", "forward", "local_deliver", "mc_output", "output")

    def __init__(self) -> None:
        self.local_deliver: PathFn = _nowhere
        self.discard: PathFn = _nowhere  # what came back over lo and is for nobody here
        self.forward: PathFn = _nowhere
        self.error: PathFn = _nowhere
        self.output: PathFn = _nowhere
        self.mc_output: PathFn = _nowhere


class IncomingRoutes(Protocol):
    """Who decides about packets that came in."""

    def route_input(
        self, daddr: int, saddr: int, tos: int, mark: int, dev: Link, pkt: Packet | None = None
    ) -> Rtable | DropReason:
        """The decision; `pkt` is looked into where a rule or a hash wants its ports."""


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
        choice: PathChoice,
        incoming: IncomingRoutes,
        is_member: Callable[[Link, int], bool],
    ) -> None:
        self.route_input = incoming.route_input
        self._devices = devices
        self._loopback = loopback
        self._addresses = addresses
        self._confs = confs
        self._fib = fib
        self._exceptions = exceptions
        self._paths = paths
        self._choice = choice
        self._is_member = is_member  # whether we joined a multicast group on a device

    # -- out -----------------------------------------------------------------------------------------------

    def route_output(
        self, flow: Flow, *, any_source: bool = False, about: Packet | None = None
    ) -> Rtable | int:
        """The way for a local sender; `flow.saddr` is chosen where it was 0.

        `about` is the packet that an error is about: of several next hops both take the same.
        Linux: net/ipv4/route.c ip_route_output_key_hash_rcu()
        """
        out: Link | None = None
        to_all = is_multicast(flow.daddr) or flow.daddr == INADDR_BROADCAST
        if flow.saddr:
            if is_multicast(flow.saddr) or flow.saddr == INADDR_BROADCAST:
                return EINVAL
            if to_all and not flow.oif:
                owner = self._owner_of(flow.saddr)
                return ENETUNREACH if owner is None else self._make_output(flow, owner, None)
            if not any_source and self._owner_of(flow.saddr) is None:
                return ENETUNREACH
        if flow.oif:
            out = self._devices.by_index(flow.oif)
            if out is None:
                return ENODEV
            if not out.flags & IFF_UP or not self._confs.knows(out):
                return ENETUNREACH
            if _stays_on_link(flow):
                flow.saddr = flow.saddr or self._addresses.select(out, 0, RT_SCOPE_LINK)
                return self._make_output(flow, out, None)
            if not flow.saddr and (to_all or not flow.daddr):
                scope = flow.scope if flow.daddr else RT_SCOPE_HOST
                flow.saddr = self._addresses.select(out, 0, scope)
        if not flow.daddr:
            flow.daddr = flow.saddr = flow.saddr or INADDR_LOOPBACK
            return self._make_output(flow, self._loopback, None, local=True)
        return self._look_up_output(flow, out, about)

    def _owner_of(self, address: int) -> Link | None:
        """The device that has an address, or that the local table gives it to.

        Linux: net/ipv4/devinet.c __ip_dev_find()
        """
        holder = self._addresses.holder(address)
        if holder is not None:
            return holder.dev
        found = self._fib.lookup_in(RT_TABLE_LOCAL, Flow(address))
        return found.nexthop.dev if isinstance(found, FibResult) and found.type == RTN_LOCAL else None

    def _look_up_output(self, flow: Flow, out: Link | None, about: Packet | None) -> Rtable | int:
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
        self._choice.choose_for_flow(found, flow, about)
        flow.saddr = flow.saddr or self.preferred_source(found)
        dev = found.nexthop.dev
        return ENETUNREACH if dev is None else self._make_output(flow, dev, found)

    def preferred_source(self, found: FibResult) -> int:
        """Linux: net/ipv4/fib_semantics.c fib_result_prefsrc()"""
        return self._fib.preferred_source(found)

    def _make_output(
        self, flow: Flow, out: Link, found: FibResult | None, *, local: bool = False
    ) -> Rtable | int:
        """Linux: net/ipv4/route.c __mkroute_output()"""
        loops = bool(out.flags & IFF_LOOPBACK)
        if is_loopback(flow.saddr) and not loops and not self._localnet(out):
            return EINVAL
        type_ = RTN_UNICAST if found is None else found.type
        flags, followed = RTCF_LOCAL if loops else 0, found
        if flow.daddr == INADDR_BROADCAST:
            type_, followed = RTN_BROADCAST, None
        elif is_multicast(flow.daddr):
            type_ = RTN_MULTICAST
        elif local:
            type_ = RTN_LOCAL
        if type_ == RTN_BROADCAST:
            flags |= RTCF_BROADCAST | RTCF_LOCAL
        elif type_ == RTN_MULTICAST:
            flags = RTCF_MULTICAST | (RTCF_LOCAL if self._is_member(out, flow.daddr) else 0)
            if found is not None and found.route.prefixlen < _GROUP_PREFIX:
                followed = None  # the default route is not about groups
        route = Rtable(out, type_, flags, self._fib.generation)
        route.saddr = flow.saddr
        route.answer = found
        owner = found.nexthop.dev if found is not None and local else None
        route.iif = flow.oif if owner is None else owner.ifindex
        if followed is not None:
            route.follow(followed, self._exceptions.find(followed.nexthop, flow.daddr))
        route.input = self._paths.local_deliver if flags & RTCF_LOCAL else self._paths.discard
        heard_by_us = flags & (RTCF_BROADCAST | RTCF_MULTICAST) and flags & RTCF_LOCAL and not loops
        route.output = self._paths.mc_output if heard_by_us else self._paths.output
        return route

    def _localnet(self, dev: Link) -> bool:
        return bool(self._confs.all.route_localnet or self._confs.of(dev).route_localnet)

    def is_current(self, route: Rtable) -> bool:
        """Whether nothing changed since the decision. Linux: net/ipv4/route.c ipv4_dst_check()"""
        return route.generation == self._fib.generation

    def scope_for(self, *, on_link: bool) -> int:
        """SO_DONTROUTE asks for the link only."""
        return RT_SCOPE_LINK if on_link else RT_SCOPE_UNIVERSE


def _stays_on_link(flow: Flow) -> bool:
    """Whether it goes out by the device that was named, whatever the tables say."""
    return flow.daddr >> 8 == _LOCAL_GROUPS or flow.daddr == INADDR_BROADCAST or flow.proto == IPPROTO_IGMP


def _nowhere(pkt: Packet) -> None:
    raise AssertionError(f"a packet on {pkt.dev.name} has no way")
