"""The socket of `explain --out`: opened in the copy, so that whatever answers its packet finds somebody."""

from __future__ import annotations

from typing import Final

from pystack.errors import EADDRINUSE, NetError
from pystack.explain.sender import Sender
from pystack.netfilter.hooks import OUTPUT, HookState
from pystack.netfilter.verdict import NF_STOLEN
from pystack.netns import Netns
from pystack.packet import Packet
from pystack.sock.tcp_segment import Piece
from pystack.sock.tcp_seq import MASK
from pystack.wire import icmp, tcp, udp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

_BEFORE_ALL: Final = -(1 << 31) - 2  # also before those who look on
_HELD_BACK: Final = "explain's own SYN"


def open_socket(netns: Netns, header: Ipv4Header, payload: bytes, sender: Sender) -> None:
    """One of its kind; if its port is taken, then the one that has it is meant. Raises NetError as bind()."""
    try:
        if header.protocol == IPPROTO_UDP and len(payload) >= udp.HEADER_LENGTH:
            datagrams = netns.udp.open()
            datagrams.ifindex = sender.ifindex
            datagrams.bind(header.saddr, udp.HEADER.unpack_from(payload)[0])
        elif header.protocol == IPPROTO_ICMP and payload[:1] == bytes((icmp.ICMP_ECHO,)):
            answers = netns.raw.open(IPPROTO_ICMP)  # as ping does where it may open no other
            answers.ifindex, answers.recverr = sender.ifindex, True
            answers.icmp_filter = ~(1 << icmp.ICMP_ECHOREPLY)
            answers.bind(header.saddr)
        elif header.protocol == IPPROTO_TCP:
            syn = tcp.parse(payload)
            if isinstance(syn, tcp.TcpHeader) and syn.flags & (tcp.SYN | tcp.ACK) == tcp.SYN:
                _connect(netns, header, syn, sender)
    except NetError as error:
        if error.number != EADDRINUSE:
            raise


def _connect(netns: Netns, header: Ipv4Header, syn: tcp.TcpHeader, sender: Sender) -> None:
    """A connection that begins with the SYN that was asked about, and not with one of its own."""
    sock = netns.tcp.open()
    sock.ifindex, sock.mark = sender.ifindex, sender.mark
    sock.bind(header.saddr, syn.sport)
    held_back = netns.hooks.ip[OUTPUT].register(_hold_back, _BEFORE_ALL, _HELD_BACK)
    try:
        sock.connect(header.daddr, syn.dport)
    except NetError:
        return  # why, is told of the packet itself
    finally:
        netns.hooks.ip[OUTPUT].unregister(held_back)
    sock.snd_una = sock.small_end = syn.seq
    sock.snd_nxt = sock.write_seq = sock.pushed_seq = (syn.seq + 1) & MASK
    sock.rtx_queue.clear()
    sock.rtx_queue.append(Piece(syn.seq, b"", tcp.SYN))


def _hold_back(pkt: Packet, state: HookState) -> int:
    return NF_STOLEN
