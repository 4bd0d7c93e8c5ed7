"""What a forwarding table is made of: route types, next hops, what several routes share, and one question
to the table.
"""

from __future__ import annotations

from typing import Final

from pystack.errors import EACCES, EAGAIN, EHOSTUNREACH, EINVAL
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE

# Linux: include/uapi/linux/rtnetlink.h
RTN_UNSPEC: Final = 0
RTN_UNICAST: Final = 1
RTN_LOCAL: Final = 2
RTN_BROADCAST: Final = 3
RTN_ANYCAST: Final = 4
RTN_MULTICAST: Final = 5
RTN_BLACKHOLE: Final = 6
RTN_UNREACHABLE: Final = 7
RTN_PROHIBIT: Final = 8
RTN_THROW: Final = 9

TYPE_NAMES: Final = {
    RTN_UNICAST: "unicast",
    RTN_LOCAL: "local",
    RTN_BROADCAST: "broadcast",
    RTN_ANYCAST: "anycast",
    RTN_MULTICAST: "multicast",
    RTN_BLACKHOLE: "blackhole",
    RTN_UNREACHABLE: "unreachable",
    RTN_PROHIBIT: "prohibit",
    RTN_THROW: "throw",
}

# What finding a route of this type answers instead of a way. Linux: net/ipv4/fib_semantics.c fib_props
TYPE_ERRORS: Final = {
    RTN_BLACKHOLE: EINVAL,
    RTN_UNREACHABLE: EHOSTUNREACH,
    RTN_PROHIBIT: EACCES,
    RTN_THROW: EAGAIN,
}

RTPROT_UNSPEC: Final = 0
RTPROT_REDIRECT: Final = 1
RTPROT_KERNEL: Final = 2
RTPROT_BOOT: Final = 3
RTPROT_STATIC: Final = 4

RT_TABLE_DEFAULT: Final = 253
RT_TABLE_MAIN: Final = 254
RT_TABLE_LOCAL: Final = 255

RTNH_F_DEAD: Final = 1
RTNH_F_ONLINK: Final = 4
RTNH_F_LINKDOWN: Final = 16


class Nexthop:
    """Linux: include/net/ip_fib.h struct fib_nh"""

    __slots__ = ("dev", "flags", "gateway", "scope", "weight")

    def __init__(self, dev: Link | None, gateway: int = 0, *, flags: int = 0, weight: int = 1) -> None:
        self.dev = dev
        self.gateway = gateway
        self.flags = flags
        self.weight = weight
        self.scope = RT_SCOPE_NOWHERE  # how far away the gateway is; worked out when the route is added

    def same_as(self, other: Nexthop) -> bool:
        """Whether a user means the same hop."""
        return self.dev is other.dev and self.gateway == other.gateway and self.weight == other.weight


class FibInfo:
    """All of a route but its destination. Linux: include/net/ip_fib.h struct fib_info"""

    __slots__ = ("flags", "metrics", "nexthops", "prefsrc", "priority", "protocol", "scope", "type")

    def __init__(
        self,
        type_: int,
        nexthops: tuple[Nexthop, ...],
        *,
        scope: int = RT_SCOPE_UNIVERSE,
        protocol: int = RTPROT_BOOT,
        prefsrc: int = 0,
        priority: int = 0,
        metrics: dict[str, int] | None = None,
        flags: int = 0,
    ) -> None:
        self.type = type_
        self.nexthops = nexthops
        self.scope = scope
        self.protocol = protocol
        self.prefsrc = prefsrc
        self.priority = priority
        self.metrics = metrics or {}
        self.flags = flags

    def same_as(self, other: FibInfo) -> bool:
        """Linux: net/ipv4/fib_semantics.c fib_find_info()"""
        return (
            (self.type, self.scope, self.protocol, self.prefsrc, self.priority, self.metrics, self.flags)
            == (
                other.type,
                other.scope,
                other.protocol,
                other.prefsrc,
                other.priority,
                other.metrics,
                other.flags,
            )
            and len(self.nexthops) == len(other.nexthops)
            and all(mine.same_as(theirs) for mine, theirs in zip(self.nexthops, other.nexthops, strict=True))
        )


class FibRoute:
    """A destination in a table and what to do with it. Linux: net/ipv4/fib_lookup.h struct fib_alias"""

    __slots__ = ("info", "prefix", "prefixlen", "table", "tos")

    def __init__(self, table: int, prefix: int, prefixlen: int, info: FibInfo, tos: int = 0) -> None:
        self.table = table
        self.prefix = prefix
        self.prefixlen = prefixlen
        self.info = info
        self.tos = tos


class Flow:
    """A question: what about a packet like this? Linux: include/net/flow.h struct flowi4"""

    __slots__ = ("daddr", "iif", "mark", "oif", "saddr", "scope", "tos")

    def __init__(
        self,
        daddr: int,
        saddr: int = 0,
        *,
        oif: int = 0,
        iif: int = 0,
        tos: int = 0,
        mark: int = 0,
        scope: int = RT_SCOPE_UNIVERSE,
    ) -> None:
        self.daddr = daddr
        self.saddr = saddr
        self.oif = oif
        self.iif = iif
        self.tos = tos
        self.mark = mark
        self.scope = scope


class FibResult:
    """The answer. Linux: include/net/ip_fib.h struct fib_result"""

    __slots__ = ("info", "nexthop", "route", "type")

    def __init__(self, route: FibRoute, nexthop: Nexthop) -> None:
        self.route = route
        self.info = route.info
        self.type = route.info.type
        self.nexthop = nexthop
