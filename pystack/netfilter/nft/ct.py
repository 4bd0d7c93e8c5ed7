"""What a packet's connection is like: `ct state`, `ct original ip saddr`.

Linux: net/netfilter/nft_ct.c
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.helper import helper_name
from pystack.netfilter.conntrack.info import (
    IP_CT_UNTRACKED,
    ORIGINAL,
    REPLY,
    STATE_INVALID,
    direction,
    state_bit,
)
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.view import View
from pystack.packet import Packet

# As `ct state` numbers them. Linux: include/uapi/linux/netfilter/nf_conntrack_common.h
STATE_UNTRACKED: Final = 1 << 6
_STATES: Final = tuple(state_bit(ctinfo) for ctinfo in range(IP_CT_UNTRACKED + 1))
_HELPER_NAME: Final = 16
_ADDRESS_LENGTHS: Final = {NFPROTO_IPV4: 4, NFPROTO_IPV6: 16}


def state_of(pkt: Packet) -> int:
    """One bit. Linux: nft_ct_get_eval() with NFT_CT_STATE"""
    if pkt.ct is not None:
        return _STATES[pkt.ctinfo]
    return STATE_UNTRACKED if pkt.ctinfo == IP_CT_UNTRACKED else STATE_INVALID


class CtState(Expression):
    """`ct state`; a packet without a connection has one too."""

    __slots__ = ()

    uses_connections = True

    def __call__(self, view: View) -> bytes | None:
        """4 octets."""
        return state_of(view.pkt).to_bytes(4, "big")


Read = Callable[[Conn, Packet], bytes | None]


class Ct(Expression):
    """All the others, of a packet that has a connection."""

    __slots__ = ("_read", "key")

    uses_connections = True

    def __init__(self, key: str, read: Read) -> None:
        self.key = key
        self._read = read

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_ct_get_eval()"""
        conn = tracked(view.pkt)
        return None if conn is None else self._read(conn, view.pkt)


def reader(key: str, way: int | None, family: str, context: TrackContext) -> Read | None:
    """Who reads a key, of one direction or of both; None if nobody does.

    `family` is that of addresses where it is written: ip, ip6.
    """
    if key in _OF_BOTH:
        return _OF_BOTH[key]
    if key in COUNTED:
        return lambda conn, _: _counted(conn, key, way).to_bytes(8, "big")
    if key == "zone":
        return lambda conn, _: (conn.zone.number if way is None else conn.zone.of(way)).to_bytes(2, "big")
    if key == "expiration":
        return lambda conn, _: (context.left(conn) * 1000 // context.clock.hz).to_bytes(4, "big")
    if key in _PORTS and way is not None:
        return lambda conn, _: _port(conn, key, way)
    if key in _ADDRESSES and way is not None:
        wanted = {"ip": NFPROTO_IPV4, "ip6": NFPROTO_IPV6}.get(family)
        return lambda conn, _: _address(conn, key, way, wanted)
    return None


def _helper(conn: Conn, pkt: Packet) -> bytes | None:
    """Of the connection on which this one was agreed."""
    name = "" if conn.master is None else helper_name(conn.master)
    return name.encode().ljust(_HELPER_NAME, b"\0") if name else None


_OF_BOTH: Final[Mapping[str, Read]] = {
    "direction": lambda conn, pkt: bytes((direction(pkt.ctinfo),)),
    "status": lambda conn, _: conn.status.to_bytes(4, "big"),
    "mark": lambda conn, _: conn.mark.to_bytes(4, "big"),
    "helper": _helper,
    "l3proto": lambda conn, _: bytes((conn.family,)),
    "protocol": lambda conn, _: bytes((conn.protocol,)),
    "id": lambda conn, _: conn.id.to_bytes(4, "big"),
}
COUNTED: Final = frozenset({"bytes", "packets", "avgpkt"})
_PORTS: Final = {"proto-src": 0, "proto-dst": 1}
_ADDRESSES: Final = {"saddr": 0, "daddr": 1}

KEYS: Final = frozenset({*_OF_BOTH, *COUNTED, *_PORTS, *_ADDRESSES, "zone", "expiration"})


def _counted(conn: Conn, key: str, way: int | None) -> int:
    """Nothing where nobody counts. Linux: nft_ct_get_eval_counter()"""
    extension = conn.extension
    if extension is None or not extension.accounted:
        return 0
    ways = (ORIGINAL, REPLY) if way is None else (way,)
    packets = sum(extension.packets[way] for way in ways)
    octets = sum(extension.octets[way] for way in ways)
    if key == "avgpkt":
        return octets // packets if packets else 0
    return packets if key == "packets" else octets


def _port(conn: Conn, key: str, way: int) -> bytes:
    flow = conn.tuple(way)
    return (flow.dport if _PORTS[key] else flow.sport).to_bytes(2, "big")


def _address(conn: Conn, key: str, way: int, wanted: int | None) -> bytes | None:
    if wanted not in (None, conn.family):
        return None
    flow = conn.tuple(way)
    return (flow.daddr if _ADDRESSES[key] else flow.saddr).to_bytes(_ADDRESS_LENGTHS[conn.family], "big")
