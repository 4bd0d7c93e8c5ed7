"""What is noted about a packet, or about its connection, gets a value: `meta mark set`, `ct mark set`.

Linux: net/netfilter/nft_meta.c nft_meta_set_eval(), nft_ct.c nft_ct_set_eval()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.netfilter.conntrack.conn import (
    ZONE_DIR_BOTH,
    ZONE_DIR_ORIGINAL,
    ZONE_DIR_REPLY,
    Conn,
    Zone,
    tracked,
)
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import IP_CT_NEW, IPS_CONFIRMED, IPS_TEMPLATE
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.rule import Match
from pystack.netfilter.targets.trace import follow
from pystack.netfilter.view import View
from pystack.packet import PACKET_OTHERHOST, Packet

_NO_TUPLE: Final = bytes(14)


def _mark(pkt: Packet, value: int) -> None:
    pkt.mark = value


def _priority(pkt: Packet, value: int) -> None:
    pkt.priority = value


def _packet_type(pkt: Packet, value: int) -> None:
    """Linux: include/linux/skbuff.h skb_pkt_type_ok()"""
    if value <= PACKET_OTHERHOST and pkt.pkt_type <= PACKET_OTHERHOST:
        pkt.pkt_type = value


def _nftrace(pkt: Packet, value: int) -> None:
    if value:
        follow(pkt)
    else:
        pkt.nf_trace = 0


META_SETTERS: Final[Mapping[str, Callable[[Packet, int], None]]] = {
    "mark": _mark,
    "priority": _priority,
    "pkttype": _packet_type,
    "nftrace": _nftrace,
}


class MetaSet(Match):
    """`meta mark set …`"""

    __slots__ = ("_set", "uses_connections", "value")

    def __init__(self, key: str, value: Expression) -> None:
        self._set = META_SETTERS[key]
        self.value = value
        self.uses_connections = value.uses_connections

    def __call__(self, view: View) -> bool:
        """Linux: nft_meta_set_eval()"""
        value = self.value(view)
        if value is None:
            return False
        self._set(view.pkt, int.from_bytes(value, "big"))
        return True


class CtMarkSet(Match):
    """`ct mark set …`; a packet without a connection goes on."""

    __slots__ = ("context", "value")

    uses_connections = True

    def __init__(self, context: TrackContext, value: Expression) -> None:
        self.context = context
        self.value = value

    def __call__(self, view: View) -> bool:
        """Linux: nft_ct_set_eval()"""
        value = self.value(view)
        if value is None:
            return False
        conn, mark = tracked(view.pkt), int.from_bytes(value, "big")
        if conn is not None and conn.mark != mark:
            conn.mark = mark
            self.context.note(conn, Event.MARK)
        return True


_ZONE_DIRS: Final = {None: ZONE_DIR_BOTH, 0: ZONE_DIR_ORIGINAL, 1: ZONE_DIR_REPLY}


class CtZoneSet(Match):
    """`ct zone set …`, in front of tracking."""

    __slots__ = ("dirs", "value")

    uses_connections = True

    def __init__(self, value: Expression, way: int | None) -> None:
        self.value = value
        self.dirs = _ZONE_DIRS[way]

    def __call__(self, view: View) -> bool:
        """Linux: nft_ct_set_zone_eval()"""
        value, pkt = self.value(view), view.pkt
        if value is None:
            return False
        if pkt.ct is None:
            template = Conn(_NO_TUPLE, _NO_TUPLE)
            template.status = IPS_TEMPLATE | IPS_CONFIRMED
            template.extended().zone = Zone(int.from_bytes(value, "big"), self.dirs)
            pkt.ct, pkt.ctinfo = template, IP_CT_NEW
        return True
