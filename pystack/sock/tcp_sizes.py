"""How long a segment may be, and how much of the stream is gathered for one.

Linux: net/ipv4/tcp_output.c tcp_current_mss(), net/ipv4/tcp.c tcp_xmit_size_goal()
"""

from __future__ import annotations

from typing import Final

from pystack.errors import NetError
from pystack.l3.fib_types import IPTOS_RT_MASK, Flow
from pystack.l3.route import Rtable
from pystack.sock.tcp_sock import INITIAL_WINDOW, MSS_DEFAULT, TcpSock
from pystack.wire import tcp
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_TCP
from pystack.wire.tcp_options import (
    MAX_SPACE,
    SACK_BASE_ALIGNED,
    SACK_PER_BLOCK,
    TIMESTAMP_ALIGNED,
    Block,
)

GSO_MAX_SIZE: Final = 65536 - 321  # what Linux lets a large segment be, headers taken off
LONGEST_MTU: Final = 0xFFFF
_MIN_ADVMSS: Final = 256
_SHORTEST_DATAGRAM: Final = 68  # that every way must carry whole
HEADERS: Final = HEADER_LENGTH + tcp.HEADER_LENGTH
_SEGMENT_EXTRA: Final = 512  # headers and the kernel's own data beside a segment
_SEGMENT_HEAD: Final = 256
_MAX_SACKS: Final = 4
_PIECE_COST: Final = 832  # of a packet besides its data, measured


def advertised_mss(route: Rtable) -> int:
    """Linux: net/ipv4/route.c ipv4_default_advmss()"""
    metrics = {} if route.result is None else route.result.info.metrics
    if metrics.get("advmss"):
        return metrics["advmss"]
    return max(min(route.mtu, LONGEST_MTU) - HEADERS, _MIN_ADVMSS)


def sync_mss(sk: TcpSock, pmtu: int) -> None:
    """The way's MTU is this now. Linux: net/ipv4/tcp_output.c tcp_sync_mss()"""
    sk.pmtu = pmtu = min(pmtu, LONGEST_MTU)
    mss = max(min(pmtu - HEADERS, sk.mss_clamp), sk.tcp.sysctl.tcp_min_snd_mss)
    if sk.ts_ok:
        mss -= TIMESTAMP_ALIGNED
    sk.mss = _bound_to_half_window(sk, mss)


def sync_first_mss(sk: TcpSock, pmtu: int) -> None:
    """The same before the peer has answered: with the options that we offer. Linux: tcp_connect_init()"""
    sync_mss(sk, pmtu)
    if sk.tcp.sysctl.tcp_timestamps:
        sk.mss -= TIMESTAMP_ALIGNED


def _bound_to_half_window(sk: TcpSock, size: int) -> int:
    """A peer with a tiny buffer must not wait for half of it. Linux: tcp_bound_to_half_wnd()"""
    cutoff = sk.max_window >> 1 if sk.max_window > MSS_DEFAULT else sk.max_window
    if cutoff and size > cutoff:
        header = tcp.HEADER_LENGTH + (TIMESTAMP_ALIGNED if sk.ts_ok else 0)
        return max(cutoff, _SHORTEST_DATAGRAM - header)
    return size


def current_mss(sk: TcpSock) -> int:
    """What fits into a segment that leaves now. Linux: net/ipv4/tcp_output.c tcp_current_mss()"""
    route = way_of(sk)
    if route is not None:
        mtu = min(route.mtu, LONGEST_MTU)
        if mtu != sk.pmtu:
            sync_mss(sk, mtu)
    return sk.mss - octets_of_sacks(sk)


def octets_of_sacks(sk: TcpSock) -> int:
    """What blocks take from a segment."""
    blocks = sacks_to_tell(sk)
    return SACK_BASE_ALIGNED + SACK_PER_BLOCK * len(blocks) if blocks else 0


def size_goal(sk: TcpSock, mss: int) -> int:
    """How long a piece of the stream may grow. Linux: net/ipv4/tcp.c tcp_xmit_size_goal()"""
    size = _bound_to_half_window(sk, GSO_MAX_SIZE)
    return max(size // mss * mss, mss)


def expand_sndbuf(sk: TcpSock) -> None:
    """Room for two windows of full segments. Linux: net/ipv4/tcp_input.c tcp_sndbuf_expand()"""
    if sk.sndbuf_is_locked:
        return
    cost = 1 << (max(min(sk.mss_clamp, LONGEST_MTU), sk.mss) + _SEGMENT_EXTRA - 1).bit_length()
    room = 2 * max(INITIAL_WINDOW, sk.cwnd) * (cost + _SEGMENT_HEAD)
    sk.sndbuf = max(sk.sndbuf, min(room, sk.tcp.sysctl.tcp_wmem[2]))


def queued_cost(sk: TcpSock) -> int:
    """What all that was not acknowledged costs of the send buffer. Linux: sk->sk_wmem_queued"""
    return sk.write_queued + _PIECE_COST * (len(sk.write_queue) + len(sk.rtx_queue))


def note_room(sk: TcpSock) -> None:
    """Tell the program that it may send on, once a third is free. Linux: tcp_input.c tcp_check_space()"""
    if sk.wants_room:
        if sk.packets_out < sk.cwnd:
            expand_sndbuf(sk)
        if queued_cost(sk) * 3 <= sk.sndbuf * 2:
            sk.wants_room = False
            sk.on_event()


def way_of(sk: TcpSock) -> Rtable | None:
    """The way to the peer; None while there is none. Linux: __sk_dst_check()"""
    try:
        return sk.way_to_peer()[0]
    except NetError:
        return None


def route_back(
    sk: TcpSock, ours: int, our_port: int, theirs: int, their_port: int
) -> tuple[Rtable, Flow] | None:
    """The way for an answer that a listener gives."""
    flow = Flow(
        theirs,
        ours,
        oif=sk.ifindex,
        tos=sk.tos & IPTOS_RT_MASK,
        mark=sk.mark,
        proto=IPPROTO_TCP,
        sport=our_port,
        dport=their_port,
    )
    route = sk.context.router.route_output(flow, any_source=sk.transparent)
    if isinstance(route, Rtable):
        return route, flow
    sk.count_no_route()
    return None


def route_wants_quick_acks(sk: TcpSock) -> bool:
    """Whether the route says that no ACK is to wait (`quickack 1`). Linux: tcp_in_quickack_mode()"""
    result = sk._way[0].result if sk._way is not None else None
    return result is not None and bool(result.info.metrics.get("quickack"))


def sacks_to_tell(sk: TcpSock) -> list[Block]:
    """The blocks that fit, a duplicate first (RFC 2883)."""
    if not sk.sack_blocks and sk.dsack is None:
        return []
    blocks = sk.sack_blocks if sk.dsack is None else [sk.dsack, *sk.sack_blocks]
    room = MAX_SPACE - (TIMESTAMP_ALIGNED if sk.ts_ok else 0) - SACK_BASE_ALIGNED
    return blocks[: min(_MAX_SACKS, room // SACK_PER_BLOCK)]
