"""Cutting a packet that is too long for the next link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.l2.port import PortDevice
from pystack.l3.fragment import fragments_of, smallest_mtu
from pystack.packet import Packet
from pystack.wire import ipv4
from pystack.wire.ip_options import later_fragments
from pystack.wire.ipv4 import IP_DF, IP_MF, Ipv4Header
from tests.frames import ALICE_IP, OUR_IP, OUR_MAC


def a_packet(payload: bytes, *, frag_off: int = 0, options: bytes = b"") -> tuple[Packet, Ipv4Header]:
    header = Ipv4Header(OUR_IP, ALICE_IP, 17, id=77, frag_off=frag_off, tos=4, options=options)
    data = bytearray(14) + ipv4.build(header, len(payload)) + payload
    pkt = Packet(data, PortDevice("eth0", OUR_MAC))
    pkt.network_header, pkt.transport_header, pkt.ip, pkt.mark = 14, 14 + header.ihl, header, 9
    return pkt, header


@given(st.integers(69, 9000), st.integers(68, 1500))
def test_the_pieces_fit_and_together_are_the_packet(length: int, mtu: int) -> None:
    payload = bytes(number & 0xFF for number in range(length))
    pkt, header = a_packet(payload)
    pieces = fragments_of(pkt, header, mtu)
    together = b""
    for number, piece in enumerate(pieces):
        parsed = ipv4.parse(piece.data, piece.network_header)
        assert isinstance(parsed, Ipv4Header)
        assert parsed.tot_len <= mtu
        assert parsed.tot_len == len(piece.data) - piece.network_header
        assert (parsed.frag_off & 0x1FFF) * 8 == len(together)
        assert bool(parsed.frag_off & IP_MF) is (number < len(pieces) - 1)
        assert (parsed.id, parsed.tos, parsed.ttl, parsed.protocol) == (77, 4, 64, 17)
        together += bytes(piece.data[piece.transport_header :])
    assert together == payload


def test_a_piece_can_be_cut_again() -> None:
    pkt, header = a_packet(bytes(64), frag_off=IP_MF | 100)
    offsets = [piece.ip.frag_off for piece in fragments_of(pkt, header, 52) if piece.ip is not None]
    assert offsets == [IP_MF | 100, IP_MF | 104]
    pkt, header = a_packet(bytes(60), frag_off=100)
    offsets = [piece.ip.frag_off for piece in fragments_of(pkt, header, 52) if piece.ip is not None]
    assert offsets == [IP_MF | 100, 104]


def test_other_flags_and_marks_go_with_every_piece() -> None:
    pkt, header = a_packet(bytes(64), frag_off=IP_DF)
    pieces = fragments_of(pkt, header, 52)
    assert all(piece.ip is not None and piece.ip.frag_off & IP_DF for piece in pieces)
    assert {piece.mark for piece in pieces} == {9}
    assert len({id(piece.data) for piece in pieces}) == len(pieces)


# NOP, then record route (not copied), then router alert (copied), then the end.
OPTIONS = b"\x01" + b"\x07\x07\x04" + bytes(4) + b"\x94\x04\x00\x00"


def test_only_options_that_must_be_copied_are_in_later_pieces() -> None:
    pkt, header = a_packet(bytes(64), options=OPTIONS)
    first, second = fragments_of(pkt, header, 64)[:2]
    assert first.ip is not None
    assert second.ip is not None
    assert first.ip.options == OPTIONS
    assert second.ip.options == b"\x01" * 8 + b"\x94\x04\x00\x00"


@pytest.mark.parametrize(
    ("options", "later"),
    [
        (b"", b""),
        (b"\x00\x07\x07\x04", b"\x00\x07\x07\x04"),
        (b"\x07", b"\x07"),
        (b"\x07\x01\x00\x00", b"\x07\x01\x00\x00"),
        (b"\x07\x09\x00\x00", b"\x07\x09\x00\x00"),
        (b"\x44\x04\x05\x00", b"\x01\x01\x01\x01"),
        (b"\x83\x03\x04\x00", b"\x83\x03\x04\x00"),
    ],
    ids=["none", "end first", "no length", "length 1", "too long", "timestamp", "source route"],
)
def test_options_are_blanked_as_far_as_they_make_sense(options: bytes, later: bytes) -> None:
    assert later_fragments(options) == later


@given(st.binary(max_size=40))
def test_any_options_keep_their_length(options: bytes) -> None:
    assert len(later_fragments(options)) == len(options)


def test_below_header_and_eight_octets_nothing_can_be_cut() -> None:
    assert smallest_mtu(Ipv4Header(1, 2, 17)) == 28
    _, header = a_packet(b"", options=OPTIONS)
    assert smallest_mtu(header) == 40


@pytest.mark.parametrize(
    ("payload", "lengths"),
    [(76, [76]), (77, [72, 5]), (148, [72, 76]), (149, [72, 72, 5])],
)
def test_the_last_piece_may_fill_the_link_to_the_octet(payload: int, lengths: list[int]) -> None:
    pkt, header = a_packet(bytes(payload))
    pieces = fragments_of(pkt, header, 96)
    assert [len(piece.data) - piece.transport_header for piece in pieces] == lengths
