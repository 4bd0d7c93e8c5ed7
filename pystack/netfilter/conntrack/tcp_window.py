"""Whether a TCP segment lies in the window, and what it teaches about both sides.

After "Real Stateful TCP Packet Filtering in IP Filter" (van Rooij), as Linux has it: a segment is good if

    I    seq <= sender.max_end                          it is not beyond what the receiver offered
    II   end >= sender.end - receiver.max_window        nor older than what the receiver can still want
    III  ack <= receiver.end                            it acknowledges only what was seen
    IV   ack >= receiver.end - the largest window       nor something long forgotten

`update` is all there is to it, for whoever forwards segments without the rest of the tracker.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from pystack.netfilter.conntrack.info import REPLY
from pystack.netfilter.conntrack.tcp_segment import Segment, after, highest_sack, note_options
from pystack.netfilter.conntrack.tcp_states import Flags, State
from pystack.netfilter.conntrack.tcp_track import (
    BE_LIBERAL,
    DATA_UNACKNOWLEDGED,
    MAXACK_SET,
    SACK_PERM,
    WINDOW_SCALE,
    Side,
    TcpTrack,
)
from pystack.wire.tcp import ACK, RST, SYN

_MASK: Final = 0xFFFFFFFF
_SIGN: Final = 0x80000000  # of a difference: the first number comes before the second
_SMALLEST_ACK_WINDOW: Final = 66000


class Fit(Enum):
    """Linux: enum nf_ct_tcp_action"""

    IN_WINDOW = "in window"
    IGNORE = "ignore"  # it may pass, and changes nothing
    INVALID = "invalid"


Result = tuple[Fit, str]  # and why not

# Asking an enumeration for a member, for every segment, would take longer than to judge it.
_GOOD: Final[Result] = Fit.IN_WINDOW, ""
_ACK: Final = Flags.ACK


def update(track: TcpTrack, direction: int, segment: Segment, *, liberal: bool, moved: int = 0) -> Result:
    """Judge a segment and learn from it; what it acknowledges was `moved` by so much on its way.

    Linux: net/netfilter/nf_conntrack_proto_tcp.c tcp_in_window()
    """
    sender, receiver = track.sides[direction], track.sides[1 - direction]
    ack = segment.ack - moved & _MASK
    sack = (highest_sack(segment) - moved & _MASK) if receiver.flags & SACK_PERM else ack
    # Only a SYN, or a side of which nothing was seen, begins anything.
    if (segment.flags & SYN or not sender.max_window) and _begins(track, direction, segment, sack):
        return _GOOD
    seq, end = segment.seq, segment.end
    if not segment.flags & ACK or (segment.flags & RST and not ack):
        ack = sack = receiver.end  # some stacks set ACK in a RST, with nothing acknowledged
    if segment.flags & RST and not seq and track.state == State.SYN_SENT:
        seq = end = sender.end  # the answer to a SYN
    fit, why = _judge(sender, receiver, seq, end, sack)
    if why and not (liberal or sender.flags & BE_LIBERAL):
        return fit, why
    if why:
        return _GOOD
    _learn(sender, receiver, segment, end, ack, sack)
    if segment.kind is _ACK:
        _count_retransmissions(track, direction, seq, ack, end, segment.window)
    return _GOOD


def _begins(track: TcpTrack, direction: int, segment: Segment, sack: int) -> bool:
    """Set up what is not known yet of a side; whether there is nothing to judge about the segment then."""
    sender, receiver = track.sides[direction], track.sides[1 - direction]
    is_syn = segment.flags & SYN
    if not sender.max_window:
        if not is_syn:
            _pick_up(sender, receiver, segment, sack)
            return False
        _start(sender, receiver, segment, direction)
        return not segment.flags & ACK
    if is_syn and after(segment.end, sender.end) and track.state in (State.SYN_SENT, State.SYN_RECV):
        _start(sender, receiver, segment, direction)
        return direction == REPLY and not segment.flags & ACK
    return False


def _start(sender: Side, receiver: Side, segment: Segment, direction: int) -> None:
    """Linux: tcp_init_sender()"""
    sender.end = sender.max_end = segment.end
    sender.max_window = segment.window or 1
    note_options(segment, sender)
    if direction == REPLY and not sender.flags & receiver.flags & WINDOW_SCALE:
        sender.scale = receiver.scale = 0


def _pick_up(sender: Side, receiver: Side, segment: Segment, sack: int) -> None:
    """In the middle of a connection: what went before is not known."""
    sender.end = segment.end
    sender.max_window = (segment.window << sender.scale & _MASK) or 1
    sender.max_end = segment.end + sender.max_window & _MASK
    if not receiver.max_window:
        receiver.end = receiver.max_end = sack
    elif sack == receiver.end + 1 & _MASK:
        receiver.end = sack  # the answer to a keepalive


def _judge(sender: Side, receiver: Side, seq: int, end: int, sack: int) -> Result:
    """Every segment comes here, so before() and after() are written out where it passes unharmed."""
    ack_window = sender.max_window
    if ack_window < _SMALLEST_ACK_WINDOW:
        ack_window = _SMALLEST_ACK_WINDOW
    lowest_end = sender.end - receiver.max_window - 1 & _MASK
    lowest_ack = receiver.end - ack_window - 1 & _MASK
    acknowledges_seen = (sack - receiver.end - 1) & _SIGN
    if not (seq - sender.max_end - 1) & _SIGN:
        overshot = end - sender.max_end + 1 & _MASK
        wanted = receiver.max_window and after(end, lowest_end) and overshot <= receiver.max_window
        if wanted and after(sack, lowest_ack) and acknowledges_seen:
            sender.end = end  # its acknowledgement shall be understood
            sender.flags |= DATA_UNACKNOWLEDGED
            return Fit.IGNORE, f"{overshot} bytes more than expected"
        bound = sender.max_end + 1 & _MASK
        return Fit.INVALID, f"SEQ is over upper bound {bound} (over the window of the receiver)"
    if not acknowledges_seen:
        bound = receiver.end + 1 & _MASK
        return Fit.INVALID, f"ACK is over upper bound {bound} (ACKed data not seen yet)"
    if receiver.max_window and not (lowest_end - end) & _SIGN:
        return Fit.IGNORE, f"SEQ is under lower bound {lowest_end} (already ACKed data retransmitted)"
    if not (lowest_ack - sack) & _SIGN:
        return Fit.IGNORE, f"ignored ACK under lower bound {lowest_ack} (possible overly delayed)"
    return _GOOD


def _learn(sender: Side, receiver: Side, segment: Segment, end: int, ack: int, sack: int) -> None:
    """Every segment that fits comes here, so after() is written out."""
    window = segment.window
    if not segment.flags & SYN:
        window = window << sender.scale & _MASK
    offered = window + (sack - ack) & _MASK
    if offered > sender.max_window:
        sender.max_window = offered
    if (sender.end - end) & _SIGN:
        sender.end = end
        sender.flags |= DATA_UNACKNOWLEDGED
    if segment.flags & ACK and (not sender.flags & MAXACK_SET or (sender.max_ack - ack) & _SIGN):
        sender.max_ack = ack
        sender.flags |= MAXACK_SET
    if receiver.max_window and (sender.max_end - end) & _SIGN:
        receiver.max_window = receiver.max_window + end - sender.max_end & _MASK
    if (receiver.max_end - 1 - sack - window) & _SIGN:
        receiver.max_end = sack + window + (not window) & _MASK
    if ack == receiver.end:
        receiver.flags &= ~DATA_UNACKNOWLEDGED


def _count_retransmissions(
    track: TcpTrack, direction: int, seq: int, ack: int, end: int, window: int
) -> None:
    last = (track.last_dir, track.last_seq, track.last_ack, track.last_end, track.last_window)
    if last == (direction, seq, ack, end, window):
        track.retransmissions = track.retransmissions + 1 & 255
        return
    track.last_dir, track.last_seq, track.last_ack = direction, seq, ack
    track.last_end, track.last_window = end, window
    track.retransmissions = 0
