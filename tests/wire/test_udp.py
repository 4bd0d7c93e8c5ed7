"""UDP datagrams on the wire."""

import pytest

from pystack.wire import udp
from pystack.wire.checksum import pseudo_header_sum, transport_sum
from pystack.wire.ipv4 import IPPROTO_UDP
from tests.frames import ALICE_IP, OUR_IP


@pytest.mark.parametrize("payload", [b"", b"a", b"hello", bytes(1472)])
def test_a_datagram_adds_up(payload: bytes) -> None:
    datagram = udp.build(1000, 53, payload, OUR_IP, ALICE_IP)
    assert udp.HEADER.unpack_from(datagram)[:3] == (1000, 53, 8 + len(payload))
    assert datagram[8:] == payload
    assert transport_sum(OUR_IP, ALICE_IP, IPPROTO_UDP, datagram) == 0xFFFF


def test_a_datagram_written_by_hand() -> None:
    assert udp.build(5353, 53, b"hi", 0x0A000001, 0x0A000002) == bytes.fromhex("14e90035000a6e506869")


def test_a_checksum_of_nothing_is_written_as_ones() -> None:
    """RFC 768: a checksum of zero would say that there is none."""
    bare = udp.build(1000, 53, bytes(2), OUR_IP, ALICE_IP)
    datagram = udp.build(1000, 53, bare[6:8], OUR_IP, ALICE_IP)
    assert datagram[6:8] == b"\xff\xff"


def test_what_a_device_is_to_finish_holds_the_sum_of_the_pseudo_header() -> None:
    datagram = udp.build_unfinished(1000, 53, b"hello", OUR_IP, ALICE_IP)
    assert int.from_bytes(datagram[6:8], "big") == pseudo_header_sum(OUR_IP, ALICE_IP, IPPROTO_UDP, 13)
    owed = udp.offload(34)
    assert (owed.needs_checksum, owed.csum_start, owed.csum_offset) == (True, 34, 6)
