"""What a frame's bytes say of the work that a card was to do for it."""

import pytest

from pystack.compare.live.frames import offload_of, small_frames
from pystack.wire.virtio import GSO_NONE, GSO_TCPV4, GSO_TCPV6, NEEDS_CSUM, NONE, Offload
from tests.compare.live.octets import TCP, UDP, frame, pseudo, segment

MTU = 1500


def fields(offload: Offload) -> tuple[int, ...]:
    of_segments = (offload.flags, offload.gso_type, offload.hdr_len, offload.gso_size)
    return (*of_segments, offload.csum_start, offload.csum_offset)


@pytest.mark.parametrize(("version", "start"), [(4, 34), (6, 54)])
@pytest.mark.parametrize(("protocol", "header", "at"), [(TCP, 20, 16), (UDP, 8, 6)])
def test_a_partial_sum_is_to_be_made(version: int, start: int, protocol: int, header: int, at: int) -> None:
    owed = pseudo(version, protocol, header + 100)
    whole = frame(version, protocol, segment(protocol, 100, owed))
    assert fields(offload_of(whole, MTU)) == (NEEDS_CSUM, GSO_NONE, start + header, 0, start, at)
    assert offload_of(frame(version, protocol, segment(protocol, 100, owed ^ 1)), MTU) is NONE


@pytest.mark.parametrize(("version", "start", "kind"), [(4, 34, GSO_TCPV4), (6, 54, GSO_TCPV6)])
def test_what_is_longer_than_the_mtu_stands_for_many(version: int, start: int, kind: int) -> None:
    large = frame(version, TCP, segment(TCP, 4000, pseudo(version, TCP, 4020)))
    size = MTU - (start - 14) - 20
    assert fields(offload_of(large, MTU)) == (NEEDS_CSUM, kind, start + 20, size, start, 16)
    assert len(small_frames(large, MTU)) == 3


@pytest.mark.parametrize("version", [4, 6])
def test_a_fragment_is_what_it_is(version: int) -> None:
    body = segment(UDP, 100, pseudo(version, UDP, 108))
    assert offload_of(frame(version, UDP, body, fragment=0x2000 if version == 4 else 1), MTU) is NONE


@pytest.mark.parametrize("octets", [0, 13, 14, 20, 33, 40, 53, 54])
@pytest.mark.parametrize("version", [4, 6])
def test_what_is_cut_off_is_what_it_is(version: int, octets: int) -> None:
    assert offload_of(frame(version, TCP, segment(TCP, 0, 0))[:octets], MTU) is NONE
