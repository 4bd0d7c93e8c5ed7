"""What goes over a wire for a frame that a probe saw on a machine whose cards make sums and cut segments."""

from pystack.compare.live.frames import small_frames
from pystack.explain.words import packet_of
from pystack.wire.checksum import pseudo_header_sum, transport_sum
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP, header
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

LINK = header(bytes(6), bytes(6), ETH_P_IP)
ENDS = (0x0A000001, 0x0A000005)
BODY = ETH_HLEN + 20


def owing(frame: bytes, protocol: int, at: int) -> bytes:
    """The same with its sum left to the card; `at` says where that stands behind the header of IP."""
    owed = pseudo_header_sum(*ENDS, protocol, len(frame) - BODY)
    return frame[: BODY + at] + owed.to_bytes(2, "big") + frame[BODY + at + 2 :]


def is_right(frame: bytes, protocol: int) -> bool:
    return transport_sum(*ENDS, protocol, frame[BODY:]) == 0xFFFF


def test_a_frame_that_owes_nothing_stays_as_it_is() -> None:
    frame = LINK + packet_of("10.0.0.1.53 > 10.0.0.5.99: UDP, length 4").payload
    assert small_frames(frame, 1500) == [frame]


def test_a_sum_that_the_card_was_to_make_is_made() -> None:
    frame = LINK + packet_of("10.0.0.1.53 > 10.0.0.5.99: UDP, length 4").payload
    (made,) = small_frames(owing(frame, IPPROTO_UDP, 6), 1500)
    assert made == frame
    assert is_right(made, IPPROTO_UDP)


def test_a_large_segment_becomes_as_many_as_fit() -> None:
    frame = LINK + packet_of("10.0.0.1.4000 > 10.0.0.5.80: Flags [.], ack 1, length 4000").payload
    segments = small_frames(owing(frame, IPPROTO_TCP, 16), 1500)
    assert [len(one) - ETH_HLEN for one in segments] == [1500, 1500, 1120]
    assert all(is_right(one, IPPROTO_TCP) for one in segments)
