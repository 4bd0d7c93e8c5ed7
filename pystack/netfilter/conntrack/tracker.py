"""Finds the connection of each packet, begins new ones, and takes them into the table once they got through.

PREROUTING, OUTPUT  -200     classify: pkt.ct, pkt.ctinfo
INPUT, POSTROUTING  INT_MAX  confirm
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, Protocol

from pystack.device import IFF_LOOPBACK
from pystack.netfilter.conntrack.conn import DEFAULT_ZONE, Conn, Zone
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.expectation import Expectation
from pystack.netfilter.conntrack.helper import Help, give_helper, help_of
from pystack.netfilter.conntrack.icmp_errors import IcmpErrors
from pystack.netfilter.conntrack.info import (
    IP_CT_ESTABLISHED,
    IP_CT_ESTABLISHED_REPLY,
    IP_CT_IS_REPLY,
    IP_CT_NEW,
    IP_CT_RELATED,
    IP_CT_RELATED_REPLY,
    IP_CT_UNTRACKED,
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_DST_NAT_DONE,
    IPS_DYING,
    IPS_EXPECTED,
    IPS_FIXED_TIMEOUT,
    IPS_HELPER,
    IPS_NAT_CLASH,
    IPS_SEEN_REPLY,
    IPS_SEQ_ADJUST,
    IPS_SRC_NAT_DONE,
    IPS_TEMPLATE,
    ORIGINAL,
    REPLY,
)
from pystack.netfilter.conntrack.sctp import SctpTracker
from pystack.netfilter.conntrack.simple import GenericTracker, GreTracker, IcmpTracker, Icmpv6Tracker
from pystack.netfilter.conntrack.tcp import TcpTracker
from pystack.netfilter.conntrack.tuples import (
    IPPROTO_GRE,
    IPPROTO_SCTP,
    IPPROTO_UDPLITE,
    WITH_ID,
    in_zone,
    inverted,
    of_ipv6_packet,
    of_packet,
)
from pystack.netfilter.conntrack.udp import UdpTracker
from pystack.netfilter.conntrack.verdict import FITS, Tracked
from pystack.netfilter.hooks import HookState
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.packet import Packet
from pystack.wire.ipv4 import IP_OFFSET, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6, find_transport


class _Full(Enum):
    """Instead of a connection: there is no room for it."""

    FULL = "full"


_FULL: Final = _Full.FULL
_NO_PROTOCOL: Final = -1
_NAT_DONE: Final = IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE


class ProtocolTracker(Protocol):
    """Linux: struct nf_conntrack_l4proto"""

    allow_clash: bool  # two first packets of one flow may be under way at once

    def packet(self, conn: Conn, pkt: Packet, transport: int, state: HookState) -> Tracked:
        """Whether the packet fits its connection, which learns from it."""

    def can_early_drop(self, conn: Conn) -> bool:
        """Whether an assured connection may be given up when the table is full."""


class Tracker:
    """Linux: net/netfilter/nf_conntrack_core.c"""

    def __init__(self, context: TrackContext) -> None:
        self._context = context
        self.is_short_of_room = False  # and nobody has looked whom to give up
        self.tcp = TcpTracker(context)
        udp = UdpTracker(context)
        self._generic = GenericTracker(context)
        self._errors = IcmpErrors(context, self._find)
        self._protocols: dict[int, ProtocolTracker] = {
            IPPROTO_TCP: self.tcp,
            IPPROTO_UDP: udp,
            IPPROTO_UDPLITE: udp,
            IPPROTO_ICMP: IcmpTracker(context),
            IPPROTO_ICMPV6: Icmpv6Tracker(context),
            IPPROTO_GRE: GreTracker(context),
            IPPROTO_SCTP: SctpTracker(context),
        }

    def protocol_of(self, conn: Conn) -> ProtocolTracker:
        """Linux: nf_ct_l4proto_find()"""
        return self._protocols.get(conn.protocol, self._generic)

    # --- classify -----------------------------------------------------------------------------------------

    def classify(self, pkt: Packet, state: HookState) -> int:
        """Linux: nf_conntrack_in()"""
        template = None
        if pkt.ct is not None or pkt.ctinfo:
            template = pkt.ct if isinstance(pkt.ct, Conn) else None
            if (template is not None and not template.is_template) or pkt.ctinfo == IP_CT_UNTRACKED:
                return NF_ACCEPT  # seen before, on its way through loopback, or not to be tracked
            pkt.ct, pkt.ctinfo = None, 0
        header, stats = pkt.ip, self._context.stats
        if header is not None and not header.frag_off & IP_OFFSET:
            transport, protocol = pkt.network_header + header.ihl, header.protocol
            key = of_packet(pkt.data, pkt.network_header, transport, protocol)
        else:
            protocol, transport, key = _read_ipv6(pkt)
        zone = DEFAULT_ZONE if template is None else template.zone.for_packet(pkt)
        if protocol in WITH_ID and not self._is_query(pkt, protocol, transport, zone, state):
            return NF_ACCEPT
        while True:
            conn = None if key is None else self._resolve(pkt, key, zone, template)
            if conn is None:
                stats.invalid += 1
                return NF_ACCEPT
            if conn is _FULL:
                stats.drop += 1
                return NF_DROP
            verdict = self._protocols.get(protocol, self._generic).packet(conn, pkt, transport, state)
            if verdict is FITS:
                break
            pkt.ct, pkt.ctinfo = None, 0
            if verdict is not Tracked.AGAIN:
                return self._refused(verdict)
        if pkt.ctinfo == IP_CT_ESTABLISHED_REPLY and not conn.status & IPS_SEEN_REPLY:
            conn.status |= IPS_SEEN_REPLY
            self._context.note(conn, Event.REPLY)
        return NF_ACCEPT

    def _is_query(self, pkt: Packet, protocol: int, transport: int, zone: Zone, state: HookState) -> bool:
        """Whether an ICMP message is to be tracked as such. Linux: nf_conntrack_handle_icmp()"""
        if pkt.ip is not None and protocol == IPPROTO_ICMP:
            is_query = self._errors.pass_by(pkt, transport, zone, state)
        elif pkt.ip is None and protocol == IPPROTO_ICMPV6:
            is_query = self._errors.pass_by_ipv6(pkt, transport, zone, state)
        else:
            return True
        self._context.stats.error += not is_query and pkt.ct is None and not pkt.ctinfo
        return is_query

    def _refused(self, verdict: Tracked) -> int:
        """What becomes of a packet that does not fit."""
        stats = self._context.stats
        stats.invalid += 1
        if verdict is not Tracked.DROP:
            return NF_ACCEPT
        stats.drop += 1
        return NF_DROP

    def _resolve(
        self, pkt: Packet, key: bytes, zone: Zone, template: Conn | None
    ) -> Conn | Literal[_Full.FULL] | None:
        """Linux: resolve_normal_ct()"""
        if zone.number:
            conn, is_reply = self._find(key, zone)
        else:  # without a zone there is only one place to look, and no need for another call
            conn = self._context.find(key)
            is_reply = conn is not None and (conn.original != key or conn.reply == key)
        if conn is None:
            begun = self._begin(key, zone, template)
            if not isinstance(begun, Conn):
                return begun
            conn = begun
        if is_reply:
            pkt.ctinfo = IP_CT_ESTABLISHED_REPLY
        elif conn.status & IPS_SEEN_REPLY:
            pkt.ctinfo = IP_CT_ESTABLISHED
        else:
            pkt.ctinfo = IP_CT_RELATED if conn.status & IPS_EXPECTED else IP_CT_NEW
        pkt.ct = conn
        return conn

    def _find(self, key: bytes, zone: Zone) -> tuple[Conn | None, bool]:
        """The connection that a packet with this tuple belongs to, and whether it is an answer there.

        One from an address and port to the same address and port is its own answer, and taken for that.
        """
        find = self._context.find
        wanted = in_zone(key, zone.of(ORIGINAL))
        conn = find(wanted)
        if conn is None and zone.of(ORIGINAL) != zone.of(REPLY):
            wanted = in_zone(key, zone.of(REPLY))
            conn = find(wanted)
        return conn, conn is not None and (conn.original != wanted or conn.reply == wanted)

    def _begin(self, key: bytes, zone: Zone, template: Conn | None) -> Conn | Literal[_Full.FULL] | None:
        """A connection that is in no table yet; None if such a packet begins none.

        Linux: init_conntrack()
        """
        reply = inverted(key)
        if reply is None:
            return None
        context = self._context
        original = in_zone(key, zone.of(ORIGINAL))
        most = context.limits.max
        if most and context.table.count >= most and not self._make_room(original):
            self.is_short_of_room = True
            context.warn("nf_conntrack: nf_conntrack: table full, dropping packet")
            return _FULL
        conn = Conn(original, in_zone(reply, zone.of(REPLY)))
        if zone.number:
            conn.extended().zone = zone
        if context.conf.acct:
            conn.extended().accounted = True
        wishes = None if template is None else template.extension
        if wishes is None:
            context.begin_telling(conn)
        else:
            context.begin_telling(conn, wishes.told, wishes.told_expected)
        expected = context.expectations.take(original, zone) if context.expectations.count else None
        if expected is not None:
            self._fulfil(conn, expected)
        elif wishes is not None and isinstance(wishes.help, Help):
            give_helper(conn, wishes.help.helper)
        return conn

    def _fulfil(self, conn: Conn, expected: Expectation) -> None:
        """A connection that was expected has come."""
        conn.status |= IPS_EXPECTED
        conn.extended().master = expected.master
        conn.mark = expected.master.mark
        self._context.expectations.stats.new += 1
        if expected.follow is not None:
            expected.follow(conn, expected)

    def _make_room(self, key: bytes) -> bool:
        """Give up a connection that nobody answered. Linux: early_drop()

        Linux differs: it looks in eight buckets, of about two connections each.
        """
        context = self._context
        for conn in context.table.near(key):
            if context.is_over(conn) or not conn.status & IPS_ASSURED:
                context.kill(conn)
                context.stats.early_drop += 1
                return True
        return False

    # --- confirm ------------------------------------------------------------------------------------------

    def confirm(self, pkt: Packet, state: HookState) -> int:
        """The packet got through: its connection counts now. Linux: nf_confirm(), nf_conntrack_confirm()"""
        conn = pkt.ct
        if not isinstance(conn, Conn) or conn.status & IPS_TEMPLATE:  # tracked() without a call
            return NF_ACCEPT
        if conn.extension is None and conn.status & IPS_CONFIRMED:
            return NF_ACCEPT  # nearly always: it counts already, nobody helps it, and nobody is told of it
        verdict = NF_ACCEPT
        if conn.extension is not None and pkt.ctinfo != IP_CT_RELATED_REPLY:
            verdict = self._help(conn, pkt, state)
        if verdict == NF_ACCEPT and not conn.status & IPS_CONFIRMED and pkt.ctinfo < IP_CT_IS_REPLY:
            verdict = self._insert(conn, pkt)
        if verdict == NF_ACCEPT and isinstance(pkt.ct, Conn):
            self._context.tell_noted(pkt.ct)
        elif not conn.is_confirmed:
            self._context.expectations.forget_all_of(conn)
        return verdict

    def _help(self, conn: Conn, pkt: Packet, state: HookState) -> int:
        """What helpers do, and what follows from it for later segments. Linux: nf_confirm()"""
        context, transport = self._context, _transport_of(pkt)
        if transport is None:
            return NF_ACCEPT
        help_ = help_of(conn)
        if help_ is not None:
            verdict = help_.helper.help(pkt, transport, conn, context)
            if verdict != NF_ACCEPT:
                return verdict
        looped = state.indev is not None and state.indev.flags & IFF_LOOPBACK
        if not conn.status & IPS_SEQ_ADJUST or context.nat is None or looped:
            return NF_ACCEPT
        if context.nat.adjust_sequence(pkt, conn, transport):
            return NF_ACCEPT
        context.stats.drop += 1
        return NF_DROP

    def _insert(self, conn: Conn, pkt: Packet) -> int:
        """Linux: __nf_conntrack_confirm()"""
        context = self._context
        if conn.status & IPS_DYING:
            context.stats.insert_failed += 1
            return NF_DROP
        known = context.find(conn.original) or context.find(conn.reply)
        if known is not None:
            return self._resolve_clash(conn, known, pkt)
        conn.expires += context.clock.jiffies
        conn.status |= IPS_CONFIRMED
        if context.conf.timestamp:
            conn.extended().started = context.clock.wall
        context.table.insert(conn)
        if conn.status & IPS_HELPER:
            context.note(conn, Event.HELPER)
        context.note(conn, Event.RELATED if conn.status & IPS_EXPECTED else Event.NEW)
        return NF_ACCEPT

    def _resolve_clash(self, loser: Conn, winner: Conn, pkt: Packet) -> int:
        """Another packet of the flow got through first. Linux: nf_ct_resolve_clash()"""
        context = self._context
        if self.protocol_of(loser).allow_clash:
            if self._joins(loser, winner, pkt):
                return NF_ACCEPT
            other = context.find(loser.reply)
            if other is None:
                loser.expires = context.clock.jiffies + context.clock.hz
                loser.status |= IPS_FIXED_TIMEOUT | IPS_NAT_CLASH | IPS_CONFIRMED
                context.table.insert_reply_only(loser)
                context.stats.clash_resolve += 1
                return NF_ACCEPT
            if self._joins(loser, other, pkt):
                return NF_ACCEPT
        context.stats.drop += 1
        context.stats.insert_failed += 1
        return NF_DROP

    def _joins(self, loser: Conn, winner: Conn, pkt: Packet) -> bool:
        """Linux: __nf_ct_resolve_clash()"""
        same = (winner.original, winner.reply) == (loser.original, loser.reply)
        if winner.status & _NAT_DONE and not same:
            return False
        if loser.extension is not None and loser.extension.accounted:
            self._context.account(winner, pkt)
        pkt.ct = winner
        self._context.stats.clash_resolve += 1
        return True


def _transport_of(pkt: Packet) -> int | None:
    """Where the header behind those of IP begins; None if there is none."""
    if pkt.ip is not None:
        return pkt.network_header + pkt.ip.ihl
    found = find_transport(pkt.data, pkt.network_header)
    return None if found is None else found.offset


def _read_ipv6(pkt: Packet) -> tuple[int, int, bytes | None]:
    """What a packet carries, where, and its key: None if there is none, as of a later fragment."""
    found = None if pkt.ip is not None else find_transport(pkt.data, pkt.network_header)
    if found is None:
        return _NO_PROTOCOL, 0, None
    key = of_ipv6_packet(pkt.data, pkt.network_header, found.offset, found.protocol)
    return found.protocol, found.offset, key
