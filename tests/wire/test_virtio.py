"""The ten octets in front of a TAP's frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire.malformed import Malformed
from pystack.wire.virtio import (
    GSO_TCPV4,
    HEADER_LENGTH,
    NEEDS_CSUM,
    NONE,
    Offload,
    build_header,
    parse_header,
)

# A TCP segment of 1448 octets a piece, its checksum owed at 34 + 16; little-endian.
TSO = bytes.fromhex("01014200a80522001000")


def fields(offload: Offload) -> tuple[int, ...]:
    return (
        offload.flags,
        offload.gso_type,
        offload.hdr_len,
        offload.gso_size,
        offload.csum_start,
        offload.csum_offset,
    )


def test_a_large_segment_written_by_hand_parses() -> None:
    offload = parse_header(TSO + b"frame")
    assert isinstance(offload, Offload)
    assert fields(offload) == (NEEDS_CSUM, GSO_TCPV4, 66, 1448, 34, 16)
    assert offload.needs_checksum
    assert offload.is_gso
    assert offload.vlan is None


def test_a_large_segment_builds_to_the_bytes_written_by_hand() -> None:
    assert build_header(Offload(NEEDS_CSUM, GSO_TCPV4, 66, 1448, 34, 16)) == TSO


def test_nothing_owed_is_one_shared_value() -> None:
    assert parse_header(bytes(HEADER_LENGTH)) is NONE
    assert parse_header(bytearray(HEADER_LENGTH + 60)) is NONE
    assert build_header(NONE) == bytes(HEADER_LENGTH)
    assert not NONE.needs_checksum
    assert not NONE.is_gso


@pytest.mark.parametrize("length", range(HEADER_LENGTH))
def test_a_header_cut_short_is_truncated(length: int) -> None:
    assert parse_header(TSO[:length]) is Malformed.TRUNCATED


@given(st.binary(max_size=20))
def test_any_bytes_parse_or_are_malformed_and_build_back(data: bytes) -> None:
    for form in (data, bytearray(data), memoryview(data)):
        offload = parse_header(form)
        if isinstance(offload, Offload):
            assert build_header(offload) == data[:HEADER_LENGTH]
        else:
            assert offload is Malformed.TRUNCATED
