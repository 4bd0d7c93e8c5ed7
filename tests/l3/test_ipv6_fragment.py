"""A packet that was put together from fragments leaves in fragments."""

from hypothesis import given
from hypothesis import strategies as st

from pystack.l2.port import PortDevice
from pystack.l3.ipv6_fragment import fragments_of
from pystack.packet import Packet
from pystack.wire import ipv6
from pystack.wire.ipv6 import NEXTHDR_DEST, NEXTHDR_FRAGMENT, NEXTHDR_HOP, Ipv6Header

OPTIONS = bytes.fromhex("1100010400000000")


def a_packet(
    payload: bytes, lengths: tuple[int, ...], longest: int = 1500, kind: int = 17
) -> tuple[Packet, Ipv6Header]:
    header = Ipv6Header(1, 2, kind, tos=4, payload_len=len(payload))
    header.frag_lengths, header.frag_max = lengths, longest
    pkt = Packet(bytearray(14) + ipv6.build(header) + payload, PortDevice("eth0", b"\2\0\0\0\0\1"))
    pkt.network_header, pkt.ip6 = 14, header
    return pkt, header


def cut(
    payload: bytes, lengths: tuple[int, ...], mtu: int = 1500, kind: int = 17
) -> list[tuple[int, bool, bytes]]:
    """Where each piece begins, whether more follow, and what it carries behind the fragment header."""
    pkt, header = a_packet(payload, lengths, min(mtu, 1500), kind)
    pieces = []
    for piece in fragments_of(pkt, header, mtu, 0x1234) or ():
        found = ipv6.find_header(piece.data, piece.network_header, NEXTHDR_FRAGMENT)
        assert isinstance(found, ipv6.Found)
        parsed = ipv6.parse(piece.data, piece.network_header)
        assert isinstance(parsed, Ipv6Header)
        assert (parsed.tos, parsed.tot_len) == (4, len(piece.data) - piece.network_header)
        own = bytes(piece.data[found.offset : found.offset + 8])
        assert own[4:] == bytes.fromhex("00001234")
        field = int.from_bytes(own[2:4], "big")
        pieces.append(
            (field & ipv6.IP6_OFFSET, bool(field & ipv6.IP6_MF), bytes(piece.data[found.offset + 8 :]))
        )
    return pieces


@given(st.lists(st.integers(1, 180), min_size=1, max_size=5), st.integers(1, 1400))
def test_the_pieces_are_as_the_fragments_were(eighths: list[int], last: int) -> None:
    lengths = (*(8 * each for each in eighths), last)
    payload = bytes(number & 0xFF for number in range(sum(lengths)))
    pieces = cut(payload, lengths)
    assert [len(part) for _, _, part in pieces] == list(lengths)
    assert b"".join(part for _, _, part in pieces) == payload
    assert [start for start, _, _ in pieces] == [sum(lengths[:at]) for at in range(len(lengths))]
    assert [more for _, more, _ in pieces] == [True] * len(eighths) + [False]


def test_pieces_that_fit_no_more_are_filled_to_the_longest() -> None:
    assert [len(part) for _, _, part in cut(bytes(3000), (1005, 1995))] == [1448, 1448, 104]


def test_what_every_router_reads_is_repeated_in_each_piece() -> None:
    pieces = cut(OPTIONS + bytes(64), (40, 32), kind=NEXTHDR_HOP)
    assert [len(part) for _, _, part in pieces] == [32, 32]


def test_what_every_router_reads_has_to_stand_in_the_first_fragment() -> None:
    chain = bytes((NEXTHDR_DEST,)) + OPTIONS[1:] + OPTIONS + bytes(64)
    assert cut(chain, (8, 72), kind=NEXTHDR_HOP) == []


def test_a_fragment_that_was_longer_than_the_next_link_carries_ends_the_packet() -> None:
    pkt, header = a_packet(bytes(3000), (1448, 1552), 1500)
    assert fragments_of(pkt, header, 1400, 1) is None


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 300))
def test_what_is_joined_is_taken_from_the_fragments_that_follow(lengths: list[int], octets: int) -> None:
    header = Ipv6Header(1, 2, 17, payload_len=sum(lengths))
    header.frag_lengths = tuple(lengths)
    header.join(octets)
    assert sum(header.frag_lengths) == sum(lengths)
    assert header.frag_lengths[0] == max(lengths[0], min(octets - ipv6.HEADER_LENGTH, sum(lengths)))
    assert all(header.frag_lengths)
