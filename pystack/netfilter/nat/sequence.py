"""Sequence numbers of connections into which something was inserted, or from which something was taken out.

    sender's numbers        ... 100 | 101 ...
    receiver's, 5 inserted  ... 100 | 106 ...      position 100, before 0, after 5

Linux: net/netfilter/nf_conntrack_seqadj.c
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.netfilter.conntrack.conn import Conn, Shifting
from pystack.netfilter.conntrack.info import IPS_SEQ_ADJUST, direction
from pystack.netfilter.conntrack.tcp_segment import after, before
from pystack.packet import Packet
from pystack.wire import tcp, tcp_options
from pystack.wire.checksum import update32
from pystack.wire.tcp import ACK, HEADER_LENGTH

_MASK: Final = 0xFFFFFFFF
_SEQ_AT, _ACK_AT, _OFFSET_AT, _FLAGS_AT = 4, 8, 12, 13


class Shift:
    """Of one direction: by how much numbers are moved up to a position, and behind it."""

    __slots__ = ("after", "before", "position")

    def __init__(self) -> None:
        self.position = self.before = self.after = 0

    def of(self, seq: int) -> int:
        """For a number as its sender counts. Linux: nf_ct_seq_offset()"""
        return self.after if after(seq, self.position) else self.before

    def undone(self, seq: int) -> int:
        """A number as the receiver counts, as its sender does."""
        offset = self.after if after(seq - self.before & _MASK, self.position) else self.before
        return seq - offset & _MASK


class Shifts(Shifting):
    """Of both directions. Linux: struct nf_conn_seqadj"""

    __slots__ = ("by_direction",)

    def __init__(self) -> None:
        self.by_direction = Shift(), Shift()


def note_inserted(conn: Conn, way: int, seq: int, octets: int) -> None:
    """So many octets more, or fewer, are in the segment that begins at `seq`. Linux: nf_ct_seqadj_set()"""
    if not octets:
        return
    shift = _shifts(conn).by_direction[way]
    conn.status |= IPS_SEQ_ADJUST
    if shift.before == shift.after or before(shift.position, seq):
        shift.position = seq
        shift.before = shift.after
        shift.after += octets


def offset_at(conn: Conn, way: int, seq: int) -> int:
    """Linux: nf_ct_seq_offset()"""
    shifts = None if conn.extension is None else conn.extension.shifting
    return shifts.by_direction[way].of(seq) if isinstance(shifts, Shifts) else 0


def adjust(pkt: Packet, conn: Conn, transport: int) -> bool:
    """Let both ends see numbers that they know; False if the header is cut off. Linux: nf_ct_seq_adjust()"""
    if len(pkt.data) < transport + HEADER_LENGTH:
        return False
    way, shifts = direction(pkt.ctinfo), _shifts(conn).by_direction
    ours, theirs = shifts[way], shifts[1 - way]
    segment = _Segment(pkt, transport)
    seq = segment.number(_SEQ_AT)
    segment.put(_SEQ_AT, seq + ours.of(seq) & _MASK)
    if segment.data[transport + _FLAGS_AT] & ACK:
        segment.put(_ACK_AT, theirs.undone(segment.number(_ACK_AT)))
        return segment.adjust_sacks(theirs)
    return True


class _Segment:
    """Where its numbers are written to."""

    def __init__(self, pkt: Packet, transport: int) -> None:
        self.data = pkt.writable()
        self._at = transport
        self._is_summed = not pkt.offload.needs_checksum  # a sum that is owed knows nothing of them

    def number(self, offset: int) -> int:
        """32 bits of the header."""
        at = self._at + offset
        return int.from_bytes(self.data[at : at + 4], "big")

    def put(self, offset: int, new: int) -> None:
        """Other 32 bits, and the sum with them."""
        old, at = self.number(offset), self._at + offset
        self.data[at : at + 4] = new.to_bytes(4, "big")
        if self._is_summed:
            where = self._at + tcp.CHECK_OFFSET
            check = update32(int.from_bytes(self.data[where : where + 2], "big"), old, new)
            self.data[where : where + 2] = check.to_bytes(2, "big")

    def adjust_sacks(self, shift: Shift) -> bool:
        """Blocks that were received; False if the options are cut off. Linux: nf_ct_sack_adjust()"""
        end = min((self.data[self._at + _OFFSET_AT] >> 4) * 4, len(self.data) - self._at)
        for offset, size in self._options(end):
            if size < 2:
                return False
            blocks, rest = divmod(size - 2, tcp_options.SACK_PER_BLOCK)
            if self.data[self._at + offset] == tcp_options.SACK and blocks and not rest:
                for edge in range(offset + 2, offset + size, 4):
                    self.put(edge, shift.undone(self.number(edge)))
        return True

    def _options(self, end: int) -> Iterator[tuple[int, int]]:
        """Where each is, and how long; the length 0 is one that is cut off."""
        offset = HEADER_LENGTH
        while offset < end and self.data[self._at + offset] != tcp_options.EOL:
            if self.data[self._at + offset] == tcp_options.NOP:
                offset += 1
                continue
            size = self.data[self._at + offset + 1] if offset + 1 < end else 0
            if size < 2 or offset + size > end:
                yield offset, 0
                return
            yield offset, size
            offset += size


def _shifts(conn: Conn) -> Shifts:
    extension = conn.extended()
    if not isinstance(extension.shifting, Shifts):
        extension.shifting = Shifts()
    return extension.shifting
