"""What rules of nftables may ask of IPv4's sockets: `socket transparent`, `mark`, `wildcard`."""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.device import Socket
from pystack.netfilter.conntrack.conn import tracked
from pystack.netfilter.conntrack.info import (
    IP_CT_ESTABLISHED_REPLY,
    IP_CT_RELATED_REPLY,
    IPS_SRC_NAT_DONE,
    ORIGINAL,
)
from pystack.netfilter.view import View
from pystack.sock.inet import InetSocket
from pystack.sock.inet_sockets import InetSockets
from pystack.sock.lookup import Endpoints
from pystack.sock.tcp_context import Endpoint
from pystack.sock.tcp_request import Request
from pystack.wire import icmp
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

_PORTS: Final = Struct("!HH")
_SHORTEST: Final = {IPPROTO_TCP: 20, IPPROTO_UDP: 8}
_ADDRESSES_AT: Final = 12
_PAIR: Final = Struct("!II")

Ends = tuple[int, int, int, int, int]  # protocol, the peer's address and port, ours


class NftSockets:
    """A netfilter.nft.needs.Sockets."""

    __slots__ = ("_sockets",)

    def __init__(self, sockets: InetSockets) -> None:
        self._sockets = sockets

    def fact(self, view: View, key: str) -> int | None:
        """Linux: net/netfilter/nft_socket.c nft_socket_eval()"""
        sock: Socket | Endpoint | None = view.pkt.sock
        if sock is None:
            sock = self._receiver(view)
        if isinstance(sock, Request) and key == "transparent":
            sock = sock.listener
        if not isinstance(sock, InetSocket):  # what is left of one tells little
            return 0 if isinstance(sock, Endpoint) and key == "transparent" else None
        facts = {"transparent": sock.transparent, "mark": sock.mark, "wildcard": not sock.rcv_saddr}
        return int(facts[key])

    def _receiver(self, view: View) -> InetSocket | Endpoint | None:
        """Linux: net/ipv4/netfilter/nf_socket_ipv4.c nf_sk_lookup_slow_v4()"""
        ends = None if view.indev is None else _ends(view)
        if ends is None or view.indev is None:
            return None
        protocol, saddr, sport, daddr, dport = _as_it_was(view, ends)
        at = Endpoints(saddr, sport, daddr, dport, view.indev.ifindex)
        if protocol == IPPROTO_TCP:
            return self._sockets.tcp.find(at)
        return self._sockets.udp.ports.lookup(at)


def _ends(view: View) -> Ends | None:
    """Of a segment or datagram; of an ICMP error those that it is about, seen from here."""
    shortest = _SHORTEST.get(view.protocol)
    if shortest is not None:
        header = view.transport_octets(shortest)
        return None if header is None else (view.protocol, view.saddr, *_ports_of(header, view.daddr))
    return _quoted(view) if view.protocol == IPPROTO_ICMP else None


def _ports_of(header: bytes, ours: int) -> tuple[int, int, int]:
    sport, dport = _PORTS.unpack_from(header)
    return sport, ours, dport


def _quoted(view: View) -> Ends | None:
    """Linux: extract_icmp4_fields()"""
    body = bytes(view.pkt.data[view.transport :])
    inner = body[icmp.HEADER_LENGTH :]
    if not body or body[0] not in icmp.ERROR_TYPES or len(inner) < HEADER_LENGTH:
        return None
    start = (inner[0] & 15) * 4
    if inner[9] not in _SHORTEST or len(inner) < start + _PORTS.size:
        return None
    ours, theirs = _PAIR.unpack_from(inner, _ADDRESSES_AT)
    our_port, their_port = _PORTS.unpack_from(inner, start)
    return inner[9], theirs, their_port, ours, our_port


def _as_it_was(view: View, ends: Ends) -> Ends:
    """Answers to a connection whose source was changed are for the socket that it had before."""
    conn, info = tracked(view.pkt), view.pkt.ctinfo
    answer = IP_CT_RELATED_REPLY if view.protocol == IPPROTO_ICMP else IP_CT_ESTABLISHED_REPLY
    if conn is None or info != answer or not conn.status & IPS_SRC_NAT_DONE:
        return ends
    original = conn.tuple(ORIGINAL)
    return (*ends[:3], original.saddr, original.sport)
