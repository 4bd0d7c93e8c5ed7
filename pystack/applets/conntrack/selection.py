"""Which connections a command is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.conntrack.options import Options
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import IPS_DST_NAT, IPS_DST_NAT_DONE, IPS_SRC_NAT, IPS_SRC_NAT_DONE
from pystack.netfilter.conntrack.snapshot import Snapshot, snapshot
from pystack.netfilter.hooks import NFPROTO_IPV6

_DONE: Final = {IPS_SRC_NAT: IPS_SRC_NAT_DONE, IPS_DST_NAT: IPS_DST_NAT_DONE}


def all_of(context: TrackContext) -> Iterator[tuple[Conn, Snapshot]]:
    """What is over but still there is taken out by who looks. Linux: ctnetlink_dump_table()"""
    for conn in context.table:
        if context.is_over(conn):
            context.kill(conn)
        else:
            yield conn, snapshot(conn, context)


def is_meant(flow: Snapshot, options: Options) -> bool:
    """Linux: libnetfilter_conntrack nfct_cmp() with NFCT_CMP_MASK, conntrack-tools nfct_filter()"""
    return has_flow(flow, options) and _rest_matches(flow, options)


def has_flow(flow: Snapshot, options: Options) -> bool:
    """Whether its tuples are meant."""
    if options.family not in (0, flow.original.family):
        return False
    if options.protocol not in (None, flow.original.protocol) or options.id not in (None, flow.id):
        return False
    return _tuples_match(flow, options) and _is_translated(flow, options)


def _tuples_match(flow: Snapshot, options: Options) -> bool:
    for (direction, field), (network, mask) in options.addresses.items():
        if direction == "original":
            mask &= options.masks.get(field, mask)
        if (getattr(getattr(flow, direction), field) ^ network) & mask:
            return False
    for (direction, field), port in options.ports.items():
        if getattr(getattr(flow, direction), field) != port:
            return False
    of_icmp = {
        "icmp-type": flow.original.dport >> 8,
        "icmp-code": flow.original.dport & 255,
        "icmp-id": flow.original.sport,
    }
    return all(of_icmp[name] == wanted for name, wanted in options.icmp.items())


def _is_translated(flow: Snapshot, options: Options) -> bool:
    """As -n, -g and -j ask. Linux: conntrack-tools filter_nat()"""
    if not options.nat:
        return True
    is_ipv6 = options.family == NFPROTO_IPV6  # whose addresses the tool does not look at
    answers = [
        has_nat(flow, bit, None if is_ipv6 else address, port) for bit, (address, port) in options.nat.items()
    ]
    return any(answers) if "any-nat" in options.given else all(answers)


def has_nat(flow: Snapshot, bit: int, address: int | None, port: int | None = None) -> bool:
    """Whether one end was translated, to an address and a port if these are given.

    Linux: libnetfilter_conntrack __getobjopt_is_snat() and its kin
    """
    if not flow.status & _DONE[bit]:
        return False
    before, after = (flow.original, flow.reply)
    old = (before.saddr, before.sport) if bit == IPS_SRC_NAT else (before.daddr, before.dport)
    new = (after.daddr, after.dport) if bit == IPS_SRC_NAT else (after.saddr, after.sport)
    if address is None and port is None:
        return old != new
    if address is not None and (new[0] == old[0] or new[0] != address):
        return False
    return port is None or (new[1] != old[1] and new[1] == port)


def _rest_matches(flow: Snapshot, options: Options) -> bool:
    if options.state not in (None, flow.state):
        return False
    if flow.status & options.status != options.status or flow.status & options.unset:
        return False
    if "mark" in options.given and flow.mark & options.mark_mask != options.mark:
        return False
    zones = {"zone": flow.zone, "orig-zone": flow.original.zone, "reply-zone": flow.reply.zone}
    return all(zones[name] == wanted for name, wanted in options.zones.items())
