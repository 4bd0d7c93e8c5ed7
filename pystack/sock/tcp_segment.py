"""A segment that came in, and a piece of the stream that goes out."""

from __future__ import annotations

from typing import NamedTuple

from pystack.packet import Packet
from pystack.sock.receive_queue import truesize
from pystack.sock.tcp_seq import MASK
from pystack.wire import tcp
from pystack.wire.checksum import Buffer
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.tcp import TcpHeader
from pystack.wire.tcp_options import TcpOptions, parse


class Segment:
    """What came in. Linux: include/net/tcp.h struct tcp_skb_cb, with the header behind it"""

    __slots__ = (
        "ack",
        "dport",
        "end_seq",
        "flags",
        "header_length",
        "ip",
        "mss",
        "options",
        "payload",
        "pkt",
        "seq",
        "sport",
        "tcp",
        "truesize",
        "urgent",
        "window",
    )

    def __init__(self, pkt: Packet, ip: Ipv4Header, header: TcpHeader, payload: Buffer) -> None:
        self.pkt = pkt
        self.ip = ip
        self.tcp = header
        self.sport = header.sport
        self.dport = header.dport
        self.seq = header.seq
        self.ack = header.ack
        self.flags = flags = header.flags
        self.window = header.window
        self.urgent = header.urgent
        self.header_length = header.length
        self.options: TcpOptions = parse(header.options)
        self.payload = payload
        sequenced = len(payload) + (flags & tcp.FIN) + (1 if flags & tcp.SYN else 0)
        self.end_seq = (header.seq + sequenced) & MASK
        self.mss = pkt.offload.gso_size or len(payload)  # of the segments that a large one was made of
        self.truesize = truesize(len(pkt.data) - pkt.network_header)

    def trim(self, length: int) -> None:
        """Keep so much of the payload: a socket's filter wants no more."""
        self.end_seq = self.end_seq - (len(self.payload) - length) & MASK
        self.payload = self.payload[:length]


class Waiting(NamedTuple):
    """Data that came before what precedes it."""

    seq: int
    end_seq: int
    payload: bytes
    has_fin: bool
    truesize: int


class Piece:
    """Part of the stream that goes out as one, be it cut later. Linux: struct sk_buff"""

    __slots__ = (
        "data",
        "end_seq",
        "flags",
        "is_lost",
        "is_resent",
        "mss",
        "segments",
        "sent_at",
        "seq",
        "was_resent",
    )

    def __init__(self, seq: int, data: bytearray | bytes, flags: int) -> None:
        self.seq = seq
        self.data = data
        self.flags = flags
        self.end_seq = (seq + len(data) + (1 if flags & (tcp.SYN | tcp.FIN) else 0)) & MASK
        self.segments = 1  # of MSS octets. Linux: tcp_skb_pcount()
        self.mss = 0  # with which they were cut
        self.sent_at = 0.0  # the last time
        self.is_lost = False
        self.is_resent = False  # since it was last found lost
        self.was_resent = False  # ever: its round trip tells nothing

    def split(self, at: int) -> Piece:
        """Keep the first octets, and give back the rest. Linux: net/ipv4/tcp_output.c tso_fragment()"""
        rest = Piece((self.seq + at) & MASK, self.data[at:], self.flags)
        rest.sent_at, rest.is_lost = self.sent_at, self.is_lost
        rest.is_resent, rest.was_resent = self.is_resent, self.was_resent
        rest.mss = self.mss
        self.data = self.data[:at]
        self.flags &= ~(tcp.FIN | tcp.PSH)
        self.end_seq = (self.seq + at) & MASK
        return rest
