"""The TCP of a namespace: what comes in finds its connection, its listener, or is told that there is none."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from pystack.drop import (
    NO_SOCKET,
    SOCKET_FILTER,
    TCP_CSUM,
    TCP_MALFORMED,
    TCP_MINTTL,
    TCP_NOT_FOR_US,
    TCP_TOO_SMALL,
    DropReason,
)
from pystack.l3.fib_types import Flow
from pystack.packet import PACKET_HOST, Packet
from pystack.sock.context import SocketContext
from pystack.sock.errors import IcmpError
from pystack.sock.inet import InetSocket, seen_on
from pystack.sock.lookup import Candidate, Endpoints
from pystack.sock.socket_filter import wanted
from pystack.sock.tcp import TcpSocket
from pystack.sock.tcp_context import Endpoint, TcpContext, connection_key
from pystack.sock.tcp_request import Request
from pystack.sock.tcp_reset import send_reset
from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_timewait import TimeWait
from pystack.wire import tcp
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv4 import IPPROTO_TCP, Ipv4Header
from pystack.wire.malformed import Malformed

_QUOTED: Final = Struct("!HHI")  # ports and sequence number, all that an ICMP error must quote


def _refused_by(sock: InetSocket | None, segment: Segment) -> DropReason | None:
    """Whether a socket asked not to get such a segment; its filter may cut it."""
    if sock is None:
        return None
    if segment.ip.ttl < sock.min_ttl:
        sock.context.snmp.TcpExt.TCPMinTTLDrop += 1
        return TCP_MINTTL
    if sock.filter is not None:
        pkt = segment.pkt
        length = wanted(sock, pkt.data[pkt.transport_header :], segment.header_length)
        if not length:
            return SOCKET_FILTER
        segment.trim(length - segment.header_length)
    return None


class TcpTable:
    """Linux: net/ipv4/tcp_ipv4.c"""

    def __init__(self, context: SocketContext) -> None:
        self.context = context
        self.tcp = TcpContext(context)
        self.tcp.sysctl.bind(context.sysctls)
        self.tcp.begin_again = self._begin_again

    def open(self) -> TcpSocket:
        """socket(AF_INET, SOCK_STREAM, 0)"""
        return TcpSocket(self.tcp)

    def __iter__(self) -> Iterator[Endpoint]:
        """All that `ss` shows: listeners, connections, half-open and ended ones."""
        for listener in self.tcp.listeners:
            assert isinstance(listener, TcpSocket)
            yield listener
        yield from self.tcp.connections.values()

    def explain(self, at: Endpoints) -> tuple[Endpoint | None, list[Candidate]]:
        """The connection that a segment belongs to, and every listener of its port with its score."""
        return self._connection(at), self.tcp.listeners.explain(at)

    def find(self, at: Endpoints) -> InetSocket | Endpoint | None:
        """Whom a segment would be for. Linux: include/net/inet_hashtables.h __inet_lookup()"""
        return self._connection(at) or self.tcp.listeners.find(at)

    # -- segments ------------------------------------------------------------------------------------------

    def tcp_v4_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/tcp_ipv4.c tcp_v4_rcv()"""
        context = self.context
        if pkt.pkt_type != PACKET_HOST:
            return context.drop(pkt, TCP_NOT_FOR_US)
        stats = self.tcp.stats
        stats.InSegs += 1
        data = pkt.data if isinstance(pkt.data, memoryview) else memoryview(pkt.data)
        whole = data[pkt.transport_header :]
        parsed = tcp.parse(whole)
        if isinstance(parsed, Malformed):
            return context.drop(pkt, TCP_TOO_SMALL if parsed is Malformed.HEADER_LENGTH else TCP_MALFORMED)
        is_checked = pkt.offload.needs_checksum
        if not is_checked and transport_sum(header.saddr, header.daddr, IPPROTO_TCP, whole) != 0xFFFF:
            stats.InCsumErrors += 1
            return context.drop(pkt, TCP_CSUM)
        segment = Segment(pkt, header, parsed, whole[parsed.length :])
        reason = self._deliver(segment)
        if reason is not None:
            return context.drop(pkt, reason)
        context.outcomes.delivered += 1

    def _deliver(self, segment: Segment) -> DropReason | None:
        ip = segment.ip
        at = Endpoints(ip.saddr, segment.sport, ip.daddr, segment.dport, seen_on(segment.pkt))
        found = self._connection(at)
        if isinstance(found, Request) and found.is_abandoned:
            found.leave()
            found = None
        if found is not None:
            refused = _refused_by(found.owner, segment)
            return refused or found.receive(segment)
        listener = self.tcp.listeners.find(at)
        if isinstance(listener, TcpSocket):
            refused = _refused_by(listener, segment)
            return refused or listener.receive_as_listener(segment)
        send_reset(self.context, segment)
        return NO_SOCKET

    def _connection(self, at: Endpoints) -> Endpoint | None:
        """Linux: net/ipv4/inet_hashtables.c __inet_lookup_established()"""
        found = self.tcp.connections.get(connection_key(at.daddr, at.dport, at.saddr, at.sport))
        if isinstance(found, TcpSock | TimeWait) and found.ifindex not in (0, at.ifindex):
            return None
        return found

    def _begin_again(self, segment: Segment, isn: int) -> bool:
        """A SYN for what has ended: a listener takes it, if there is one. Linux: tcp_v4_rcv(), TCP_TW_SYN"""
        ip = segment.ip
        at = Endpoints(ip.saddr, segment.sport, ip.daddr, segment.dport, seen_on(segment.pkt))
        listener, ended = self.tcp.listeners.find(at), self._connection(at)
        if not isinstance(listener, TcpSocket) or not isinstance(ended, TimeWait):
            return False
        ended.kill()
        listener.receive_as_listener(segment, isn)
        return True

    def close(self) -> None:
        """The namespace goes: nothing of it may run any more."""
        for end in list(self):
            end.vanish()

    # -- errors --------------------------------------------------------------------------------------------

    def icmp_error(self, error: IcmpError, ifindex: int) -> list[Flow]:
        """Linux: net/ipv4/tcp_ipv4.c tcp_v4_err()"""
        inner, (saddr, daddr) = error.quote, error.addresses
        start = (inner[0] & 15) * 4
        sport, dport, seq = _QUOTED.unpack_from(inner, start)
        found = self._connection(Endpoints(daddr, dport, saddr, sport, ifindex))
        if found is None:
            self.context.snmp.Icmp.InErrors += 1
            return []
        return found.icmp_error(error, seq)
