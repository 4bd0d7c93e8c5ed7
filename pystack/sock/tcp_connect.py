"""connect(): which addresses and ports a new connection has, and whether it may follow one that just ended.

Linux: net/ipv4/tcp_ipv4.c tcp_v4_connect(), net/ipv4/inet_hashtables.c inet_hash_connect()
"""

from __future__ import annotations

from pystack.errors import EADDRNOTAVAIL, ENETUNREACH, NetError
from pystack.l3.route import RTCF_BROADCAST, RTCF_MULTICAST
from pystack.sock import tcp_open
from pystack.sock.tcp_context import connection_key
from pystack.sock.tcp_end import unhash
from pystack.sock.tcp_seq import MASK
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_states import TcpEvent
from pystack.sock.tcp_timewait import TimeWait
from pystack.wire.ipv4 import is_loopback

_ISN_STEP = 65535 + 2


def connect(sk: TcpSock, daddr: int, dport: int) -> None:
    """Take both ends and send the SYN. Raises NetError, and then nothing has changed."""
    route, flow = sk.route_to(daddr, dport, sk.saddr, is_allowed=True)
    if route.flags & (RTCF_MULTICAST | RTCF_BROADCAST):
        raise NetError(ENETUNREACH)
    bound = sk.rcv_saddr, sk.saddr
    sk.saddr = sk.saddr or flow.saddr
    sk.rcv_saddr = sk.saddr
    sk.daddr, sk.dport = flow.daddr, dport
    sk.forget_route()
    try:
        _take_ends(sk)
        sk.way_to_peer()
    except NetError:
        _give_back_ends(sk)
        sk.rcv_saddr, sk.saddr = bound
        raise
    sk.is_connected = True
    sk._ident = sk.tcp.rng.below(0x10000)
    sk.ts_offset = sk.tcp.timestamp_offset(sk.saddr, sk.daddr)
    isn = sk.write_seq or sk.tcp.initial_sequence(sk.saddr, sk.daddr, sk.num, dport)
    sk.become(TcpEvent.CONNECT)
    tcp_open.start(sk, isn)


def forget_peer(sk: TcpSock) -> None:
    """Be as new, but for what bind() was told. Linux: net/ipv4/tcp.c tcp_disconnect()"""
    sk.is_connected = sk.is_connecting = sk.has_ended = False
    sk.dport = sk.shutdown = sk.write_seq = 0
    sk.srtt = 0.0
    sk.ts_recent_stamp = 0.0
    sk.ts_recent = 0
    if not sk.address_is_locked:
        sk.rcv_saddr = sk.saddr = 0
    sk.forget_route()


def _take_ends(sk: TcpSock) -> None:
    """Linux: net/ipv4/inet_hashtables.c __inet_check_established()"""
    if not sk.num:
        sk.tcp.ports.for_connection(sk, lambda port: _is_free(sk, port))
    elif not _is_free(sk, sk.num):
        raise NetError(EADDRNOTAVAIL)
    sk.key = connection_key(sk.saddr, sk.num, sk.daddr, sk.dport)
    old = sk.tcp.connections.get(sk.key)
    if isinstance(old, TimeWait):
        _follow(sk, old)
    sk.tcp.connections[sk.key] = sk


def _give_back_ends(sk: TcpSock) -> None:
    unhash(sk)
    if sk.num and not sk.port_is_locked:
        sk.tcp.ports.release(sk)
    sk.daddr = sk.dport = 0


def _is_free(sk: TcpSock, port: int) -> bool:
    other = sk.tcp.connections.get(connection_key(sk.saddr, port, sk.daddr, sk.dport))
    return other is None or (isinstance(other, TimeWait) and _may_follow(sk, other))


def _may_follow(sk: TcpSock, old: TimeWait) -> bool:
    """Whether timestamps keep a new connection apart from one that just ended. Linux: tcp_twsk_unique()"""
    sysctl = sk.tcp.sysctl
    is_local = is_loopback(sk.daddr) or is_loopback(sk.saddr)
    if not sysctl.tcp_tw_reuse or (sysctl.tcp_tw_reuse == 2 and not is_local):
        return False
    waited = sk.tcp.clock.now - old.ts_recent_stamp
    return bool(old.ts_recent_stamp) and waited >= sysctl.tcp_tw_reuse_delay / 1000


def _follow(sk: TcpSock, old: TimeWait) -> None:
    sk.write_seq = old.snd_nxt + _ISN_STEP & MASK or 1
    sk.ts_recent, sk.ts_recent_stamp = old.ts_recent, old.ts_recent_stamp
    old.kill()
