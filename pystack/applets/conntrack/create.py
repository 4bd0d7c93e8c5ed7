"""`conntrack -I`, `-A`: a connection that nobody has seen a packet of.

Linux: conntrack-tools src/conntrack.c nfct_cmd_create(), net/netfilter/nf_conntrack_netlink.c
ctnetlink_create_conntrack()
"""

from __future__ import annotations

from typing import Final

from pystack.applets.conntrack.options import Options
from pystack.errors import EEXIST, EINVAL, NetError, NotModelled
from pystack.netfilter.conntrack.conn import ZONE_DIR_BOTH, ZONE_DIR_ORIGINAL, ZONE_DIR_REPLY, Conn, Zone
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import (
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_DST_NAT,
    IPS_DST_NAT_DONE,
    IPS_FIXED_TIMEOUT,
    IPS_SEEN_REPLY,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
    ORIGINAL,
    REPLY,
)
from pystack.netfilter.conntrack.tcp_states import Flags, State
from pystack.netfilter.conntrack.tcp_track import BE_LIBERAL, CLOSE_INIT, SACK_PERM, TcpTrack
from pystack.netfilter.conntrack.tuples import (
    IPPROTO_SCTP,
    IPPROTO_UDPLITE,
    WITH_ID,
    Tuple,
    in_zone,
    inverted,
    read,
    without_zone,
)
from pystack.netfilter.hooks import NFPROTO_IPV6
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6

USER: Final = 1  # as whom a user's commands are told of in events
SETTABLE: Final = IPS_SEEN_REPLY | IPS_ASSURED | IPS_FIXED_TIMEOUT

_WITH_PORTS: Final = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE)
LONG_AGO: Final = -1  # when a UDP flow became a stream
_TOLD: Final = Event.NEW | Event.MARK | Event.PROTOINFO | Event.ASSURED | Event.REPLY | Event.HELPER


def create(options: Options, context: TrackContext) -> None:
    """Take it into the table. Raises NetError where there is such a one already, or NotModelled."""
    if options.protocol == IPPROTO_SCTP:
        raise NotModelled("conntrack -I -p sctp", ("tcp", "udp", "icmp", "gre", "a number"))
    original = original_of(options)
    if original.protocol in WITH_ID and not _has_answer(original):
        raise NetError(EINVAL)
    zone = _zone(options)
    reply = _translated(_reply(options, original), options)
    conn = Conn(
        in_zone(without_zone(original.key), zone.of(ORIGINAL)),
        in_zone(without_zone(reply.key), zone.of(REPLY)),
    )
    if context.find(conn.original) is not None or context.find(conn.reply) is not None:
        raise NetError(EEXIST)
    conn.status = IPS_CONFIRMED | options.status & SETTABLE | _nat_status(options)
    conn.expires = context.clock.jiffies + options.timeout * context.clock.hz
    conn.mark = options.mark
    if zone.number:
        conn.extended().zone = zone
    if context.conf.acct:
        conn.extended().accounted = True
    conn.proto = LONG_AGO if options.state is None else unseen(options.state)
    context.begin_telling(conn)
    context.take(conn, _TOLD, USER)


def original_of(options: Options) -> Tuple:
    """The first direction's tuple, whole. Raises NotModelled."""
    source, destination = (options.addresses.get(("original", end)) for end in ("saddr", "daddr"))
    if source is None or destination is None or options.protocol is None:
        raise NotModelled(f"conntrack -{options.command} by the reply's addresses", ("--src", "--dst"))
    sport, dport = (options.ports.get(("original", end), 0) for end in ("sport", "dport"))
    if options.protocol in WITH_ID:
        icmp = options.icmp
        sport = icmp.get("icmp-id", 0)
        dport = icmp.get("icmp-type", 0) << 8 | icmp.get("icmp-code", 0)
    zone = options.zones.get("zone", 0)
    return Tuple(options.family, options.protocol, source[0], destination[0], sport, dport, zone)


def _has_answer(original: Tuple) -> bool:
    """Whether it is a message of its family's own ICMP that can be answered, or answers.

    Linux: net/netfilter/nf_conntrack_proto_icmp.c icmp_nlattr_to_tuple(), and that of ICMPv6
    """
    of_family = (original.family == NFPROTO_IPV6) == (original.protocol == IPPROTO_ICMPV6)
    return of_family and inverted(original.key) is not None


def _zone(options: Options) -> Zone:
    """The one that was named last in this order counts. Linux: ctnetlink_parse_zone()"""
    for name, directions in (("orig-zone", ZONE_DIR_ORIGINAL), ("reply-zone", ZONE_DIR_REPLY)):
        if name in options.zones:
            return Zone(options.zones[name], directions)
    return Zone(options.zones.get("zone", 0), ZONE_DIR_BOTH)


def _reply(options: Options, original: Tuple) -> Tuple:
    """The answers' tuple: the first one turned round, unless an address of it was given; then its ports
    have to be given, too. Raises NetError.
    """
    key = inverted(original.key)
    assert key is not None, "queries of ICMP have answers"
    reply = read(key)
    addresses = {end: options.addresses.get(("reply", end)) for end in ("saddr", "daddr")}
    if not any(addresses.values()):
        return reply
    for end, given in addresses.items():
        reply = reply if given is None else reply._replace(**{end: given[0]})
    if original.protocol not in _WITH_PORTS:
        return reply
    ports = [options.ports.get(("reply", end)) for end in ("sport", "dport")]
    if ports[0] is None or ports[1] is None:
        raise NetError(EINVAL)
    return reply._replace(sport=ports[0], dport=ports[1])


def _translated(reply: Tuple, options: Options) -> Tuple:
    """Whom the answers come from, and go to, where -g and -n say so. Linux: ctnetlink_setup_nat()

    Linux differs: it takes another port where this one is in use.
    """
    for bit, (address_field, port_field) in {
        IPS_SRC_NAT: ("daddr", "dport"),
        IPS_DST_NAT: ("saddr", "sport"),
    }.items():
        address, port = options.nat.get(bit, (None, None))
        reply = reply if address is None else reply._replace(**{address_field: address})
        reply = reply if port is None else reply._replace(**{port_field: port})
    return reply


def _nat_status(options: Options) -> int:
    """If one end is translated, the other is decided about, too. Linux: ctnetlink_setup_nat()"""
    changed = sum(bit for bit, (address, _) in options.nat.items() if address is not None)
    return changed | IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE if changed else 0


def unseen(state: int) -> bytes:
    """No segment was seen: assume the best of both sides, and learn from the first.

    Linux: conntrack-tools extensions/libct_proto_tcp.c final_check()
    """
    track = TcpTrack()
    track.state, track.last_kind = state, Flags.NONE
    for side in track.sides:
        side.flags = SACK_PERM | BE_LIBERAL | (CLOSE_INIT if state >= State.TIME_WAIT else 0)
    return track.pack()
