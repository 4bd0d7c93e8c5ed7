"""TCP numbers relative to the first one of who sends them: so two stacks can be compared, and be spoken to by
one who does not know beforehand which number a stack will choose.

A stack's first number is that of its SYN. Timestamps count from the last one that it sent with a SYN or data:
that of an ACK in between may be a moment later on one side, and there be no echo of what opened a connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from struct import Struct
from typing import Final, NamedTuple

from pystack.compare.points import framed
from pystack.compare.records import Captured, Frame, Hop, Record
from pystack.wire.checksum import transport_sum, update32, verifies
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.icmp import ERROR_TYPES, HEADER_LENGTH
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP
from pystack.wire.tcp import ACK, RST, SYN
from pystack.wire.tcp_options import EOL, NOP, SACK, TIMESTAMP

_MASK: Final = 0xFFFFFFFF
_NUMBER: Final = Struct("!I")
_SEQ, _ACK, _OFFSET, _FLAGS, _CHECK = 4, 8, 12, 13, 16
_SHORTEST: Final = 20
_ICMP_CHECK: Final = 2
_NEAR: Final = 1 << 22  # a reset may carry a number that a peer made up

Ends = tuple[bytes, bytes]  # address and port of the sender, and of the other


class _Found(NamedTuple):
    """Where a TCP header stands in a frame."""

    at: int
    end: int  # of the segment
    ends: Ends
    quote: bool  # in an ICMP error
    checksum: int  # where the sum stands that covers it; 0 if it does not hold


class FirstNumbers:
    """What the stacks behind some frames began with."""

    def __init__(self) -> None:
        self._first: dict[Ends, int] = {}
        self._stamp: dict[Ends, int] = {}

    def note(self, frame: bytes) -> None:
        """A frame that a stack sent."""
        found = _find(frame)
        if found is None or found.quote:
            return
        is_syn = bool(frame[found.at + _FLAGS] & SYN)
        if is_syn:
            self._first[found.ends] = _read(frame, found.at + _SEQ)
        if not is_syn and found.at + (frame[found.at + _OFFSET] >> 4) * 4 >= found.end:
            return
        for kind, at, _ in _options(frame, found):
            if kind == TIMESTAMP and at + 10 <= found.end:
                self._stamp[found.ends] = _read(frame, at + 2)

    def absolute(self, frame: bytes) -> bytes:
        """What a peer says in numbers relative to the stack's, in those that the stack knows."""
        found = _find(frame)
        if found is None:
            return frame
        whose = found.ends if found.quote else found.ends[::-1]
        places = [found.at + _SEQ] if found.quote else list(_of_other(frame, found))
        changed = _Change(frame, found)
        changed.add(places, self._first.get(whose, 0))
        if not found.quote:
            changed.add(_stamps(frame, found), self._stamp.get(whose, 0))
        return changed.done()

    def relative(self, frame: bytes) -> bytes:
        """The other way round, of whatever passes; of timestamps only what is echoed to a stack."""
        found = _find(frame)
        if found is None or not self._first:
            return frame
        first, other = self._first.get(found.ends, 0), self._first.get(found.ends[::-1], 0)
        if not first and not other:
            return frame
        changed = _Change(frame, found)
        number = _read(frame, found.at + _SEQ)
        if found.quote or not _is_made_up(frame, found, number - first):
            changed.add([found.at + _SEQ], -first)
        changed.add(_of_other(frame, found), -other)
        if not found.quote and found.ends[::-1] in self._stamp:
            changed.add(_stamps(frame, found), -self._stamp[found.ends[::-1]])
        return changed.done()


def relative_records(records: Sequence[Record]) -> list[Record]:
    """What one side yielded, its TCP numbers counted from where each of its ends began."""
    entered = {
        found.ends
        for record in records
        if isinstance(record, Frame)
        and record.dir == "in"
        and (found := _find(record.data)) is not None
        and not found.quote
    }
    numbers = FirstNumbers()
    return [_relative_record(record, numbers, entered) for record in records]


def _relative_record(record: Record, numbers: FirstNumbers, entered: set[Ends]) -> Record:
    if not isinstance(record, Frame | Captured | Hop):
        return record
    frame = framed(record) if isinstance(record, Hop) else record.data
    found = _find(frame)
    if found is None:
        return record
    if found.ends not in entered:
        numbers.note(frame)
    changed = numbers.relative(frame)
    return record if changed is frame else replace(record, data=changed[len(frame) - len(record.data) :])


class _Change:
    """A frame whose numbers change, and with them the sum over them, if it held."""

    def __init__(self, frame: bytes, found: _Found) -> None:
        self._frame = bytearray(frame)
        self._check = found.checksum

    def add(self, places: Iterator[int] | list[int], number: int) -> None:
        frame, check = self._frame, self._check
        for at in places:
            if not number or at + 4 > len(frame):
                continue
            old = _read(frame, at)
            new = old + number & _MASK
            _NUMBER.pack_into(frame, at, new)
            if check:
                held = int.from_bytes(frame[check : check + 2], "big")
                if (at - check) % 2:
                    old, new = _swapped(old), _swapped(new)
                frame[check : check + 2] = update32(held, old, new).to_bytes(2, "big")

    def done(self) -> bytes:
        return bytes(self._frame)


def _swapped(number: int) -> int:
    """As it counts in a sum of halves where it begins in the middle of one."""
    return (number << 8 | number >> 24) & _MASK


def _is_made_up(frame: bytes, found: _Found, distance: int) -> bool:
    """A reset that no ACK belongs to carries the number that the peer acknowledged, whatever that was."""
    flags = frame[found.at + _FLAGS]
    return bool(flags & RST) and not -_NEAR < (distance + (1 << 31) & _MASK) - (1 << 31) < _NEAR


def _of_other(frame: bytes, found: _Found) -> Iterator[int]:
    """Where numbers of the other side stand: what is acknowledged, and the blocks of a SACK."""
    flags = frame[found.at + _FLAGS : found.at + _FLAGS + 1]
    if flags and flags[0] & ACK:
        yield found.at + _ACK
    for kind, at, size in _options(frame, found):
        if kind == SACK:
            yield from range(at + 2, at + size - 3, 4)


def _stamps(frame: bytes, found: _Found) -> list[int]:
    """Where echoes of timestamps stand."""
    return [at + 6 for kind, at, size in _options(frame, found) if kind == TIMESTAMP and size == 10]


def _options(frame: bytes, found: _Found) -> Iterator[tuple[int, int, int]]:
    """Kind, place and length of each."""
    if found.at + _SHORTEST > found.end:
        return
    at, end = found.at + _SHORTEST, min(found.at + (frame[found.at + _OFFSET] >> 4) * 4, found.end)
    while at < end and frame[at] != EOL:
        size = 1 if frame[at] == NOP else frame[at + 1] if at + 1 < end else 0
        if not size or at + size > end:
            return
        yield frame[at], at, size
        at += size


def _find(frame: bytes) -> _Found | None:
    """The TCP header of a frame, or of what an ICMP error in it quotes."""
    at = _ip_at(frame, ETH_HLEN) if frame[12:14] == b"\x08\x00" else 0
    if not at:
        return None
    protocol = frame[ETH_HLEN + 9]
    end = min(ETH_HLEN + int.from_bytes(frame[ETH_HLEN + 2 : ETH_HLEN + 4], "big"), len(frame))
    if protocol == IPPROTO_TCP:
        return _found_tcp(frame, ETH_HLEN, at, end)
    if protocol != IPPROTO_ICMP or at + HEADER_LENGTH > end or frame[at] not in ERROR_TYPES:
        return None
    inner = at + HEADER_LENGTH
    segment = _ip_at(frame, inner)
    if not segment or frame[inner + 9] != IPPROTO_TCP or segment + _ACK > end:
        return None
    holds = verifies(frame[at:end])
    return _Found(segment, end, _ends(frame, inner, segment), True, at + _ICMP_CHECK if holds else 0)


def _ip_at(frame: bytes, at: int) -> int:
    """Where the payload of an IPv4 packet begins, 0 if it is none, or the rest of a larger one."""
    if len(frame) < at + 20 or frame[at] >> 4 != 4 or (frame[at + 6] & 0x1F or frame[at + 7]):
        return 0
    return at + (frame[at] & 15) * 4


def _found_tcp(frame: bytes, ip: int, at: int, end: int) -> _Found | None:
    if at + _SHORTEST > end:
        return None
    saddr, daddr = (int.from_bytes(frame[ip + place : ip + place + 4], "big") for place in (12, 16))
    holds = transport_sum(saddr, daddr, IPPROTO_TCP, frame[at:end]) == 0xFFFF
    return _Found(at, end, _ends(frame, ip, at), False, at + _CHECK if holds else 0)


def _ends(frame: bytes, ip: int, at: int) -> Ends:
    return frame[ip + 12 : ip + 16] + frame[at : at + 2], frame[ip + 16 : ip + 20] + frame[at + 2 : at + 4]


def _read(frame: bytes | bytearray, at: int) -> int:
    return int(_NUMBER.unpack_from(frame, at)[0])
