"""SYN cookies: while half-open connections fill their queue, the peer itself carries what we must know.

    sequence number: | hash of the ends and the peer's sequence, moved by the minute and the MSS's place |
    timestamp:       | our clock …                                  | ECN 1 | SACK 1 | window scale 4 |

Linux: net/ipv4/syncookies.c
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.l3.fib_types import Flow
from pystack.l3.route import Rtable
from pystack.sock.tcp_request import Request
from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_seq import MASK
from pystack.sock.tcp_sizes import route_back
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_window import InitialWindow

_MSS: Final = (536, 1300, 1440, 1460)
_PERIOD: Final = 60.0
_MAX_AGE: Final = 2  # periods
_VALID: Final = _MAX_AGE * _PERIOD  # since the last time that cookies were sent
_COOKIE_BITS: Final = 24
_COOKIE_MASK: Final = (1 << _COOKIE_BITS) - 1
_ENDS: Final = Struct("!IIHHI")
_COUNT: Final = Struct("!I")

_OPTION_BITS: Final = 6
_OPTION_MASK: Final = (1 << _OPTION_BITS) - 1
_NO_WSCALE: Final = 0xF
_SACK: Final = 1 << 4


def send(sk: TcpSock, segment: Segment, route: Rtable, flow: Flow) -> None:
    """Answer a SYN and forget it. Linux: cookie_v4_init_sequence()"""
    places = [place for place, mss in enumerate(_MSS) if mss <= (segment.options.mss or _MSS[0])]
    place = places[-1] if places else 0
    request = Request(sk, segment, 0, route)
    if not request.ts_ok:
        request.sack_ok = request.wscale_ok = False
        request.window = InitialWindow(sk, request.advertised(route), wscale_ok=False)
    request.mss = _MSS[place]
    request.isn = _cookie(sk, segment, segment.seq, _minutes(sk), place)
    sk.tcp.ext.SyncookiesSent += 1
    request.send_synack(route, flow, _timestamp(sk, request))


def check(sk: TcpSock, segment: Segment) -> Request | None:
    """What a cookie stood for, None if it is none of ours. Linux: cookie_v4_check()"""
    listening, tcp_ = sk.listening, sk.tcp
    if not tcp_.sysctl.tcp_syncookies or listening is None:
        return None
    if tcp_.clock.now - listening.last_overflow >= _VALID:
        return None
    peer_isn = segment.seq - 1 & MASK
    place = _place(sk, segment, segment.ack - 1 & MASK, peer_isn)
    if place is None:
        tcp_.ext.SyncookiesFailed += 1
        return None
    ip = segment.ip
    way = route_back(sk, ip.daddr, segment.dport, ip.saddr, segment.sport)
    if way is None:
        return None
    tcp_.ext.SyncookiesRecv += 1
    request = Request(sk, segment, segment.ack - 1 & MASK, way[0])
    request.peer_isn = peer_isn
    request.mss = _MSS[place]
    request.resent = 1  # nobody knows when the SYN-ACK was sent
    _decode(request, segment)
    return request


def _decode(request: Request, segment: Segment) -> None:
    """Linux: net/ipv4/syncookies.c cookie_timestamp_decode()"""
    bits = _NO_WSCALE
    if request.ts_ok:
        bits = segment.options.tsecr - request.ts_offset & _OPTION_MASK
    request.sack_ok = bool(bits & _SACK)
    request.snd_wscale = bits & 0xF
    request.wscale_ok = request.snd_wscale != _NO_WSCALE
    sysctl = request.tcp.sysctl
    request.wscale_ok &= bool(sysctl.tcp_window_scaling)
    request.sack_ok &= bool(sysctl.tcp_sack)
    if not request.wscale_ok:
        request.snd_wscale = 0
    request.window = InitialWindow(request.listener, request.mss, wscale_ok=request.wscale_ok)


def _timestamp(sk: TcpSock, request: Request) -> int | None:
    """Linux: net/ipv4/syncookies.c cookie_init_timestamp()"""
    if not request.ts_ok:
        return None
    bits = (request.snd_wscale if request.wscale_ok else _NO_WSCALE) | (_SACK if request.sack_ok else 0)
    now = sk.tcp.now_ms
    stamp = now >> _OPTION_BITS << _OPTION_BITS | bits
    if stamp > now:
        stamp -= 1 << _OPTION_BITS
    return stamp + request.ts_offset & MASK


def _minutes(sk: TcpSock) -> int:
    return int(sk.tcp.clock.now / _PERIOD)


def _hash(sk: TcpSock, segment: Segment, count: int, kind: bytes) -> int:
    ends = _ENDS.pack(segment.ip.saddr, segment.ip.daddr, segment.sport, segment.dport, count)
    return sk.tcp.digest(b"cookie", kind, ends)


def _cookie(sk: TcpSock, segment: Segment, seq: int, count: int, data: int) -> int:
    """Linux: net/ipv4/syncookies.c secure_tcp_syn_cookie()"""
    moved = _hash(sk, segment, count, b"1") + data & _COOKIE_MASK
    return _hash(sk, segment, 0, b"0") + seq + (count << _COOKIE_BITS) + moved & MASK


def _place(sk: TcpSock, segment: Segment, cookie: int, seq: int) -> int | None:
    """Linux: net/ipv4/syncookies.c check_tcp_syn_cookie()"""
    count = _minutes(sk)
    rest = cookie - _hash(sk, segment, 0, b"0") - seq & MASK
    age = count - (rest >> _COOKIE_BITS) & MASK >> _COOKIE_BITS
    if age >= _MAX_AGE:
        return None
    place = rest - _hash(sk, segment, count - age, b"1") & _COOKIE_MASK
    return place if place < len(_MSS) else None
