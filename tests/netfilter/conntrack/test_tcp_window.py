"""The window update alone, as a flow table would call it: what fits, and what is said of the rest."""

from pystack.netfilter.conntrack.tcp_segment import Segment
from pystack.netfilter.conntrack.tcp_states import State
from pystack.netfilter.conntrack.tcp_track import DATA_UNACKNOWLEDGED, SACK_PERM, WINDOW_SCALE, Side, TcpTrack
from pystack.netfilter.conntrack.tcp_window import Fit, Result, update
from pystack.wire.tcp import ACK, FIN, RST, SYN

OPTIONS = bytes((1, 3, 3, 2, 1, 1, 4, 2))  # windows count in fours, SACK


def say(track: TcpTrack, side: int, flags: int, seq: int, ack: int = 0, **more: int) -> Result:
    segment = Segment(seq, ack, flags, more.get("window", 1000), more.get("length", 0), b"")
    return update(track, side, segment, liberal=bool(more.get("liberal", 0)))


def opened(options: bytes = b"") -> TcpTrack:
    """After the handshake: the client is at 101, the server at 501, each with a window of 1000."""
    track = TcpTrack()
    track.state = State.SYN_SENT
    for side, flags, seq, ack in ((0, SYN, 100, 0), (1, SYN | ACK, 500, 101)):
        update(track, side, Segment(seq, ack, flags, 1000, 0, options), liberal=False)
    track.state = State.ESTABLISHED
    update(track, 0, Segment(101, 501, ACK, 1000, 0, b""), liberal=False)
    return track


def test_a_handshake_tells_how_far_each_side_may_send() -> None:
    track = opened()
    client, server = track.sides
    assert (client.end, client.max_end, client.max_window) == (101, 1101, 1000)
    assert (server.end, server.max_end, server.max_window) == (501, 1501, 1000)


def test_data_within_the_window_is_noted_until_it_is_acknowledged() -> None:
    track = opened()
    assert say(track, 0, ACK, 101, 501, length=200) == (Fit.IN_WINDOW, "")
    assert track.sides[0].end == 301
    assert track.sides[0].flags & DATA_UNACKNOWLEDGED
    say(track, 1, ACK, 501, 301)
    assert not track.sides[0].flags & DATA_UNACKNOWLEDGED


def test_data_far_beyond_the_window_is_invalid() -> None:
    told = "SEQ is over upper bound 1102 (over the window of the receiver)"
    assert say(opened(), 0, ACK, 5000, 501, length=10) == (Fit.INVALID, told)


def test_a_little_too_much_is_let_through_and_remembered() -> None:
    track = opened()
    say(track, 0, ACK, 101, 501, length=1000)
    assert say(track, 0, ACK, 1102, 501, length=99) == (Fit.IGNORE, "101 bytes more than expected")
    assert track.sides[0].end == 1201


def test_what_was_never_sent_cannot_be_acknowledged() -> None:
    told = "ACK is over upper bound 502 (ACKed data not seen yet)"
    assert say(opened(), 0, ACK, 101, 502) == (Fit.INVALID, told)


def test_old_data_is_let_through_without_effect() -> None:
    track = opened()
    for start in range(101, 5101, 1000):
        say(track, 0, ACK, start, 501, length=1000)
        say(track, 1, ACK, 501, start + 1000)
    told = "SEQ is under lower bound 4100 (already ACKed data retransmitted)"
    assert say(track, 0, ACK, 101, 501, length=100) == (Fit.IGNORE, told)


def test_an_old_acknowledgement_is_let_through_without_effect() -> None:
    track = opened()
    track.sides[1].end = 501 + 70000
    told = "ignored ACK under lower bound 4500 (possible overly delayed)"
    assert say(track, 0, ACK, 101, 501) == (Fit.IGNORE, told)


def test_who_is_liberal_lets_all_of_it_pass() -> None:
    assert say(opened(), 0, ACK, 5000, 501, length=10, liberal=1) == (Fit.IN_WINDOW, "")


def test_windows_are_scaled_once_both_said_so() -> None:
    track = opened(OPTIONS)
    assert track.sides[0].flags & WINDOW_SCALE
    assert track.sides[1].max_end == 501 + (1000 << 2)


def test_one_who_does_not_scale_keeps_the_other_from_it() -> None:
    track = TcpTrack()
    track.state = State.SYN_SENT
    update(track, 0, Segment(100, 0, SYN, 1000, 0, OPTIONS), liberal=False)
    update(track, 1, Segment(500, 101, SYN | ACK, 1000, 0, b""), liberal=False)
    assert [side.scale for side in track.sides] == [0, 0]


def test_what_is_acknowledged_selectively_counts() -> None:
    track = opened(OPTIONS)
    assert track.sides[0].flags & SACK_PERM
    say(track, 0, ACK, 101, 501, length=1000)
    block = bytes((1, 1, 5, 10)) + (601).to_bytes(4, "big") + (1101).to_bytes(4, "big")
    update(track, 1, Segment(501, 101, ACK, 1000, 0, block), liberal=False)
    assert track.sides[0].max_end == 1101 + 4000
    assert track.sides[0].flags & DATA_UNACKNOWLEDGED


def test_numbers_go_on_past_the_end_of_their_range() -> None:
    track = TcpTrack()
    track.state = State.SYN_SENT
    update(track, 0, Segment(0xFFFFFFF0, 0, SYN, 1000, 0, b""), liberal=False)
    update(track, 1, Segment(500, 0xFFFFFFF1, SYN | ACK, 1000, 0, b""), liberal=False)
    assert say(track, 0, ACK, 0xFFFFFFF1, 501, length=100) == (Fit.IN_WINDOW, "")
    assert track.sides[0].end == 0x55
    assert say(track, 1, ACK, 501, 0x55) == (Fit.IN_WINDOW, "")


def test_a_connection_is_picked_up_in_its_middle() -> None:
    track = TcpTrack()
    track.state = State.ESTABLISHED
    assert say(track, 0, ACK, 7000, 9000, length=10) == (Fit.IN_WINDOW, "")
    assert track.sides[1].end == 9000
    assert say(track, 1, ACK, 9000, 7010, length=5) == (Fit.IN_WINDOW, "")


def test_the_same_acknowledgement_again_and_again_is_counted() -> None:
    track = opened()
    for _ in range(4):
        say(track, 1, ACK, 501, 101)
    assert track.retransmissions == 3
    say(track, 1, ACK, 501, 101, window=999)
    assert track.retransmissions == 0


def test_a_reset_without_number_that_answers_a_syn_fits() -> None:
    track = TcpTrack()
    track.state = State.SYN_SENT
    update(track, 0, Segment(100, 0, SYN, 1000, 0, b""), liberal=False)
    assert say(track, 1, RST | ACK, 0, 101)[0] is Fit.IN_WINDOW


def test_what_is_kept_as_octets_comes_back_whole() -> None:
    track = opened(OPTIONS)
    say(track, 1, FIN | ACK, 501, 101)
    again = TcpTrack.unpack(track.pack())
    assert again.pack() == track.pack()
    for side, kept in zip(track.sides, again.sides, strict=True):
        assert {name: getattr(kept, name) for name in Side.__slots__} == {
            name: getattr(side, name) for name in Side.__slots__
        }
