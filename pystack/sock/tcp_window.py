"""How much the peer may send us: the receive buffer, and the window that is told of it.

The buffer counts what packets cost in memory, the window counts data; `scaling_ratio` turns one into the
other.
"""

from __future__ import annotations

from typing import Final

from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_seq import MASK
from pystack.sock.tcp_sock import ATO_MIN, INITIAL_WINDOW, MIN_MSS, MSS_DEFAULT, TcpSock
from pystack.wire import tcp
from pystack.wire.tcp import HEADER_LENGTH
from pystack.wire.tcp_options import MAX_WSCALE, TIMESTAMP_ALIGNED

MAX_QUICKACKS: Final = 16
LARGEST_WINDOW: Final = 0xFFFF  # of the header's field
_RATIO_BITS: Final = 8
_RMEM_MAX: Final = 4_194_304
_MIN_CLAMP: Final = 1152


class InitialWindow:
    """What a SYN announces. Linux: net/ipv4/tcp_output.c tcp_select_initial_window()"""

    __slots__ = ("clamp", "window", "wscale")

    def __init__(self, sk: TcpSock, mss: int, *, wscale_ok: bool) -> None:
        space = full_space(sk)
        most = space if sk.rcvbuf_is_locked else LARGEST_WINDOW << MAX_WSCALE
        if space > mss:
            space = space // mss * mss
        self.window = space  # though the SYN itself can tell of 64 KiB only
        self.wscale = 0
        if wscale_ok:
            space = min(max(space, sk.tcp.sysctl.tcp_rmem[2], _RMEM_MAX), most)
            self.wscale = min(max(space.bit_length() - 16, 0), MAX_WSCALE)
        self.clamp = min(LARGEST_WINDOW << self.wscale, most)


def win_from_space(sk: TcpSock, space: int) -> int:
    """Linux: include/net/tcp.h tcp_win_from_space()"""
    return space * sk.scaling_ratio >> _RATIO_BITS


def space_from_win(sk: TcpSock, window: int) -> int:
    """Linux: include/net/tcp.h tcp_space_from_win()"""
    return (window << _RATIO_BITS) // sk.scaling_ratio


def full_space(sk: TcpSock) -> int:
    """Linux: include/net/tcp.h tcp_full_space()"""
    return win_from_space(sk, sk.rcvbuf)


def free_space(sk: TcpSock) -> int:
    """Linux: include/net/tcp.h tcp_space()"""
    return win_from_space(sk, sk.rcvbuf - sk.rcvq_truesize)


def receive_window(sk: TcpSock) -> int:
    """What is left of the window that was announced last. Linux: include/net/tcp.h tcp_receive_window()"""
    left = sk.rcv_wup + sk.rcv_wnd - sk.rcv_nxt & MASK
    return left if left <= 0x7FFFFFFF else 0


def init_buffer_space(sk: TcpSock) -> None:
    """The connection opens. Linux: net/ipv4/tcp_input.c tcp_init_buffer_space()"""
    most = full_space(sk)
    sk.window_clamp = min(sk.window_clamp, most)
    if sk.window_clamp > 2 * sk.adv_mss and sk.window_clamp + sk.adv_mss > most:
        sk.window_clamp = max(2 * sk.adv_mss, most - sk.adv_mss)
    sk.rcv_ssthresh = min(sk.rcv_ssthresh, sk.window_clamp)
    sk.space = min(sk.rcv_ssthresh, sk.rcv_wnd, INITIAL_WINDOW * sk.adv_mss)
    sk.space_seq, sk.space_since = sk.copied_seq, sk.tcp.clock.now


def initialize_rcv_mss(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_initialize_rcv_mss()"""
    hint = min(sk.adv_mss, sk.mss, sk.rcv_wnd // 2, MSS_DEFAULT)
    sk.rcv_mss = max(hint, MIN_MSS)


def candidate(sk: TcpSock) -> int:
    """The window that memory allows. Linux: net/ipv4/tcp_output.c __tcp_select_window()"""
    free, allowed = free_space(sk), full_space(sk)
    full = min(sk.window_clamp, allowed)
    mss = min(sk.rcv_mss, full)
    if mss <= 0:
        return 0
    if free < full >> 1:
        sk.quick = 0
        free = max(free >> sk.rcv_wscale << sk.rcv_wscale, 0)
        if free < allowed >> 4 or free < mss:
            return 0
    free = min(free, sk.rcv_ssthresh)
    if sk.rcv_wscale:
        return _align(free, sk.rcv_wscale)
    window = sk.rcv_wnd
    if window <= free - mss or window > free:
        return free // mss * mss
    if mss == full and free > window + (full >> 1):
        return free
    return window


def select_window(sk: TcpSock) -> int:
    """The header's field for a segment that leaves now: what was once offered stays offered.

    Linux: net/ipv4/tcp_output.c tcp_select_window()
    """
    old, left, ext = sk.rcv_wnd, receive_window(sk), sk.tcp.ext
    new = candidate(sk)
    if new < left:
        if not new:
            ext.TCPWantZeroWindowAdv += 1
        new = _align(left, sk.rcv_wscale)
    sk.rcv_wnd, sk.rcv_wup = new, sk.rcv_nxt
    field = min(new, LARGEST_WINDOW << sk.rcv_wscale) >> sk.rcv_wscale
    if not field and old:
        ext.TCPToZeroWindowAdv += 1
    elif field and not old:
        ext.TCPFromZeroWindowAdv += 1
    return field


def _align(window: int, wscale: int) -> int:
    """Up to what can be told, so that nothing is scaled away."""
    return (window + (1 << wscale) - 1) >> wscale << wscale


# -- what comes in -----------------------------------------------------------------------------------------


def measure_rcv_mss(sk: TcpSock, segment: Segment) -> None:
    """How long the peer's full segments are. Linux: net/ipv4/tcp_input.c tcp_measure_rcv_mss()"""
    length = segment.mss
    if length >= sk.rcv_mss:
        sk.last_length = 0
        if length != sk.rcv_mss:
            _measure_ratio(sk, segment)
        sk.rcv_mss = min(length, sk.adv_mss)
        if segment.flags & tcp.PSH:
            sk.ack_pushed = True  # likely the end of what the peer's program wrote
        return
    last, sk.last_length = sk.last_length, 0
    length += segment.header_length
    is_whole = not segment.flags & (tcp.PSH | tcp.FIN | tcp.URG | tcp.SYN)
    if length >= MSS_DEFAULT + HEADER_LENGTH or (length >= MIN_MSS + HEADER_LENGTH and is_whole):
        sk.last_length = length - HEADER_LENGTH - (TIMESTAMP_ALIGNED if sk.ts_ok else 0)
        if sk.last_length == last:
            sk.rcv_mss = last
            return
    if sk.ack_pushed:
        sk.ack_pushed_twice = True
    sk.ack_pushed = True


def _measure_ratio(sk: TcpSock, segment: Segment) -> None:
    ratio = (len(segment.payload) << _RATIO_BITS) // max(segment.truesize, 1) or 1
    ratio = min(ratio, 255)
    if ratio != sk.scaling_ratio:
        sk.scaling_ratio = ratio
        set_window_clamp(sk, win_from_space(sk, sk.rcvbuf))
        sk.space = min(sk.space, sk.window_clamp)


def set_window_clamp(sk: TcpSock, value: int) -> None:
    """Linux: net/ipv4/tcp.c tcp_set_window_clamp()"""
    old, new = sk.window_clamp, max(_MIN_CLAMP, value)
    sk.window_clamp = new
    if new < old:
        sk.rcv_ssthresh = min(sk.rcv_ssthresh, new)
    elif new > old:
        sk.rcv_ssthresh = max(min(sk.rcv_wnd, new), sk.rcv_ssthresh)


def grow_window(sk: TcpSock, length: int, cost: int) -> None:
    """Let the window grow while segments are worth their memory. Linux: tcp_grow_window()"""
    room = min(sk.window_clamp, free_space(sk)) - sk.rcv_ssthresh
    if room <= 0:
        return
    if win_from_space(sk, cost) <= length:
        more = 2 * sk.adv_mss
    else:
        more = _modest_growth(sk, cost, length)
    if more:
        sk.rcv_ssthresh += min(room, max(more, 2 * length))
        sk.quick |= 1


def _modest_growth(sk: TcpSock, cost: int, length: int) -> int:
    """Linux: net/ipv4/tcp_input.c __tcp_grow_window()"""
    cost = win_from_space(sk, cost) >> 1
    window = win_from_space(sk, sk.tcp.sysctl.tcp_rmem[2]) >> 1
    while sk.rcv_ssthresh <= window:
        if cost <= length:
            return 2 * sk.rcv_mss
        cost >>= 1
        window >>= 1
    return 0


# -- when to acknowledge -----------------------------------------------------------------------------------


def raise_quickacks(sk: TcpSock, most: int = MAX_QUICKACKS) -> None:
    """Acknowledge the next segments at once. Linux: net/ipv4/tcp_input.c tcp_incr_quickack()"""
    wanted = sk.rcv_wnd // (2 * sk.rcv_mss) or 2
    sk.quick = max(sk.quick, min(wanted, most))


def enter_quickack(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_enter_quickack_mode()"""
    raise_quickacks(sk)
    sk.pingpong = 0
    sk.ato = ATO_MIN


def is_pingpong(sk: TcpSock) -> bool:
    """Whether the program answers what it reads, so that an ACK may ride on the answer."""
    return sk.pingpong >= sk.tcp.sysctl.tcp_pingpong_thresh
