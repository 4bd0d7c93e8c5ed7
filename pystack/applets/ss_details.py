"""What `ss` tells of sockets besides: their memory (-m), and all of them in sums (-s)."""

from __future__ import annotations

from pystack.applets.proc_sockets import PAGE
from pystack.netns import Netns
from pystack.sock.inet import InetSocket
from pystack.sock.tcp_context import Endpoint
from pystack.sock.tcp_sizes import queued_cost
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_states import COUNTED_AS_ESTABLISHED


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
