"""Which data we hold out of order, as the peer is told it (RFC 2018), and which came twice (RFC 2883).

Linux: net/ipv4/tcp_input.c tcp_sack_new_ofo_skb(), tcp_dsack_set()
"""

from __future__ import annotations

from typing import Final

from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_seq import after, before, distance
from pystack.sock.tcp_sock import TcpSock

_MOST: Final = 4


def add(sk: TcpSock, seq: int, end: int) -> None:
    """The newest block comes first, grown by those that it touches."""
    if not sk.sack_ok:
        return
    blocks = sk.sack_blocks
    touching = [block for block in blocks if not after(seq, block[1]) and not after(block[0], end)]
    for low, high in touching:
        seq = low if before(low, seq) else seq
        end = high if after(high, end) else end
    others = [block for block in blocks if block not in touching]
    sk.sack_blocks = [(seq, end), *others][:_MOST]


def forget_old(sk: TcpSock) -> None:
    """What is in order now is acknowledged anyway. Linux: tcp_sack_remove()"""
    if not sk.ooo:
        sk.sack_blocks.clear()
    else:
        sk.sack_blocks = [block for block in sk.sack_blocks if before(sk.rcv_nxt, block[0])]


def set_duplicate(sk: TcpSock, seq: int, end: int) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_dsack_set()"""
    if not sk.sack_ok or not sk.tcp.sysctl.tcp_dsack:
        return
    if before(seq, sk.rcv_nxt):
        sk.tcp.ext.TCPDSACKOldSent += 1
    else:
        sk.tcp.ext.TCPDSACKOfoSent += 1
    sk.dsack = seq, end


def extend_duplicate(sk: TcpSock, seq: int, end: int) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_dsack_extend()"""
    if sk.dsack is None:
        return set_duplicate(sk, seq, end)
    low, high = sk.dsack
    if not after(seq, high) and not after(low, end):
        sk.dsack = (seq if before(seq, low) else low), (end if after(end, high) else high)


# -- what the peer tells -----------------------------------------------------------------------------------


def note_duplicate(sk: TcpSock, segment: Segment) -> int:
    """The peer got something twice; how many segments of it we had sent again.

    Linux: net/ipv4/tcp_input.c tcp_check_dsack(), tcp_dsack_seen()
    """
    if not sk.sack_ok:
        return 0
    (start, end), *others = segment.options.sacks
    ext, counts = sk.tcp.ext, sk.counts
    if before(start, segment.ack):
        ext.TCPDSACKRecv += 1
    elif others and not after(end, others[0][1]) and not before(start, others[0][0]):
        ext.TCPDSACKOfoRecv += 1
    else:
        return 0
    length = distance(start, end)
    if not before(start, end) or length > sk.max_window:
        ext.TCPDSACKIgnoredDubious += 1
        return 0
    segments = max((length + sk.mss - 1) // sk.mss, 1)
    counts.dsack_dups += segments
    if counts.dsack_dups > counts.total_retrans:
        ext.TCPDSACKIgnoredDubious += 1
        return 0
    ext.TCPDSACKRecvSegs += segments
    return segments
