"""TCP options (RFC 7323, RFC 2018), read and written as Linux orders them."""

from __future__ import annotations

from struct import Struct
from typing import Final

EOL: Final = 0
NOP: Final = 1
MSS: Final = 2
WINDOW: Final = 3
SACK_PERM: Final = 4
SACK: Final = 5
TIMESTAMP: Final = 8

MAX_WSCALE: Final = 14
TIMESTAMP_ALIGNED: Final = 12  # octets of a header that the timestamp takes
SACK_BASE_ALIGNED: Final = 4
SACK_PER_BLOCK: Final = 8
MAX_SPACE: Final = 40

Block = tuple[int, int]  # from one sequence number up to another

_U16: Final = Struct("!H")
_PAIR: Final = Struct("!II")
_TIMESTAMPS: Final = Struct("!HHII")  # the usual form: NOP NOP TIMESTAMP 10, then both values
_NOP_NOP: Final = 0x0101
_TIMESTAMP_10: Final = TIMESTAMP << 8 | 10
_SACK_PERM_2: Final = SACK_PERM << 8 | 2


class TcpOptions:
    """What a header says in its options; None where it says nothing."""

    __slots__ = ("mss", "sack_perm", "sacks", "tsecr", "tsval", "wscale")

    def __init__(self) -> None:
        self.mss: int | None = None
        self.wscale: int | None = None
        self.sack_perm = False
        self.sacks: tuple[Block, ...] = ()
        self.tsval: int | None = None
        self.tsecr = 0


NO_OPTIONS: Final = TcpOptions()  # never written to


def parse(options: bytes) -> TcpOptions:
    """All that makes sense; what is cut off ends the search. Linux: tcp_input.c tcp_parse_options()"""
    if not options:
        return NO_OPTIONS
    found = TcpOptions()
    if len(options) == TIMESTAMP_ALIGNED:
        pad, kind, tsval, tsecr = _TIMESTAMPS.unpack(options)
        if pad == _NOP_NOP and kind == _TIMESTAMP_10:
            found.tsval, found.tsecr = tsval, tsecr
            return found
    at, end = 0, len(options)
    while at < end and options[at] != EOL:
        if options[at] == NOP:
            at += 1
            continue
        size = options[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            break
        _read(found, options[at], options[at + 2 : at + size])
        at += size
    return found


def _read(found: TcpOptions, kind: int, value: bytes) -> None:
    size = len(value)
    if kind == MSS and size == 2:
        found.mss = _U16.unpack(value)[0] or found.mss
    elif kind == WINDOW and size == 1:
        found.wscale = min(value[0], MAX_WSCALE)
    elif kind == SACK_PERM and not size:
        found.sack_perm = True
    elif kind == TIMESTAMP and size == 8:
        found.tsval, found.tsecr = _PAIR.unpack(value)
    elif kind == SACK and size and size % SACK_PER_BLOCK == 0:
        found.sacks = tuple(_PAIR.iter_unpack(value))


def build_syn(mss: int, timestamps: Block | None, sack_perm: bool, wscale: int | None) -> bytes:
    """The options of a SYN or SYN-ACK. Linux: net/ipv4/tcp_output.c tcp_options_write()"""
    parts = [bytes((MSS, 4)) + _U16.pack(mss)]
    if timestamps is not None:
        parts.append(_TIMESTAMPS.pack(_SACK_PERM_2 if sack_perm else _NOP_NOP, _TIMESTAMP_10, *timestamps))
    elif sack_perm:
        parts.append(bytes((NOP, NOP, SACK_PERM, 2)))
    if wscale is not None:
        parts.append(bytes((NOP, WINDOW, 3, wscale)))
    return b"".join(parts)


def build(tsval: int | None, tsecr: int, sacks: list[Block]) -> bytes:
    """The options of every other segment."""
    options = b"" if tsval is None else _TIMESTAMPS.pack(_NOP_NOP, _TIMESTAMP_10, tsval, tsecr)
    if not sacks:
        return options
    room = MAX_SPACE - len(options) - SACK_BASE_ALIGNED
    blocks = sacks[: room // SACK_PER_BLOCK]
    head = bytes((NOP, NOP, SACK, 2 + SACK_PER_BLOCK * len(blocks)))
    return options + head + b"".join(_PAIR.pack(*block) for block in blocks)
