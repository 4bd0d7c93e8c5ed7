"""Tracking of TCP: states and windows together, with what Linux learned about stacks that are out of step.

Linux: net/netfilter/nf_conntrack_proto_tcp.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.conf import ConntrackConf
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import (
    IP_CT_IS_REPLY,
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_FIXED_TIMEOUT,
    IPS_SEEN_REPLY,
    IPS_SEQ_ADJUST,
    ORIGINAL,
    REPLY,
)
from pystack.netfilter.conntrack.tcp_segment import VALID_FLAGS, Segment, before, note_options, read
from pystack.netfilter.conntrack.tcp_states import TRANSITIONS, Flags, State
from pystack.netfilter.conntrack.tcp_track import (
    BE_LIBERAL,
    CLOSE_INIT,
    DATA_UNACKNOWLEDGED,
    EXP_CHALLENGE_ACK,
    MAXACK_SET,
    SACK_PERM,
    SIMULTANEOUS_OPEN,
    WINDOW_SCALE,
    Side,
    TcpTrack,
    track_of,
)
from pystack.netfilter.conntrack.tcp_window import Fit, update
from pystack.netfilter.conntrack.verdict import FITS, Tracked
from pystack.netfilter.hooks import HookState
from pystack.packet import Packet
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp import HEADER_LENGTH

_MOST_BUSY: Final = 1024  # connections whose tracks stay unpacked
_PATIENT: Final = 120  # seconds; what expires sooner needs no shortening
_MASK: Final = 0xFFFFFFFF
_STATES: Final = tuple(State)  # by number: a call of the enumeration takes ten times as long
# Nor is the enumeration asked for those that every segment is held against.
_ESTABLISHED: Final = State.ESTABLISHED
_ACK: Final = Flags.ACK
_RST: Final = Flags.RST
_IN_WINDOW: Final = Fit.IN_WINDOW
_SETTLED: Final = IPS_SEEN_REPLY | IPS_ASSURED | IPS_SEQ_ADJUST
_CALM: Final = IPS_SEEN_REPLY | IPS_ASSURED  # of these
_CLOSING: Final = frozenset({State.FIN_WAIT, State.LAST_ACK, State.TIME_WAIT, State.CLOSE, State.CLOSE_WAIT})


class TcpTracker:
    """Linux: nf_conntrack_l4proto_tcp"""

    allow_clash = False

    def __init__(self, context: TrackContext) -> None:
        self._context = context

    def packet(self, conn: Conn, pkt: Packet, transport: int, state: HookState) -> Tracked:
        """Linux: nf_conntrack_tcp_packet()"""
        segment = self._sound_segment(pkt, transport, state)
        if segment is None:
            return Tracked.INVALID
        if conn.status & IPS_CONFIRMED:
            track = conn.kept
            if not isinstance(track, TcpTrack):
                track = self._unpack(conn)
            if track.state == _ESTABLISHED and segment.kind is _ACK and conn.status & _SETTLED == _CALM:
                return self._slide(conn, track, segment, pkt, state)
            return _Crossing(self._context, conn, track, segment, pkt, state).run()
        begun = self._new(segment, pkt, state)
        if begun is None:
            return Tracked.INVALID
        verdict = _Crossing(self._context, conn, begun, segment, pkt, state).run()
        conn.kept = begun.pack()
        return verdict

    def _slide(self, conn: Conn, track: TcpTrack, segment: Segment, pkt: Packet, state: HookState) -> Tracked:
        """What _Crossing would do with a segment that changes nothing but the windows, as nearly all do."""
        context, way = self._context, REPLY if pkt.ctinfo >= IP_CT_IS_REPLY else ORIGINAL
        fit, why = update(track, way, segment, liberal=bool(context.conf.tcp_be_liberal))
        if fit is not _IN_WINDOW:
            return _Crossing(context, conn, track, segment, pkt, state).misfit(fit, why)
        track.last_kind, track.last_dir = _ACK, way
        conf = context.conf if conn.extension is None else context.times_of(conn)
        context.refresh(conn, pkt, _lifetime(conf, track, _ESTABLISHED, _ACK))
        return FITS

    def _unpack(self, conn: Conn) -> TcpTrack:
        """More segments will come: pack up again what was unpacked longest ago instead."""
        track, busy = track_of(conn), self._context.busy
        conn.kept = track
        if conn not in busy and len(busy) >= _MOST_BUSY:
            longest = next(iter(busy))
            del busy[longest]
            longest.kept = longest.proto
        busy[conn] = None
        return track

    def can_early_drop(self, conn: Conn) -> bool:
        """Whether it is closing anyway. Linux: tcp_can_early_drop()"""
        return not isinstance(conn.kept, int) and track_of(conn).state in _CLOSING

    def forget_windows(self, conn: Conn) -> None:
        """Segments may have passed unseen. Linux: nf_ct_tcp_fixup()"""
        track = track_of(conn)
        if track.state == State.ESTABLISHED:
            for side in track.sides:
                side.max_window = 0
            conn.kept = track.pack()

    def _sound_segment(self, pkt: Packet, transport: int, state: HookState) -> Segment | None:
        """Linux: tcp_error()"""
        segment = read(pkt.data, transport)
        if segment is None:
            if len(pkt.data) - transport < HEADER_LENGTH:
                self._context.invalid_unsaid(pkt, "short packet")
                return None
            fault = "truncated packet"
        elif self._context.has_bad_checksum(pkt, state):
            fault = "bad checksum"
        elif segment.flags not in VALID_FLAGS:
            fault = "invalid tcp flag combination"
        else:
            return segment
        self._context.invalid(pkt, state, IPPROTO_TCP, fault)
        return None

    def _new(self, segment: Segment, pkt: Packet, state: HookState) -> TcpTrack | None:
        """What is known after the first segment. Linux: tcp_new()"""
        first = TRANSITIONS[ORIGINAL][segment.kind][State.NONE]
        if first >= State.MAX:
            self._context.invalid(pkt, state, IPPROTO_TCP, "invalid new")
            return None
        track = TcpTrack()
        side = track.sides[ORIGINAL]
        side.end = side.max_end = segment.end
        side.max_window = segment.window or 1
        if first is State.SYN_SENT:
            note_options(segment, side)
        elif not self._context.conf.tcp_loose:
            return None
        else:
            side.max_end = segment.end + side.max_window & _MASK
            for each in track.sides:  # their options are not known: assume the best
                each.flags = SACK_PERM | BE_LIBERAL
        track.last_kind = Flags.NONE
        return track


class _Crossing:
    """One segment of one connection."""

    __slots__ = ("conn", "context", "hook", "new", "old", "pkt", "segment", "track", "way")

    def __init__(
        self,
        context: TrackContext,
        conn: Conn,
        track: TcpTrack,
        segment: Segment,
        pkt: Packet,
        state: HookState,
    ) -> None:
        self.context = context
        self.conn = conn
        self.track = track
        self.segment = segment
        self.pkt = pkt
        self.hook = state
        self.way = REPLY if pkt.ctinfo >= IP_CT_IS_REPLY else ORIGINAL  # direction() without a call
        self.old = _STATES[track.state]
        self.new: State = TRANSITIONS[self.way][segment.kind][self.old]

    def run(self) -> Tracked:
        """Linux: nf_conntrack_tcp_packet() from the state's change on"""
        if self.new is _ESTABLISHED:  # as nearly always, and none of what follows is about it
            return self._check_window()
        if self.new is State.SYN_SENT and self.old >= State.TIME_WAIT:
            if self._may_reopen():
                return Tracked.AGAIN if self.context.kill(self.conn) else Tracked.DROP
            self.new = State.IGNORE
        if self.new is State.IGNORE and not self._gets_in_step():
            return self._ignore()
        if self.new is State.MAX:
            self._say(
                f"packet (index {self.segment.kind:d}) in dir {self.way} invalid, state {self.old.name}"
            )
            return Tracked.INVALID
        if self.new is State.TIME_WAIT and self._is_challenged():
            self.track.last_flags &= ~EXP_CHALLENGE_ACK
            self._say("challenge-ack ignored")
            return Tracked.FITS
        if self.new is State.SYN_SENT2:
            self.track.last_flags |= SIMULTANEOUS_OPEN
        elif self.new is State.SYN_RECV and self._completes_simultaneous_open():
            self.new = State.ESTABLISHED
        elif self.new is State.CLOSE and self.segment.kind is Flags.RST:
            return self._reset()
        return self._check_window()

    # --- segments that do not fit the state ---------------------------------------------------------------

    def _may_reopen(self) -> bool:
        """A SYN for a connection that was closed, or aborted by the same side (RFC 1122 4.2.2.13)."""
        track = self.track
        closed = (track.sides[0].flags | track.sides[1].flags) & CLOSE_INIT
        return bool(closed) or (track.last_dir == self.way and track.last_kind == Flags.RST)

    def _gets_in_step(self) -> bool:
        """A SYN-ACK that answers a SYN which was ignored: the peers were right, and what was noted then
        holds.
        """
        track, segment = self.track, self.segment
        if segment.kind is not Flags.SYNACK or track.last_kind != Flags.SYN:
            return False
        if track.last_dir == self.way or segment.ack != track.last_end:
            return False
        self.old, self.new = State.SYN_SENT, State.SYN_RECV
        track.last_flags &= ~EXP_CHALLENGE_ACK
        opener = track.sides[track.last_dir]
        opener.end = opener.max_end = track.last_end
        opener.max_window = track.last_window or 1
        opener.scale, opener.flags = track.last_scale, track.last_flags
        track.sides[self.way].reset()
        return True

    def _ignore(self) -> Tracked:
        """The peers may be in step where we are not: let it pass, and note what it said."""
        track, segment = self.track, self.segment
        track.last_kind, track.last_dir = segment.kind, self.way
        track.last_seq, track.last_end, track.last_window = segment.seq, segment.end, segment.window
        if segment.kind is Flags.SYN and self.way == ORIGINAL:
            opener = Side()
            note_options(segment, opener)
            track.last_flags = opener.flags & (WINDOW_SCALE | SACK_PERM)
            track.last_scale = opener.scale if opener.flags & WINDOW_SCALE else 0
            if self.old is State.LAST_ACK:  # the answer to it (RFC 5961) is no last ACK
                track.last_flags |= EXP_CHALLENGE_ACK
        if self.old is State.SYN_SENT and segment.kind is Flags.ACK and self.way == REPLY:
            track.last_ack = segment.ack
        self._say(f"packet (index {segment.kind:d}) in dir {self.way} ignored, state {self.old.name}")
        return Tracked.FITS

    def _is_challenged(self) -> bool:
        track = self.track
        return (
            self.old is State.LAST_ACK
            and self.segment.kind is Flags.ACK
            and track.last_dir != self.way
            and track.last_kind == Flags.SYN
            and bool(track.last_flags & EXP_CHALLENGE_ACK)
        )

    def _completes_simultaneous_open(self) -> bool:
        answers = self.way == REPLY and self.segment.kind is Flags.ACK
        return answers and bool(self.track.last_flags & SIMULTANEOUS_OPEN)

    # --- RST ----------------------------------------------------------------------------------------------

    def _reset(self) -> Tracked:
        """A RST counts only where it would be believed (RFC 5961 3.2)."""
        track, segment = self.track, self.segment
        if self.old in _CLOSING:  # what is known may be of another connection meanwhile
            return self._in_window()
        peer = track.sides[1 - self.way]
        if peer.flags & MAXACK_SET and track.last_kind != Flags.SYN:
            established = self.old is State.ESTABLISHED and self.conn.status & IPS_ASSURED
            if not segment.seq and not established:
                return self._check_window()
            if before(segment.seq, peer.max_ack) and not self.context.conf.tcp_ignore_invalid_rst:
                self._say("invalid rst")
                return Tracked.INVALID
            if not established or segment.seq == peer.max_ack or self._follows_its_data():
                return self._check_window()
            self.new = self.old  # it may be answered by a challenge
        if self._answers_what_was_ignored():
            return self._in_window()
        if (
            self.old is State.SYN_SENT
            and track.last_kind == Flags.ACK
            and track.last_dir == REPLY
            and segment.seq == track.last_ack
        ):
            return self._in_window()  # the answer to a challenge
        return self._check_window()

    def _follows_its_data(self) -> bool:
        """The last segment of its sender ended where the RST stands."""
        track = self.track
        follows = track.last_kind == Flags.ACK and track.last_dir == self.way
        return follows and self.segment.seq == track.last_end

    def _answers_what_was_ignored(self) -> bool:
        track, status = self.track, self.conn.status
        ignored_syn = status & IPS_SEEN_REPLY and track.last_kind == Flags.SYN and track.last_dir != self.way
        half_open = not status & IPS_ASSURED and track.last_kind == Flags.ACK
        return bool(ignored_syn or half_open) and self.segment.ack == track.last_end

    # --- segments that fit the state ----------------------------------------------------------------------

    def _check_window(self) -> Tracked:
        liberal = bool(self.context.conf.tcp_be_liberal)
        moved = self._moved() if self.conn.status & IPS_SEQ_ADJUST else 0
        fit, why = update(self.track, self.way, self.segment, liberal=liberal, moved=moved)
        return self._in_window() if fit is _IN_WINDOW else self.misfit(fit, why)

    def misfit(self, fit: Fit, why: str) -> Tracked:
        """What becomes of a segment out of the window."""
        self._say(why)
        if fit is Fit.IGNORE:
            return Tracked.FITS
        self._shorten()
        return Tracked.INVALID

    def _moved(self) -> int:
        """By how much the other side's numbers are changed on their way, where helpers insert octets."""
        nat = self.context.nat
        if nat is None:
            return 0
        return nat.sequence_offset(self.conn, 1 - self.way, self.segment.ack - 1 & _MASK)

    def _shorten(self) -> None:
        """FINs or RSTs out of the window from both sides: the connection is most likely dead.

        Linux: nf_tcp_handle_invalid()
        """
        conn, track, kind = self.conn, self.track, self.segment.kind
        if not conn.status & IPS_ASSURED or conn.status & IPS_FIXED_TIMEOUT:
            return
        if kind not in (Flags.RST, Flags.FIN):
            return
        if track.last_dir == self.way or track.last_kind not in (Flags.RST, Flags.FIN):
            track.last_kind, track.last_dir = kind, self.way
            return
        left, hz = self.context.left(conn), self.context.clock.hz
        wanted = self.context.times_of(conn).tcp_timeout_unacknowledged * hz
        if left < _PATIENT * hz or left <= wanted:
            return
        where = f"packet (index {kind:d}, dir {self.way})"
        self._say(f"{where} response for index {track.last_kind} lower timeout to {wanted}")
        conn.expires = self.context.clock.jiffies + wanted

    def _in_window(self) -> Tracked:
        conn, track, segment = self.conn, self.track, self.segment
        track.last_kind, track.last_dir = segment.kind, self.way
        track.state = self.new
        if self.new is not self.old:
            if self.new is State.FIN_WAIT:
                track.sides[self.way].flags |= CLOSE_INIT
            self.context.note(conn, Event.PROTOINFO)
        conf = self.context.times_of(conn)
        timeout = _lifetime(conf, track, self.new, segment.kind)
        if not conn.status & IPS_SEEN_REPLY:
            if segment.kind is Flags.RST:  # nothing but a refusal came back
                conn.kept = track.pack()  # as those who are told of the end shall see it
                self.context.account(conn, self.pkt)
                self.context.kill(conn)
                return Tracked.FITS
            if segment.kind is Flags.SYN and self.old is State.SYN_SENT:
                return Tracked.FITS  # SYNs alone keep nothing alive
            if self.new is _ESTABLISHED:
                timeout = min(timeout, conf.tcp_timeout_unacknowledged)
        elif not conn.status & IPS_ASSURED and self._becomes_assured():
            conn.status |= IPS_ASSURED
            self.context.note(conn, Event.ASSURED)
        self.context.refresh(conn, self.pkt, timeout)
        return FITS

    def _becomes_assured(self) -> bool:
        return self.old in (State.SYN_RECV, State.ESTABLISHED) and self.new is State.ESTABLISHED

    def _say(self, text: str) -> None:
        self.context.invalid(self.pkt, self.hook, IPPROTO_TCP, text)


def _lifetime(conf: ConntrackConf, track: TcpTrack, state: State, kind: Flags) -> int:
    """For how many seconds a connection lives on that goes to a state by such a segment."""
    usual = conf.tcp_timeout(state)
    if track.retransmissions >= conf.tcp_max_retrans and usual > conf.tcp_timeout_max_retrans:
        return conf.tcp_timeout_max_retrans
    if kind is _RST:
        return conf.tcp_timeout_close
    unacknowledged = (track.sides[0].flags | track.sides[1].flags) & DATA_UNACKNOWLEDGED
    if unacknowledged and usual > conf.tcp_timeout_unacknowledged:
        return conf.tcp_timeout_unacknowledged
    if not track.last_window and usual > conf.tcp_timeout_max_retrans:
        return conf.tcp_timeout_max_retrans
    return usual
