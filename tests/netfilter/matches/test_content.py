"""Matches of octets, of options, and of times."""

import pytest

from pystack.netfilter.matches.content import U32, String, U32Test
from pystack.netfilter.matches.ports import Multiport, Range, TcpFlags, TcpOption, Whole
from pystack.netfilter.matches.sctp import Chunks
from pystack.netfilter.matches.tcp_mss import TcpMss
from pystack.netfilter.matches.time import Time
from pystack.wire import tcp
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.tcp import TcpHeader
from tests.box import Box
from tests.frames import ip
from tests.netfilter.rules import view


def segment(options: bytes = b"", flags: int = tcp.SYN) -> bytes:
    return tcp.build(TcpHeader(5, 6, flags=flags, options=options), b"", ip("10.0.0.1"), ip("10.0.0.2"))


@pytest.mark.parametrize(
    ("pattern", "start", "end", "ignore_case", "found"),
    [
        (b"data", 0, 65535, False, True),
        (b"DATA", 0, 65535, False, False),
        (b"DATA", 0, 65535, True, True),
        (b"data", 0, 31, False, False),
        (b"data", 0, 32, False, True),
        (b"data", 28, 65535, False, True),
        (b"data", 29, 65535, False, False),
        (b"\x45", 0, 1, False, True),
    ],
)
def test_a_string_lies_wholly_between_its_bounds(
    pattern: bytes, start: int, end: int, ignore_case: bool, found: bool
) -> None:
    assert String(pattern, start, end, ignore_case, inverted=False)(view()) is found
    assert String(pattern, start, end, ignore_case, inverted=True)(view()) is not found


def test_u32_moves_on_by_the_length_of_the_header() -> None:
    ports = U32Test(0, ((">>", 22), ("&", 0x3C), ("@", 0)), ((0x00050006, 0x00050006),))
    assert U32((ports,), inverted=False)(view())


def test_u32_reads_nothing_behind_the_end() -> None:
    beyond = U32Test(30, (), ((0, 0xFFFFFFFF),))
    assert not U32((beyond,), inverted=False)(view())
    far = U32Test(0, (("@", 0),), ((0, 0xFFFFFFFF),))
    assert not U32((far,), inverted=False)(view())
    assert U32((far,), inverted=True)(view())


def test_flags_are_compared_under_their_mask() -> None:
    packet = view(protocol=6, body=segment())
    assert TcpFlags(tcp.SYN | tcp.ACK, tcp.SYN)(packet)
    assert not TcpFlags(tcp.SYN, 0)(packet)
    assert not TcpFlags(tcp.SYN | tcp.ACK, tcp.SYN)(view(protocol=6, body=segment(flags=tcp.SYN | tcp.ACK)))


def test_options_are_found_behind_padding() -> None:
    packet = view(protocol=6, body=segment(b"\1\1\1\1\2\4\5\xb4"))
    assert TcpOption(2)(packet)
    assert not TcpOption(8)(packet)
    assert TcpMss(Range(1460, 1460))(packet)
    assert not TcpMss(Range(1000, 1459))(packet)


def test_a_segment_without_an_mss_matches_only_the_negative() -> None:
    packet = view(protocol=6, body=segment())
    assert not TcpMss(Range(0, 65535))(packet)
    assert TcpMss(Range(0, 65535, inverted=True))(packet)


def test_a_fragment_that_would_overwrite_the_tcp_header_is_dropped() -> None:
    header = Ipv4Header(ip("10.0.0.1"), ip("10.0.0.2"), 6, frag_off=1)
    packet = view(header=header, body=segment())
    assert not Whole(20)(packet)
    assert packet.hotdrop


def test_multiport_asks_either_end_or_both() -> None:
    ranges = (Range(5, 5),)
    assert Multiport(ranges, sources=True, destinations=False)(view())
    assert not Multiport(ranges, sources=False, destinations=True)(view())
    assert Multiport(ranges, sources=True, destinations=True)(view())


def chunks(*found: tuple[int, int]) -> bytes:
    return bytes(12) + b"".join(bytes((kind, flags, 0, 4)) for kind, flags in found)


@pytest.mark.parametrize(
    ("how", "types", "expected"),
    [
        ("all", (0, 1), True),
        ("all", (0, 2), False),
        ("any", (2, 1), True),
        ("any", (2, 3), False),
        ("only", (0, 1, 2), True),
        ("only", (0,), False),
    ],
)
def test_chunk_types_are_asked_for_all_for_any_or_for_no_others(
    how: str, types: tuple[int, ...], expected: bool
) -> None:
    wanted = tuple((kind, 0, 0) for kind in types)
    packet = view(protocol=132, body=chunks((0, 3), (1, 0)))
    assert Chunks(how, wanted)(packet) is expected
    assert Chunks(how, wanted, inverted=True)(packet) is not expected


def test_flags_of_a_chunk_count_if_they_are_asked() -> None:
    packet = view(protocol=132, body=chunks((0, 3)))
    assert Chunks("any", ((0, 2, 2),))(packet)
    assert not Chunks("any", ((0, 4, 4),))(packet)


def test_a_broken_chunk_drops_the_packet() -> None:
    packet = view(protocol=132, body=bytes(12) + b"\0\0\0\0")
    assert not Chunks("any", ((0, 0, 0),))(packet)
    assert packet.hotdrop


@pytest.mark.parametrize(
    ("times", "contiguous", "weekdays", "expected"),
    [
        ((0, 86399), False, 0xFE, True),
        ((10 * 3600, 12 * 3600), False, 0xFE, False),
        ((23 * 3600, 2 * 3600), False, 0xFE, True),
        ((23 * 3600, 2 * 3600), False, 1 << 4, True),
        ((23 * 3600, 2 * 3600), True, 1 << 4, False),
        ((23 * 3600, 2 * 3600), True, 1 << 3, True),
    ],
)
def test_a_night_belongs_to_the_day_before_if_asked(
    times: tuple[int, int], contiguous: bool, weekdays: int, expected: bool
) -> None:
    box = Box()
    box.host.clock.wall = 3600.0  # one o'clock on a Thursday, day 4
    test = Time(box.ns.tables.path, (0, 0x7FFFFFFF), times, weekdays, 0xFFFFFFFE, contiguous)
    assert test(view()) is expected
