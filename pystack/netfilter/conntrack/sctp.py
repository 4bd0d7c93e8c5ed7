"""Tracking of SCTP: states by chunks, and the verification tags that keep strangers out.

Linux: net/netfilter/nf_conntrack_proto_sctp.c
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import IPS_ASSURED, ORIGINAL, REPLY, direction
from pystack.netfilter.conntrack.sctp_states import TRANSITIONS, Chunk, State
from pystack.netfilter.conntrack.tuples import IPPROTO_SCTP
from pystack.netfilter.conntrack.verdict import Tracked
from pystack.netfilter.hooks import PREROUTING, HookState
from pystack.packet import Packet
from pystack.wire.checksum import Buffer
from pystack.wire.crc32c import crc32c
from pystack.wire.virtio import DATA_VALID, NEEDS_CSUM

_HEADER_LENGTH: Final = 12
_VTAG_AT: Final = 4
_CHECK_AT: Final = 8
_CHUNK: Final = Struct("!BBH")
_INIT_LENGTH: Final = 16  # of what follows an INIT's chunk header
_TAG: Final = Struct("=I")  # Linux compares and prints them as they lie in memory
_REFLECTED: Final = 1  # chunk flag T: the tag is the other side's

# Chunks that cannot begin an association; chunks whose tag has rules of its own (RFC 9260 8.5.1).
_OUT_OF_THE_BLUE: Final = frozenset({Chunk.ABORT, Chunk.SHUTDOWN_COMPLETE, Chunk.COOKIE_ACK})
_OWN_TAG_RULES: Final = frozenset(
    {
        Chunk.INIT,
        Chunk.SHUTDOWN_COMPLETE,
        Chunk.COOKIE_ECHO,
        Chunk.ABORT,
        Chunk.SHUTDOWN_ACK,
        Chunk.HEARTBEAT,
        Chunk.HEARTBEAT_ACK,
    }
)
_ALONE: Final = frozenset({Chunk.INIT, Chunk.INIT_ACK, Chunk.SHUTDOWN_COMPLETE})
_FIRST: Final = frozenset({Chunk.COOKIE_ACK, Chunk.COOKIE_ECHO})
_CAN_GO: Final = frozenset({State.SHUTDOWN_SENT, State.SHUTDOWN_RECD, State.SHUTDOWN_ACK_SENT})

_LAYOUT: Final = Struct("=BBBBBII")


class SctpTrack:
    """Linux: struct ip_ct_sctp"""

    __slots__ = ("heartbeat_failed", "inits", "last_dir", "state", "tags")

    def __init__(
        self,
        state: int = 0,
        last_dir: int = 0,
        failed: int = 0,
        inits: int = 0,
        tags: tuple[int, int] = (0, 0),
    ) -> None:
        self.state = State(state)
        self.last_dir = last_dir
        self.heartbeat_failed = bool(failed)
        self.inits = [inits & 1, inits >> 1]
        self.tags = list(tags)  # by direction

    def pack(self) -> bytes:
        """As it is kept."""
        inits = self.inits[0] | self.inits[1] << 1
        return _LAYOUT.pack(self.state, self.last_dir, self.heartbeat_failed, inits, 0, *self.tags)

    @classmethod
    def unpack(cls, octets: bytes) -> SctpTrack:
        """What pack() gave."""
        state, last_dir, failed, inits, _, first, second = _LAYOUT.unpack(octets)
        return cls(state, last_dir, failed, inits, (first, second))


class _Refused(Exception):
    """The packet does not fit."""


Chunks = list[tuple[int, int, int, int]]  # type, flags, length, where


class SctpTracker:
    """Linux: nf_conntrack_l4proto_sctp"""

    allow_clash = False

    def __init__(self, context: TrackContext) -> None:
        self._context = context

    def packet(self, conn: Conn, pkt: Packet, transport: int, state: HookState) -> Tracked:
        """Linux: nf_conntrack_sctp_packet()"""
        fault = self._fault(pkt, transport, state)
        if fault is not None:
            self._context.invalid(pkt, state, IPPROTO_SCTP, fault)
            return Tracked.INVALID
        chunks = list(_chunks(pkt.data, transport))
        tag = _tag(pkt.data, transport + _VTAG_AT)
        try:
            self._check_order(chunks, pkt, state)
            crossing = _Crossing(self._context, conn, self._known(conn, chunks, tag, pkt.data), tag, pkt)
        except _Refused:
            return Tracked.INVALID
        try:
            crossing.check_tag(chunks, state)
            new = crossing.run(chunks, state)
        except _Refused:
            return Tracked.INVALID
        finally:
            conn.proto = crossing.track.pack()  # what was learned before a fault stays
        if not crossing.ignored:
            self._context.refresh(conn, pkt, self._timeout(new))
        return Tracked.FITS

    def can_early_drop(self, conn: Conn) -> bool:
        """Whether it is closing anyway. Linux: sctp_can_early_drop()"""
        return isinstance(conn.proto, bytes) and SctpTrack.unpack(conn.proto).state in _CAN_GO

    def _timeout(self, state: State) -> int:
        return self._context.conf.sctp_timeout(state) if state is not State.NONE else 0

    def _fault(self, pkt: Packet, transport: int, state: HookState) -> str | None:
        """Linux: sctp_error()"""
        packet = bytes(pkt.data[transport:])
        if len(packet) < _HEADER_LENGTH:
            return "nf_ct_sctp: short packet "
        trusted = pkt.offload.flags & (NEEDS_CSUM | DATA_VALID)
        if state.hook != PREROUTING or not self._context.conf.checksum or trusted:
            return None
        bare = packet[:_CHECK_AT] + bytes(4) + packet[_HEADER_LENGTH:]
        if int.from_bytes(packet[_CHECK_AT:_HEADER_LENGTH], "little") != crc32c(bare):
            return "nf_ct_sctp: bad CRC "
        return None

    def _check_order(self, chunks: Chunks, pkt: Packet, state: HookState) -> None:
        """Some chunks must come first, or alone. Linux: do_basic_checks()"""
        alone = False
        for number, (kind, _, length, _) in enumerate(chunks):
            alone |= kind in _ALONE
            if ((kind in _FIRST or alone) and number) or not length:
                swapped = (length & 255) << 8 | length >> 8
                text = f"chunk num {number}, type {kind}, len {swapped} flag {alone:d}\n"
                self._context.invalid(pkt, state, IPPROTO_SCTP, f"do_basic_checks failed. {text}")
                raise _Refused
        if not chunks:
            raise _Refused

    def _known(self, conn: Conn, chunks: Chunks, tag: int, data: Buffer) -> SctpTrack:
        """What is known of the association; of one that begins, what its first packet says.

        Linux: sctp_new()
        """
        if conn.is_confirmed:
            assert isinstance(conn.proto, bytes), "an association keeps an SctpTrack"
            return SctpTrack.unpack(conn.proto)
        track = SctpTrack()
        if any(kind in _OUT_OF_THE_BLUE for kind, *_ in chunks):
            raise _Refused
        for kind, _, _, at in chunks:
            if kind not in TRANSITIONS[ORIGINAL]:
                raise _Refused
            if kind == Chunk.INIT:
                if tag:
                    raise _Refused
                track.tags[REPLY] = _init_tag(data, at)
            elif kind == Chunk.HEARTBEAT:
                track.tags[ORIGINAL] = tag
            elif kind == Chunk.SHUTDOWN_ACK:
                track.tags[REPLY] = tag
        return track


class _Crossing:
    """One packet of one association."""

    def __init__(self, context: TrackContext, conn: Conn, track: SctpTrack, tag: int, pkt: Packet) -> None:
        self.context = context
        self.conn = conn
        self.track = track
        self.tag = tag
        self.pkt = pkt
        self.way = direction(pkt.ctinfo)
        self.ignored = False  # let through, but it keeps nothing alive

    def check_tag(self, chunks: Chunks, state: HookState) -> None:
        """RFC 9260 8.5"""
        expected = self.track.tags[self.way]
        if any(kind in _OWN_TAG_RULES for kind, *_ in chunks) or self.tag == expected:
            return
        text = f"verification tag check failed {self.tag:x} vs {expected:x} for dir {self.way}"
        self.context.invalid(self.pkt, state, IPPROTO_SCTP, text)
        raise _Refused

    def run(self, chunks: Chunks, state: HookState) -> State:
        """The state that the association is in now."""
        new, has_data = State.NONE, any(kind == Chunk.DATA for kind, *_ in chunks)
        for kind, flags, _, at in chunks:
            if not self._tag_is_good(kind, flags, has_data=has_data):
                continue
            old = self.track.state
            row = TRANSITIONS[self.way].get(kind)
            new = old if row is None else row[old]
            if new is State.MAX:
                text = f"Invalid, old_state {old:d}, dir {self.way}, type {kind}"
                self.context.invalid(self.pkt, state, IPPROTO_SCTP, text)
                raise _Refused
            if kind == Chunk.INIT:
                self._note_init(_init_tag(self.pkt.data, at), old, new)
            elif kind == Chunk.INIT_ACK:
                self._note_init_ack(_init_tag(self.pkt.data, at))
            self._enter(old, new)
        return new

    def _tag_is_good(self, kind: int, flags: int, *, has_data: bool) -> bool:
        """False: the chunk is passed over. RFC 9260 8.5.1"""
        own, peers = self.track.tags[self.way], self.track.tags[1 - self.way]
        if kind == Chunk.INIT and self.tag:
            raise _Refused
        if kind in (Chunk.ABORT, Chunk.SHUTDOWN_COMPLETE):
            if self.tag != (peers if flags & _REFLECTED else own):
                raise _Refused
        elif kind == Chunk.COOKIE_ECHO and self.tag != own:
            raise _Refused
        elif kind == Chunk.COOKIE_ACK:
            self.track.inits = [0, 0]
        elif kind == Chunk.HEARTBEAT:
            return self._heartbeat(own, has_data=has_data)
        elif kind == Chunk.HEARTBEAT_ACK:
            self._heartbeat_ack(own, has_data=has_data)
        return True

    def _heartbeat(self, own: int, *, has_data: bool) -> bool:
        track = self.track
        if not own:
            track.tags[self.way] = self.tag
        elif self.tag != own:
            if has_data or self.ignored:
                raise _Refused
            track.heartbeat_failed, track.last_dir = True, self.way
            self.ignored = True
            return False
        else:
            track.heartbeat_failed = False
        return True

    def _heartbeat_ack(self, own: int, *, has_data: bool) -> None:
        track = self.track
        if not own:
            track.tags[self.way] = self.tag
        elif self.tag != own:
            if has_data or self.ignored or not track.heartbeat_failed or track.last_dir == self.way:
                raise _Refused
            track.heartbeat_failed = False
            track.tags[self.way], track.tags[1 - self.way] = self.tag, 0
        else:
            track.heartbeat_failed = False

    def _note_init(self, tag: int, old: State, new: State) -> None:
        track, other = self.track, 1 - self.way
        if old is State.NONE or track.tags[other] != tag:
            if track.inits[self.way] and track.inits[other]:
                track.inits[other] = 0
            track.inits[self.way] = 1
        track.tags[other] = tag
        if new is State.CLOSED and old is State.CLOSED and self.conn.is_confirmed:
            self.ignored = True  # INITs alone keep nothing alive

    def _note_init_ack(self, tag: int) -> None:
        track, other = self.track, 1 - self.way
        known = track.tags[other]
        if not track.inits[other] and known and known != tag:
            raise _Refused
        if track.inits[self.way] and track.inits[other] and known != tag:
            raise _Refused
        track.tags[other] = tag

    def _enter(self, old: State, new: State) -> None:
        self.track.state = new
        if new is old:
            return
        self.context.note(self.conn, Event.PROTOINFO)
        if new is State.ESTABLISHED and not self.conn.status & IPS_ASSURED:
            self.conn.status |= IPS_ASSURED
            self.context.note(self.conn, Event.ASSURED)


def _chunks(data: Buffer, transport: int) -> Iterator[tuple[int, int, int, int]]:
    at = transport + _HEADER_LENGTH
    while at + _CHUNK.size <= len(data):
        kind, flags, length = _CHUNK.unpack_from(data, at)
        yield kind, flags, length, at
        if not length:
            return
        at += length + 3 & ~3


def _tag(data: Buffer, at: int) -> int:
    tag: int = _TAG.unpack_from(data, at)[0]
    return tag


def _init_tag(data: Buffer, at: int) -> int:
    if at + _CHUNK.size + _INIT_LENGTH > len(data):
        raise _Refused
    return _tag(data, at + _CHUNK.size)
