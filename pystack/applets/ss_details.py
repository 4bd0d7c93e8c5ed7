"""What `ss` tells of sockets besides: which one it is (-e), its memory (-m), and all of them in sums (-s).

Linux differs: a socket has a user, an inode of which it is the file, and a control group.
"""

from __future__ import annotations

from pystack.applets.proc_sockets import PAGE
from pystack.netns import Netns
from pystack.sock.context import SocketContext
from pystack.sock.inet import InetSocket
from pystack.sock.tcp_context import Endpoint
from pystack.sock.tcp_request import Request
from pystack.sock.tcp_sizes import queued_cost
from pystack.sock.tcp_sock import RCV_SHUTDOWN, SEND_SHUTDOWN, TcpSock
from pystack.sock.tcp_states import COUNTED_AS_ESTABLISHED
from pystack.sock.tcp_timewait import TimeWait


def details_text(end: InetSocket | Endpoint, context: SocketContext) -> str:
    """Reading: iproute2 misc/ss.c sock_details_print(), inet_show_sock()"""
    assert isinstance(end, InetSocket | Request | TimeWait)
    text = f" ino:0 sk:{context.cookie_of(end):x}"
    mark = end.mark if isinstance(end, InetSocket) else 0
    if mark:
        text += f" fwmark:0x{mark:x}"
    if not isinstance(end, InetSocket):
        return text
    shutdown = end.shutdown if isinstance(end, TcpSock) else 0
    return f"{text} {'-' if shutdown & RCV_SHUTDOWN else '<'}-{'-' if shutdown & SEND_SHUTDOWN else '>'}"


def memory_text(sock: InetSocket | Endpoint) -> str:
    """` skmem:(…)`; nothing of what is no socket. Reading: iproute2 misc/ss.c print_skmeminfo()"""
    if isinstance(sock, TcpSock):
        received, limit, sent = sock.rcvq_truesize, sock.rcvbuf, queued_cost(sock)
    elif isinstance(sock, InetSocket):
        received, limit, sent = sock.queue.held, sock.queue.limit, 0
    else:
        return ""
    left = -(received + sent) % PAGE
    parts = f"r{received},rb{limit},t0,tb{sock.sndbuf},f{left},w{sent},o0,bl0,d{sock.queue.dropped}"
    return f" skmem:({parts})"


def summary(netns: Netns) -> list[str]:
    """Linux: iproute2 misc/ss.c print_summary()"""
    socks = [end for end in netns.tcp if isinstance(end, TcpSock)]
    udp, raw = len(list(netns.udp.ports)), len(netns.raw.sockets)
    tcp = netns.tcp.tcp
    established = sum(sk.state in COUNTED_AS_ESTABLISHED for sk in socks)
    closed = sum(not sk.num for sk in socks) + tcp.time_waits
    lines = [
        f"Total: {len(socks) + udp + raw}",
        f"TCP:   {len(socks) + tcp.time_waits} (estab {established}, closed {closed}, "
        f"orphaned {tcp.orphans}, timewait {tcp.time_waits})",
        "",
        "Transport Total     IP        IPv6",
    ]
    counts = {"RAW": raw, "UDP": udp, "TCP": len(socks), "INET": raw + udp + len(socks), "FRAG": 0}
    return [*lines, *(f"{name}\t  {count:<9} {count:<9} {0:<9}" for name, count in counts.items()), ""]
