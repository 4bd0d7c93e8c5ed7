"""Whatever bytes come, a parser answers with a value or with a name for what is wrong; it raises nothing."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire import arp, ipv4, virtio
from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed
from tests.frames import arp_reply, arp_request, datagram, echo_frame, udp_packet

PARSERS: dict[str, Callable[[Buffer], object]] = {
    "arp": lambda data: arp.parse(data, 14),
    "ipv4": lambda data: ipv4.parse(data, 14),
    "virtio": virtio.parse_header,
}
FRAMES = {
    "an ARP request": arp_request(),
    "an ARP reply": arp_reply(),
    "an echo request": echo_frame(payload=b"abc"),
    "an echo request with a tail": echo_frame() + bytes(18),
    "a UDP datagram": bytes(14) + udp_packet(),
    "a packet with options": bytes(14) + datagram(b"", 17, options=b"\x94\x04\0\0"),
    "a virtio header of ones": b"\xff" * 12,
}


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_frame_chopped_at_every_length_parses_or_is_malformed(
    parser: Callable[[Buffer], object], frame: bytes
) -> None:
    for length in range(len(frame) + 1):
        for form in (frame[:length], bytearray(frame[:length]), memoryview(frame)[:length]):
            answer = parser(form)
            assert isinstance(answer, Malformed | arp.Arp | ipv4.Ipv4Header | virtio.Offload)


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
@given(data=st.data())
def test_a_frame_with_any_octets_changed_parses_or_is_malformed(
    parser: Callable[[Buffer], object], data: st.DataObject
) -> None:
    frame = bytearray(data.draw(st.sampled_from(sorted(FRAMES.values()))))
    for at, octet in data.draw(
        st.lists(st.tuples(st.integers(0, len(frame) - 1), st.integers(0, 255)), max_size=4)
    ):
        frame[at] = octet
    assert isinstance(parser(frame), Malformed | arp.Arp | ipv4.Ipv4Header | virtio.Offload)


def test_every_fault_says_in_words_what_is_wrong() -> None:
    assert all(" " in fault.value for fault in Malformed)
    assert len({fault.value for fault in Malformed}) == len(Malformed)
