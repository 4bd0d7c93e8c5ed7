"""What knocks at a listener: SYNs, and ACKs that may bring a cookie back.

Linux: net/ipv4/tcp_input.c tcp_conn_request(), net/ipv4/tcp_ipv4.c tcp_v4_cookie_check()
"""

from __future__ import annotations

from pystack.drop import NO_SOCKET, TCP_FLAGS, TCP_LISTEN_OVERFLOW, TCP_RESET, TCP_SYN_FLOOD, DropReason
from pystack.l3.route import RTCF_BROADCAST, RTCF_MULTICAST, Rtable
from pystack.sock import tcp_cookies
from pystack.sock.tcp_request import Request, accept_clone
from pystack.sock.tcp_reset import send_reset
from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_sizes import route_back
from pystack.sock.tcp_sock import TcpSock
from pystack.wire import tcp


def receive(sk: TcpSock, segment: Segment, isn: int = 0) -> DropReason | None:
    """Take a segment for a listener; `isn`: where to begin after a connection that has just ended."""
    flags = segment.flags
    if not flags & tcp.SYN and flags & tcp.ACK and not flags & tcp.RST:
        return _take_cookie(sk, segment)
    if flags & tcp.ACK and not flags & tcp.RST:
        send_reset(sk.context, segment)
        return TCP_FLAGS
    if flags & tcp.RST:
        return TCP_RESET
    if not flags & tcp.SYN or flags & tcp.FIN:
        return TCP_FLAGS
    return _conn_request(sk, segment, isn)


def _conn_request(sk: TcpSock, segment: Segment, isn: int) -> DropReason | None:
    """Linux: net/ipv4/tcp_input.c tcp_conn_request()"""
    tcp_, listening, route = sk.tcp, sk.listening, segment.pkt.route
    assert listening is not None
    if isinstance(route, Rtable) and route.flags & (RTCF_BROADCAST | RTCF_MULTICAST):
        return _drop(sk, TCP_FLAGS)
    cookies = tcp_.sysctl.tcp_syncookies
    wants_cookie = False
    if (cookies == 2 or listening.has_many_requests) and not isn:
        if not cookies:
            tcp_.ext.TCPReqQFullDrop += 1
            return _drop(sk, TCP_SYN_FLOOD)
        tcp_.ext.TCPReqQFullDoCookies += 1
        wants_cookie = True
    if listening.is_full:
        tcp_.ext.ListenOverflows += 1
        return _drop(sk, TCP_LISTEN_OVERFLOW)
    most = tcp_.sysctl.tcp_max_syn_backlog
    if not cookies and not isn and most - len(listening.requests) < most >> 2:
        return _drop(sk, TCP_SYN_FLOOD)
    ip = segment.ip
    way = route_back(sk, ip.daddr, segment.dport, ip.saddr, segment.sport)
    if way is None:
        return _drop(sk, NO_SOCKET)
    if wants_cookie:
        listening.last_overflow = tcp_.clock.now
        tcp_cookies.send(sk, segment, *way)
        return None
    start = isn or tcp_.initial_sequence(ip.daddr, ip.saddr, segment.dport, segment.sport)
    request = Request(sk, segment, start, way[0])
    request.enqueue()
    request.send_synack(*way)
    return None


def _drop(sk: TcpSock, reason: DropReason) -> DropReason:
    """Linux: include/net/tcp.h tcp_listendrop()"""
    sk.queue.dropped += 1
    sk.tcp.ext.ListenDrops += 1
    return reason


def _take_cookie(sk: TcpSock, segment: Segment) -> DropReason | None:
    """Linux: net/ipv4/syncookies.c cookie_v4_check()"""
    listening = sk.listening
    assert listening is not None
    request = tcp_cookies.check(sk, segment)
    if request is None:
        send_reset(sk.context, segment)
        return TCP_FLAGS
    if listening.is_full:
        sk.tcp.ext.ListenOverflows += 1
        return _drop(sk, TCP_LISTEN_OVERFLOW)
    return accept_clone(request, segment)
