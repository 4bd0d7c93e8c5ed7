"""/proc/net/tcp, /proc/net/udp, /proc/net/sockstat: the sockets of a namespace as the kernel writes them.

Linux: net/ipv4/tcp_ipv4.c tcp4_seq_show(), net/ipv4/udp.c udp4_seq_show(),
net/ipv4/proc.c sockstat_seq_show()

Linux differs: an inode, a user and a place in memory belong to each socket; here they are 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pystack.netns import Netns
from pystack.sock.inet import InetSocket
from pystack.sock.tcp_context import Endpoint
from pystack.sock.tcp_request import Request
from pystack.sock.tcp_seq import distance
from pystack.sock.tcp_sizes import queued_cost
from pystack.sock.tcp_sock import INFINITE_SSTHRESH, TcpSock
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_timewait import TimeWait
from pystack.sock.tcp_window import is_pingpong

PAGE: Final = 4096
_TICKS: Final = 100  # a second, as user space counts them (USER_HZ)
_FRACTION: Final = 1e-6
_TCP_WIDTH: Final = 149
_UDP_WIDTH: Final = 127
_TCP_HEAD: Final = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
)
_UDP_HEAD: Final = (
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    " ref pointer drops"
)
_NOWHERE: Final = f"{0:016x}"
_ON, _KEEPALIVE, _TIMEWAIT, _PROBE = 1, 2, 3, 4


def tcp_text(netns: Netns) -> str:
    """/proc/net/tcp"""
    rows = [f"{number:4}: {_tcp_row(end)}" for number, end in enumerate(netns.tcp)]
    return "".join(f"{row:<{_TCP_WIDTH}}\n" for row in (_TCP_HEAD, *rows))


def udp_text(netns: Netns) -> str:
    """/proc/net/udp"""
    rows = [f"{number:5}: {_udp_row(sock)}" for number, sock in enumerate(netns.udp.ports)]
    return "".join(f"{row:<{_UDP_WIDTH}}\n" for row in (_UDP_HEAD, *rows))


def sockstat_text(netns: Netns) -> str:
    """/proc/net/sockstat"""
    socks = [end for end in netns.tcp if isinstance(end, TcpSock)]
    datagrams, raw = list(netns.udp.ports), list(netns.raw.sockets)
    tcp = netns.tcp.tcp
    in_use = sum(sk.num > 0 for sk in socks)
    lines = (
        f"sockets: used {len(socks) + len(datagrams) + len(raw)}",
        f"TCP: inuse {in_use} orphan {tcp.orphans} tw {tcp.time_waits} alloc {len(socks)} "
        f"mem {pages(sk.rcvq_truesize + queued_cost(sk) for sk in socks)}",
        f"UDP: inuse {len(datagrams)} mem {pages(sock.queue.held for sock in datagrams)}",
        "UDPLITE: inuse 0",
        f"RAW: inuse {len(raw)}",
        "FRAG: inuse 0 memory 0",
    )
    return "".join(f"{line}\n" for line in lines)


def pages(octets: Iterable[int]) -> int:
    """How many of memory sockets hold; each has its own."""
    return sum(-(-held // PAGE) for held in octets)


def _address(address: int, port: int) -> str:
    """In the order of a little-endian machine."""
    return f"{int.from_bytes(address.to_bytes(4, 'big'), 'little'):08X}:{port:04X}"


def _ticks(seconds: float) -> int:
    """Whole ones, as the kernel says: the rest is cut off, but not what binary fractions lack."""
    return max(int(seconds * _TICKS + _FRACTION), 0)


def _tcp_row(end: Endpoint) -> str:
    if isinstance(end, Request):
        ours, our_port, theirs, their_port = end.ends
        ends = f"{_address(ours, our_port)} {_address(theirs, their_port)}"
        return f"{ends} 03 {0:08X}:{0:08X} 01:{0:08X} {end.timeouts:08X} {0:5} {0:8} 0 0 {_NOWHERE}"
    if isinstance(end, TimeWait):
        ends = f"{_address(end.rcv_saddr, end.num)} {_address(end.daddr, end.dport)}"
        left = _ticks(end.timer.deadline - end.tcp.clock.now)
        waits = f"{_TIMEWAIT:02X}:{left:08X} {0:08X}"
        return f"{ends} {end.state:02X} {0:08X}:{0:08X} {waits} {0:5} {0:8} 0 3 {_NOWHERE}"
    assert isinstance(end, TcpSock)
    sk = end
    name = f"{_address(sk.rcv_saddr, sk.num)} {_address(sk.daddr, sk.dport)}"
    if sk.listening is not None:
        received, congestion = len(sk.listening.accepted), f"{sk.cwnd} 0"
    else:
        received = distance(sk.copied_seq, sk.rcv_nxt)
        congestion = f"{sk.cwnd} {-1 if sk.ssthresh == INFINITE_SSTHRESH else sk.ssthresh}"
    sent = distance(sk.snd_una, sk.write_seq)
    kind, left = _timer(sk)
    quick = sk.quick << 1 | is_pingpong(sk)
    return (
        f"{name} {sk.state:02X} {sent:08X}:{received:08X} {kind:02X}:{left:08X} {sk.retransmits:08X} {0:5} "
        f"{sk.probes_out:8} 0 1 {_NOWHERE} {_ticks(sk.rto)} {_ticks(sk.ato)} {quick} {congestion}"
    )


def _timer(sk: TcpSock) -> tuple[int, int]:
    if sk.retransmit_timer.pending:
        return (_PROBE if sk.timer_is_probe else _ON), _ticks(sk.retransmit_timer.seconds_left)
    if sk.keepalive_timer.pending:
        return _KEEPALIVE, _ticks(sk.keepalive_timer.seconds_left)
    return 0, 0


def _udp_row(sock: InetSocket) -> str:
    state = TcpState.ESTABLISHED if sock.is_connected else TcpState.CLOSE
    ends = f"{_address(sock.rcv_saddr, sock.num)} {_address(sock.daddr, sock.dport)}"
    queues = f"{0:08X}:{sock.queue.held:08X}"
    return f"{ends} {state:02X} {queues} 00:{0:08X} {0:08X} {0:5} {0:8} 0 2 {_NOWHERE} {sock.queue.dropped}"
