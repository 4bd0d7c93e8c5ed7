"""What a forwarding table is made of: route types, next hops and objects of them, what several routes share,
and one question to the table.
"""

from __future__ import annotations

from typing import Final

from pystack.errors import EACCES, EAGAIN, EHOSTUNREACH, EINVAL, NetError
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE

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
RTN_NAT: Final = 10
RTN_XRESOLVE: Final = 11

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
    RTN_NAT: EINVAL,
    RTN_XRESOLVE: EINVAL,
}

RTPROT_UNSPEC: Final = 0
RTPROT_REDIRECT: Final = 1
RTPROT_KERNEL: Final = 2
RTPROT_BOOT: Final = 3
RTPROT_STATIC: Final = 4

RT_TABLE_UNSPEC: Final = 0
RT_TABLE_DEFAULT: Final = 253
RT_TABLE_MAIN: Final = 254
RT_TABLE_LOCAL: Final = 255

RTNH_F_DEAD: Final = 1
RTNH_F_ONLINK: Final = 4
RTNH_F_LINKDOWN: Final = 16
RTNH_F_DOWN: Final = RTNH_F_DEAD | RTNH_F_LINKDOWN  # what the device does to a hop, not its user

IPTOS_RT_MASK: Final = 0x1C  # the bits of the TOS that routes and rules see
LOOPBACK_IFINDEX: Final = 1  # in every namespace; the input device of what a local sender makes


class Nexthop:
    """Linux: include/net/ip_fib.h struct fib_nh"""

    __slots__ = ("dev", "flags", "gateway", "saddr", "saddr_generation", "scope", "upper_bound", "weight")

    def __init__(self, dev: Link | None, gateway: int = 0, *, flags: int = 0, weight: int = 1) -> None:
        self.dev = dev
        self.gateway = gateway
        self.flags = flags
        self.weight = weight
        self.scope = RT_SCOPE_NOWHERE  # how far away the gateway is; worked out when the route is added
        self.saddr = 0  # with which address of ours to speak over it, as of that generation of addresses
        self.saddr_generation = -1
        self.upper_bound = -1  # flows whose hash is not above it go here; -1: none

    def key(self) -> tuple[object, ...]:
        """What two hops share that are the same. Linux: net/ipv4/fib_semantics.c nh_comp()"""
        return self.dev, self.gateway, self.weight, self.scope, self.flags & RTNH_F_ONLINK

    def same_as(self, other: Nexthop) -> bool:
        """Whether a user means the same hop."""
        return self.dev is other.dev and self.gateway == other.gateway and self.weight == other.weight


class NexthopObject:
    """Linux: include/net/nexthop.h struct nexthop"""

    __slots__ = ("groups", "hop", "hops", "is_blackhole", "members", "number", "protocol")

    def __init__(self, number: int, protocol: int) -> None:
        self.number = number
        self.protocol = protocol
        self.hop = Nexthop(None)  # of a group: none that leads anywhere
        self.is_blackhole = False
        self.members: list[tuple[NexthopObject, int]] = []  # of a group, with their weights
        self.hops: tuple[Nexthop, ...] = ()  # as routes see it
        self.groups: list[NexthopObject] = []  # that it is in

    @property
    def is_group(self) -> bool:
        """Whether it stands for others."""
        return bool(self.members)

    @property
    def rejects(self) -> bool:
        """Whether its routes are black holes. Linux: include/net/nexthop.h nexthop_is_blackhole()"""
        if len(self.members) == 1:
            return self.members[0][0].is_blackhole
        return self.is_blackhole

    def become(self, other: NexthopObject) -> None:
        """Keep the number and the groups; take the rest. Linux: replace_nexthop()"""
        for member, _ in self.members:
            member.groups.remove(self)
        for member, _ in other.members:
            member.groups.append(self)
        self.protocol, self.members = other.protocol, other.members
        self.hop, self.is_blackhole = other.hop, other.is_blackhole

    def check_scope(self, scope: int) -> None:
        """Whether a route of that scope may name it. Linux: net/ipv4/nexthop.c fib_check_nexthop()"""
        if self.members and scope == RT_SCOPE_HOST:
            raise NetError(EINVAL, "Route with host scope can not have multiple nexthops")
        hop = self.members[0][0].hop if self.members else self.hop
        if scope == RT_SCOPE_HOST and hop.gateway:
            raise NetError(EINVAL, "Route with host scope can not have a gateway")
        if hop.flags & RTNH_F_ONLINK and scope >= RT_SCOPE_LINK:
            raise NetError(EINVAL, "Scope mismatch with nexthop")


class FibInfo:
    """All of a route but its destination; equal ones are kept once. Linux: struct fib_info"""

    __slots__ = (
        "error",
        "flags",
        "metrics",
        "nexthops",
        "object",
        "prefsrc",
        "priority",
        "protocol",
        "references",
        "scope",
        "type",
    )

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
        of_object: NexthopObject | None = None,
    ) -> None:
        self.type = type_
        self.error = TYPE_ERRORS.get(type_, 0)
        self.nexthops = nexthops
        self.object = of_object  # whose hops these are, and which may change them
        self.scope = scope
        self.protocol = protocol
        self.prefsrc = prefsrc
        self.priority = priority
        self.metrics = metrics or {}
        self.flags = flags
        self.references = 0  # how many routes of tables use it

    @property
    def told_type(self) -> int:
        """What kind of route listings call it. Linux: net/ipv4/fib_semantics.c fib_dump_info()"""
        return RTN_BLACKHOLE if self.object is not None and self.object.rejects else self.type

    def follow(self) -> None:
        """Be as the nexthop object is now."""
        if self.object is not None:
            self.nexthops = self.object.hops
            self.error = TYPE_ERRORS.get(self.type, TYPE_ERRORS[RTN_BLACKHOLE] if self.object.rejects else 0)

    def key(self) -> tuple[object, ...]:
        """What two of them share that are the same. Linux: net/ipv4/fib_semantics.c fib_find_info()"""
        return (
            self.type,
            self.scope,
            self.protocol,
            self.prefsrc,
            self.priority,
            self.flags & ~RTNH_F_DOWN,
            tuple(sorted(self.metrics.items())) if self.metrics else (),
            self.object or tuple([hop.key() for hop in self.nexthops]),
        )

    def as_given(self) -> FibInfo:
        """As a user would say it: nothing is worked out yet, and no table has it."""
        hops = (
            ()
            if self.object
            else tuple(
                Nexthop(hop.dev, hop.gateway, flags=hop.flags & RTNH_F_ONLINK, weight=hop.weight)
                for hop in self.nexthops
            )
        )
        return FibInfo(
            self.type,
            hops,
            scope=self.scope,
            protocol=self.protocol,
            prefsrc=self.prefsrc,
            priority=self.priority,
            metrics=dict(self.metrics),
            flags=self.flags & RTNH_F_ONLINK,
            of_object=self.object,
        )

    def same_as(self, other: FibInfo) -> bool:
        """Whether a user means the same."""
        if self.object is not other.object:
            return False
        return self.key()[:-1] == other.key()[:-1] and (
            len(self.nexthops) == len(other.nexthops)
            and all(mine.same_as(theirs) for mine, theirs in zip(self.nexthops, other.nexthops, strict=True))
        )


class FibRoute:
    """A destination in a table and what to do with it. Linux: net/ipv4/fib_lookup.h struct fib_alias"""

    __slots__ = ("behind", "info", "prefix", "prefixlen", "table", "tos")

    def __init__(self, table: int, prefix: int, prefixlen: int, info: FibInfo, tos: int = 0) -> None:
        self.table = table
        self.prefix = prefix
        self.prefixlen = prefixlen
        self.info = info
        self.tos = tos
        self.behind: FibRoute | None = None  # the next one of the same prefix


class Flow:
    """A question: what about a packet like this? Linux: include/net/flow.h struct flowi4"""

    __slots__ = ("daddr", "dport", "iif", "mark", "oif", "proto", "saddr", "scope", "sport", "tos", "uid")

    def __init__(
        self,
        daddr: int,
        saddr: int = 0,
        *,
        oif: int = 0,
        iif: int = LOOPBACK_IFINDEX,
        tos: int = 0,
        mark: int = 0,
        scope: int = RT_SCOPE_UNIVERSE,
        proto: int = 0,
        sport: int = 0,
        dport: int = 0,
        uid: int = 0,
    ) -> None:
        self.daddr = daddr
        self.saddr = saddr
        self.oif = oif
        self.iif = iif
        self.tos = tos
        self.mark = mark
        self.scope = scope
        self.proto = proto
        self.sport = sport
        self.dport = dport
        self.uid = uid

    def without_ports(self) -> Flow:
        """The same question about every packet of the protocol. Linux: net/ipv4/route.c __build_flow_key()"""
        return Flow(
            self.daddr,
            self.saddr,
            oif=self.oif,
            tos=self.tos,
            mark=self.mark,
            proto=self.proto,
            uid=self.uid,
        )


class FibResult:
    """The answer. Linux: include/net/ip_fib.h struct fib_result"""

    __slots__ = ("info", "nexthop", "route", "table", "type")

    def __init__(self, route: FibRoute, nexthop: Nexthop, table: int) -> None:
        self.route = route
        self.info = route.info
        self.type = route.info.type
        self.nexthop = nexthop
        self.table = table  # that was asked; while local is kept in main's trie, this is main
