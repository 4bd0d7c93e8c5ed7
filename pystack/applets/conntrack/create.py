"""`conntrack -I`: a connection that nobody has seen a packet of.

Linux: conntrack-tools src/conntrack.c nfct_cmd_create(), net/netfilter/nf_conntrack_netlink.c
ctnetlink_create_conntrack()
"""

from __future__ import annotations

from typing import Final

from pystack.applets.conntrack.options import BadUsage, Options
from pystack.errors import EEXIST, EINVAL, NetError, NotModelled
from pystack.netfilter.conntrack.conn import Conn, Zone
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import IPS_CONFIRMED
from pystack.netfilter.conntrack.tcp_states import Flags
from pystack.netfilter.conntrack.tcp_track import BE_LIBERAL, SACK_PERM, TcpTrack
from pystack.netfilter.conntrack.tuples import (
    ICMP_QUERIES,
    IPPROTO_SCTP,
    IPPROTO_UDPLITE,
    Tuple,
    inverted,
    read,
)
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

_NFPROTO_IPV4: Final = 2
_WITH_PORTS: Final = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE)


def create(options: Options, context: TrackContext) -> None:
    """Take it into the table. Raises BadUsage, or NetError where there is such a one already."""
    original = original_of(options)
    timeout = _checked(options)
    if original.protocol == IPPROTO_ICMP and original.dport >> 8 not in ICMP_QUERIES:
        raise NetError(EINVAL)
    reply = _reply(options, original)
    if context.find(original.key) is not None or context.find(reply.key) is not None:
        raise NetError(EEXIST)
    conn = Conn(original.key, reply.key)
    conn.status = IPS_CONFIRMED | options.status
    conn.expires = context.clock.jiffies + timeout * context.clock.hz
    conn.mark = 0 if options.mark is None else options.mark[0]
    if original.zone:
        conn.extended().zone = Zone(original.zone)
    if context.conf.acct:
        conn.extended().accounted = True
    if options.state is not None:
        conn.proto = _unseen(options.state)
    context.take(conn)


def original_of(options: Options) -> Tuple:
    """The first direction's tuple, whole. Raises BadUsage."""
    source, destination = (options.addresses.get(("original", end)) for end in ("saddr", "daddr"))
    if source is None or destination is None:
        raise BadUsage("you have to specify `--src' and `--dst'")
    if options.protocol is None:
        raise BadUsage("You need to supply the `--protonum' option for this command")
    sport, dport = (options.ports.get(("original", end), 0) for end in ("sport", "dport"))
    if options.protocol == IPPROTO_ICMP:
        icmp = options.icmp
        sport = icmp.get("icmp-id", 0)
        dport = icmp.get("icmp-type", 0) << 8 | icmp.get("icmp-code", 0)
    zone = options.zones.get("zone", 0)
    return Tuple(_NFPROTO_IPV4, options.protocol, source[0], destination[0], sport, dport, zone)


def _checked(options: Options) -> int:
    """For how long; the rest is there, too."""
    if options.protocol == IPPROTO_SCTP:
        raise NotModelled("conntrack -I -p sctp", ("tcp", "udp", "icmp", "gre", "a number"))
    if options.timeout is None:
        raise BadUsage("You need to supply the `--timeout' option for this command")
    has_ports = all(("original", end) in options.ports for end in ("sport", "dport"))
    if options.protocol in _WITH_PORTS and not has_ports:
        raise BadUsage("you have to specify `--sport' and `--dport'")
    if options.protocol == IPPROTO_TCP and options.state is None:
        raise BadUsage("You need to supply the `--state' option for this command")
    return options.timeout


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


def _unseen(state: int) -> bytes:
    """No segment was seen: assume the best of both sides, and learn from the first."""
    track = TcpTrack()
    track.state, track.last_kind = state, Flags.NONE
    for side in track.sides:
        side.flags = SACK_PERM | BE_LIBERAL
    return track.pack()
