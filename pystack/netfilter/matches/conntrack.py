"""Matches that ask for a packet's connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.count import Counted
from pystack.netfilter.conntrack.helper import helper_name
from pystack.netfilter.conntrack.info import (
    IP_CT_UNTRACKED,
    IPS_DST_NAT,
    IPS_SRC_NAT,
    IPS_TEMPLATE,
    STATE_DNAT,
    STATE_INVALID,
    STATE_SNAT,
    STATE_UNTRACKED,
    direction,
    state_bit,
)
from pystack.netfilter.conntrack.tuples import of_whole
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.packet import Packet

BOTH: Final = 2  # directions
_STATE_BITS: Final = tuple(state_bit(ctinfo) for ctinfo in range(IP_CT_UNTRACKED + 1))
_NAT: Final = IPS_SRC_NAT | IPS_DST_NAT
_NAT_BITS: Final = {0: 0, IPS_SRC_NAT: STATE_SNAT, IPS_DST_NAT: STATE_DNAT, _NAT: STATE_SNAT | STATE_DNAT}


@dataclass(frozen=True, slots=True)
class CtState(Match):
    """`-m state`, and `--ctstate`: a set of STATE_* bits."""

    states: int
    inverted: bool = False

    uses_connections = True
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_conntrack.c conntrack_mt()"""
        pkt = view.pkt
        conn = pkt.ct
        if not isinstance(conn, Conn) or conn.status & IPS_TEMPLATE:  # tracked() without a call
            bits = STATE_UNTRACKED if pkt.ctinfo == IP_CT_UNTRACKED else STATE_INVALID
        else:
            bits = _STATE_BITS[pkt.ctinfo] | _NAT_BITS[conn.status & _NAT]
        return bool(self.states & bits) != self.inverted


class Part:
    """What `-m conntrack` asks of a connection besides the state."""

    __slots__ = ()

    def holds(self, conn: Conn, pkt: Packet) -> bool:
        """Whether it is so."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class CtField(Part):
    """A field of one direction's tuple: under a mask, within a range."""

    field: str  # protocol, saddr, daddr, sport, dport of Tuple
    reply: bool
    low: int
    high: int
    mask: int = 0xFFFFFFFF
    inverted: bool = False

    def holds(self, conn: Conn, pkt: Packet) -> bool:
        """Linux: conntrack_mt_origsrc() and its kin, ct_proto_port_check_v3()"""
        found: int = getattr(conn.tuple(int(self.reply)), self.field)
        return (self.low <= found & self.mask <= self.high) != self.inverted


@dataclass(frozen=True, slots=True)
class CtStatus(Part):
    """`--ctstatus`: a set of IPS_* bits."""

    bits: int
    inverted: bool = False

    def holds(self, conn: Conn, pkt: Packet) -> bool:
        """Linux: conntrack_mt()"""
        return bool(conn.status & self.bits) != self.inverted


@dataclass(frozen=True, slots=True)
class CtDirection(Part):
    """`--ctdir`"""

    reply: bool
    inverted: bool = False

    def holds(self, conn: Conn, pkt: Packet) -> bool:
        """Linux: conntrack_mt()"""
        return (bool(direction(pkt.ctinfo)) == self.reply) != self.inverted


@dataclass(frozen=True, slots=True)
class CtExpires(Part):
    """`--ctexpire`: seconds that the connection has left."""

    low: int
    high: int
    context: TrackContext
    inverted: bool = False

    def holds(self, conn: Conn, pkt: Packet) -> bool:
        """Linux: conntrack_mt()"""
        left = self.context.left(conn) // self.context.clock.hz
        return (self.low <= left <= self.high) != self.inverted


@dataclass(frozen=True, slots=True)
class Conntrack(Match):
    """`-m conntrack`: without a connection a packet has only a state, and nothing else is asked for."""

    state: CtState | None
    parts: tuple[Part, ...] = ()

    uses_connections = True
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_conntrack.c conntrack_mt()"""
        if self.state is not None:
            if not self.state(view):
                return False
            if not self.parts:
                return True
        conn = tracked(view.pkt)
        if conn is None:
            return self.state is not None
        return all(part.holds(conn, view.pkt) for part in self.parts)


@dataclass(frozen=True, slots=True)
class CtHelper(Match):
    """`-m helper`: who helped the connection on which this one was agreed; an empty name is anybody's."""

    name: str
    inverted: bool = False

    uses_connections = True
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_helper.c helper_mt()"""
        conn = tracked(view.pkt)
        master = None if conn is None else conn.master
        helper = "" if master is None else helper_name(master)
        if not helper:
            return self.inverted
        return (not self.name or self.name.startswith(helper)) != self.inverted


@dataclass(frozen=True, slots=True)
class ConnMark(Match):
    """`-m connmark`"""

    value: int
    mask: int
    inverted: bool = False

    uses_connections = True
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_connmark.c connmark_mt()"""
        conn = tracked(view.pkt)
        return conn is not None and (conn.mark & self.mask == self.value) != self.inverted


@dataclass(frozen=True, slots=True)
class ConnBytes(Match):
    """`-m connbytes`: what went over the connection; `low` above `high` turns the sense round."""

    what: str  # packets, bytes, avgpkt
    direction: int  # ORIGINAL, REPLY, BOTH
    low: int
    high: int

    uses_connections = True
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_connbytes.c connbytes_mt()"""
        conn = tracked(view.pkt)
        if conn is None or conn.extension is None or not conn.extension.accounted:
            return False
        packets, octets = self._chosen(conn.extension.packets), self._chosen(conn.extension.octets)
        if self.what == "avgpkt":
            found = octets // packets if packets else 0
        else:
            found = packets if self.what == "packets" else octets
        if self.high >= self.low:
            return self.low <= found <= self.high
        return found < self.high or found > self.low

    def _chosen(self, counters: list[int]) -> int:
        return sum(counters) if self.direction == BOTH else counters[self.direction]


class ConnLimit(Match):
    """`-m connlimit`: how many connections one address, or one network, has."""

    __slots__ = ("above", "by_destination", "context", "counted", "limit", "mask")

    uses_connections = True

    def __init__(
        self, limit: int, mask: int, context: TrackContext, *, above: bool, by_destination: bool
    ) -> None:
        self.limit = limit
        self.mask = mask
        self.context = context
        self.above = above
        self.by_destination = by_destination
        self.counted: dict[tuple[int, int], Counted] = {}  # by network and zone

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_connlimit.c connlimit_mt(), nf_conncount.c count_tree()"""
        pkt, conn = view.pkt, tracked(view.pkt)
        if conn is None:
            key = of_whole(pkt.data, pkt.network_header, is_ipv6=pkt.ip is None)
        else:
            key = conn.original
        if key is None:
            view.hotdrop = True
            return False
        zone = 0 if conn is None else conn.zone.number
        network = (view.daddr if self.by_destination else view.saddr) & self.mask
        counted = self.counted.setdefault((network, zone), Counted())
        counted.add(key, conn, self.context)
        return (len(counted.keys) > self.limit) == self.above
