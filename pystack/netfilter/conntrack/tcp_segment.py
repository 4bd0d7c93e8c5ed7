"""A TCP segment as the tracker looks at it."""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.netfilter.conntrack.tcp_states import Flags, kind_of
from pystack.netfilter.conntrack.tcp_track import BE_LIBERAL, SACK_PERM, WINDOW_SCALE, Side
from pystack.wire import tcp, tcp_options
from pystack.wire.checksum import Buffer
from pystack.wire.tcp import ACK, FIN, HEADER, HEADER_LENGTH, RST, SYN, URG
from pystack.wire.tcp_options import MAX_WSCALE, TIMESTAMP_ALIGNED

_U32: Final = Struct("!I")
_SACK_MINIMUM: Final = 10
_TIMESTAMP_ONLY: Final = 0x0101080A
_COUNTED: Final = SYN | FIN  # they take a number, as an octet does
_KINDS: Final = tuple(kind_of(flags) for flags in range(256))
_OTHERS: Final = FIN | SYN | RST | ACK | URG  # than PSH, ECE and CWR, which are always allowed
# That any stack would send together. Linux: tcp_valid_flags
_VALID: Final = frozenset(
    {
        SYN,
        SYN | URG,
        SYN | ACK,
        RST,
        RST | ACK,
        FIN | ACK,
        FIN | ACK | URG,
        ACK,
        ACK | URG,
    }
)
VALID_FLAGS: Final = frozenset(flags for flags in range(256) if flags & _OTHERS in _VALID)


def before(left: int, right: int) -> bool:
    """Linux: include/net/tcp.h before()"""
    return (left - right) & 0x80000000 != 0


def after(left: int, right: int) -> bool:
    """Linux: include/net/tcp.h after()"""
    return (right - left) & 0x80000000 != 0


class Segment:
    """Its numbers, and its options as octets."""

    __slots__ = ("ack", "end", "flags", "kind", "options", "seq", "window")

    def __init__(self, seq: int, ack: int, flags: int, window: int, length: int, options: bytes) -> None:
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.window = window
        self.end = seq + length & 0xFFFFFFFF
        if flags & _COUNTED:
            self.end = self.end + bool(flags & SYN) + bool(flags & FIN) & 0xFFFFFFFF
        self.options = options
        self.kind: Flags = _KINDS[flags]


def read(data: Buffer, transport: int) -> Segment | None:
    """The segment there; None if its header is not whole."""
    length = len(data) - transport
    if length < HEADER_LENGTH:
        return None
    _, _, seq, ack, offset, flags, window, _, _ = HEADER.unpack_from(data, transport)
    header = (offset >> 4) * 4
    if header < HEADER_LENGTH or length < header:
        return None
    options = bytes(data[transport + HEADER_LENGTH : transport + header]) if header > HEADER_LENGTH else b""
    return Segment(seq, ack, flags, window, length - header, options)


def note_options(segment: Segment, side: Side) -> None:
    """Take over from a SYN what its sender can. Linux: nf_conntrack_proto_tcp.c tcp_options()"""
    if not segment.options:
        return
    side.scale = 0
    side.flags &= BE_LIBERAL
    for kind, value in _options(segment.options):
        if kind == tcp_options.SACK_PERM and not value:
            side.flags |= SACK_PERM
        elif kind == tcp_options.WINDOW and len(value) == 1:
            side.scale = min(value[0], MAX_WSCALE)
            side.flags |= WINDOW_SCALE


def highest_sack(segment: Segment) -> int:
    """The right edge of what was acknowledged, the selective blocks included. Linux: tcp_sack()"""
    options, highest = segment.options, segment.ack
    if not options:
        return highest
    if len(options) == TIMESTAMP_ALIGNED and _U32.unpack_from(options)[0] == _TIMESTAMP_ONLY:
        return highest
    for kind, value in _options(options):
        size = len(value)
        if kind == tcp_options.SACK and size >= 8 and size % 8 == 0:
            for at in range(4, size, 8):
                edge = _U32.unpack_from(value, at)[0]
                if after(edge, highest):
                    highest = edge
            return highest
    return highest


def _options(options: bytes) -> list[tuple[int, bytes]]:
    """All up to the first that is cut off."""
    found, at, end = [], 0, len(options)
    while at < end and options[at] != tcp.OPTION_END:
        if options[at] == tcp.OPTION_NOP:
            at += 1
            continue
        size = options[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            break
        found.append((options[at], options[at + 2 : at + size]))
        at += size
    return found
