"""Connections, as if each had begun here; what the kernel does not tell (windows of TCP) is learned anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pystack.applets.conntrack.create import LONG_AGO, unseen
from pystack.hooks.imported.building import Building, portions
from pystack.netfilter.conntrack import helpers
from pystack.netfilter.conntrack.conn import ZONE_DIR_BOTH, ZONE_DIR_ORIGINAL, ZONE_DIR_REPLY, Conn, Zone
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.helper import give_helper
from pystack.netfilter.conntrack.info import (
    IPS_CONFIRMED,
    IPS_DYING,
    IPS_HELPER,
    IPS_SEQ_ADJUST,
    IPS_TEMPLATE,
    ORIGINAL,
    REPLY,
)
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tuples import IPPROTO_SCTP, in_zone, without_zone
from pystack.wire.ipv4 import IPPROTO_TCP

_AT_ONCE: Final = 250  # while others wait for their turn
_TAKEN_OVER: Final = (1 << 14) - 1 & ~(IPS_DYING | IPS_TEMPLATE | IPS_SEQ_ADJUST | IPS_HELPER)


def add_connections(building: Building, told: Iterable[Snapshot]) -> Iterator[None]:
    """Into the table, as long as it has no such one."""
    context = building.netns.conntrack.context
    strange = 0
    for portion in portions(told, _AT_ONCE):
        for one in portion:
            if one.original.protocol == IPPROTO_SCTP:
                strange += 1
            else:
                add_connection(context, one)
        yield
    if strange:
        building.left_out.append(f"{strange} connections of SCTP: what they have agreed on is not told")


def add_connection(context: TrackContext, told: Snapshot) -> Conn | None:
    """One that is no SCTP's; None if the table has its like."""
    conn = _conn(told)
    if context.find(conn.original) is not None or context.find(conn.reply) is not None:
        return None
    conn.expires = context.clock.jiffies + told.timeout * context.clock.hz
    context.table.insert(conn)
    return conn


def _conn(told: Snapshot) -> Conn:
    zone = _zone(told)
    conn = Conn(
        in_zone(without_zone(told.original.key), zone.of(ORIGINAL)),
        in_zone(without_zone(told.reply.key), zone.of(REPLY)),
    )
    conn.status = told.status & _TAKEN_OVER | IPS_CONFIRMED
    conn.mark = told.mark
    conn.proto = unseen(told.state or 0) if conn.protocol == IPPROTO_TCP else LONG_AGO
    if zone.number:
        conn.extended().zone = zone
    if told.counters is not None:
        extension = conn.extended()
        extension.accounted = True
        extension.packets, extension.octets = map(list, zip(*told.counters, strict=True))
    helper = helpers.find(told.helper, conn.protocol) if told.helper else None
    if helper is not None:
        give_helper(conn, helper)
    return conn


def _zone(told: Snapshot) -> Zone:
    if told.zone:
        return Zone(told.zone, ZONE_DIR_BOTH)
    if told.original.zone:
        return Zone(told.original.zone, ZONE_DIR_ORIGINAL)
    return Zone(told.reply.zone, ZONE_DIR_REPLY if told.reply.zone else ZONE_DIR_BOTH)
