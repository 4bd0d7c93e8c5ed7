"""TCP options, against bytes that Linux puts on the wire."""

import pytest

from pystack.wire.tcp_options import MAX_SPACE, build, build_syn, parse

LINUX_SYN = bytes.fromhex("020405b4 0402080a 11223344 00000000 0103030a")


def test_a_syn_carries_its_options_in_linux_order() -> None:
    assert build_syn(1460, (0x11223344, 0), True, 10) == LINUX_SYN


@pytest.mark.parametrize(
    ("timestamps", "sack_perm", "wscale", "expected"),
    [
        (None, True, 7, "020405b4 01010402 01030307"),
        (None, False, None, "020405b4"),
        ((1, 2), False, None, "020405b4 0101080a 00000001 00000002"),
        (None, False, 7, "020405b4 01030307"),
    ],
)
def test_each_option_stays_aligned_without_the_others(
    timestamps: tuple[int, int] | None, sack_perm: bool, wscale: int | None, expected: str
) -> None:
    assert build_syn(1460, timestamps, sack_perm, wscale) == bytes.fromhex(expected)


def test_what_linux_says_in_a_syn_is_understood() -> None:
    found = parse(LINUX_SYN)
    assert (found.mss, found.wscale, found.sack_perm) == (1460, 10, True)
    assert (found.tsval, found.tsecr) == (0x11223344, 0)


def test_blocks_come_behind_the_timestamp_and_only_as_many_as_fit() -> None:
    blocks = [(number, number + 1) for number in range(1, 9, 2)]
    options = build(5, 6, blocks)
    found = parse(options)
    assert len(options) <= MAX_SPACE
    assert (found.tsval, found.tsecr, found.sacks) == (5, 6, tuple(blocks[:3]))
    assert parse(build(None, 0, blocks)).sacks == tuple(blocks)


def test_nothing_to_say_takes_no_room() -> None:
    assert build(None, 0, []) == b""


@pytest.mark.parametrize(
    "mangled",
    [b"\x02", b"\x02\x00", b"\x02\x01\x05\xb4", b"\x02\x09\x05\xb4", b"\x00\x02\x04\x05\xb4", b"\x03\x02"],
)
def test_what_makes_no_sense_says_nothing(mangled: bytes) -> None:
    found = parse(mangled)
    assert (found.mss, found.wscale, found.tsval, found.sacks) == (None, None, None, ())


def test_a_scale_beyond_14_counts_as_14() -> None:
    assert parse(bytes.fromhex("0303ff")).wscale == 14


def test_unknown_options_are_skipped() -> None:
    assert parse(bytes.fromhex("fe04aabb") + LINUX_SYN).mss == 1460
