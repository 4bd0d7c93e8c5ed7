"""The Internet checksum, bit for bit as the kernel writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire.checksum import (
    add,
    checksum,
    ones_sum,
    pseudo_header_sum,
    update16,
    update32,
    update_partial,
    verifies,
)

EVERY_CHECK = range(0x10000)
ONES = 0xFFFFFFFF
CHANGES = ((0x4001, 0x3F01), (0x0000, 0xFFFF), (0xFFFF, 0x0000), (0x1234, 0x1234), (0x0001, 0x0000))


def words_sum(data: bytes) -> int:
    """RFC 1071 as its text has it: add 16-bit words, fold what overflows."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def csum_replace2(check: int, old: int, new: int) -> int:
    """The kernel's own arithmetic: 16-bit additions with the carry put back at once."""

    def csum16_add(left: int, right: int) -> int:
        total = (left + right) & 0xFFFF
        return (total + (total < right)) & 0xFFFF

    return 0xFFFF ^ csum16_add(csum16_add(0xFFFF ^ check, 0xFFFF ^ old), new)


def test_the_example_of_rfc_1071_adds_up() -> None:
    data = bytes.fromhex("0001f203f4f5f6f7")
    assert ones_sum(data) == 0xDDF2
    assert checksum(data) == 0x220D


def test_a_header_from_a_real_capture_verifies() -> None:
    header = bytes.fromhex("45000054e30b40004001" + "43b0" + "c0a8000bc0a8000c")
    zeroed = header[:10] + b"\0\0" + header[12:]
    good = checksum(zeroed)
    assert words_sum(zeroed) ^ 0xFFFF == good
    assert verifies(zeroed[:10] + good.to_bytes(2, "big") + zeroed[12:])


@pytest.mark.parametrize("length", [2, 4, 20, 64, 1480])
def test_octets_of_ones_sum_to_ones_and_not_to_zero(length: int) -> None:
    assert ones_sum(b"\xff" * length) == 0xFFFF
    assert checksum(b"\xff" * length) == 0x0000


@pytest.mark.parametrize("length", [0, 1, 2, 3, 20])
def test_octets_of_zero_sum_to_zero_and_not_to_ones(length: int) -> None:
    assert ones_sum(bytes(length)) == 0
    assert checksum(bytes(length)) == 0xFFFF
    assert not verifies(bytes(length))


def test_an_odd_octet_counts_as_the_high_half_of_a_word() -> None:
    assert ones_sum(b"\x12") == 0x1200
    assert ones_sum(b"\x00\x01\x80") == 0x8001
    assert checksum(b"\xff\xff\xff") == checksum(b"\xff\xff\xff\x00")


@given(st.binary(max_size=300))
def test_the_division_gives_what_adding_words_gives(data: bytes) -> None:
    assert ones_sum(data) == words_sum(data)
    assert ones_sum(bytearray(data)) == ones_sum(memoryview(data)) == words_sum(data)


def test_every_two_octet_string_sums_to_itself() -> None:
    assert all(ones_sum(number.to_bytes(2, "big")) == number for number in EVERY_CHECK)


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_an_update_is_the_kernels_for_every_check(old: int, new: int) -> None:
    wrong = [check for check in EVERY_CHECK if update16(check, old, new) != csum_replace2(check, old, new)]
    assert wrong == []


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_an_update_is_a_full_recomputation_for_every_check_a_header_can_carry(old: int, new: int) -> None:
    """A constant word keeps the header from being all zero, whose checksum no difference can yield."""
    constant = 0x4500
    wrong = []
    for filler in EVERY_CHECK:
        check = 0xFFFF ^ add(add(constant, old), filler)
        expected = 0xFFFF ^ add(add(constant, new), filler)
        if update16(check, old, new) != expected:
            wrong.append((filler, check))
    assert wrong == []


def test_an_update_never_writes_ones_where_a_recomputation_writes_zero() -> None:
    """RFC 1141 gives 0xffff here, which verifies too but is another byte on the wire (RFC 1624 section 3)."""
    assert update16(0xDD2F, 0x5555, 0x3285) == 0x0000


def csum_add(left: int, right: int) -> int:
    total = left + right & ONES
    return total + (total < right) & ONES


def csum_fold(total: int) -> int:
    total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF ^ (total & 0xFFFF) + (total >> 16)


WORDS = st.integers(0, ONES) | st.sampled_from((0, 1, 0xFFFF, 0xFFFF0000, ONES, ONES - 1))


@given(st.integers(0, 0xFFFF) | st.sampled_from((0, 0xFFFF)), WORDS, WORDS)
def test_a_32_bit_update_is_the_kernels(check: int, old: int, new: int) -> None:
    """Linux: csum_replace4(), which turns all 32 bits of the sum over."""
    assert update32(check, old, new) == csum_fold(csum_add(csum_add(ONES ^ check, ONES ^ old), new))


@given(st.integers(0, 0xFFFF) | st.sampled_from((0, 0xFFFF)), WORDS, WORDS)
def test_an_update_of_a_sum_that_is_owed_is_the_kernels(owed: int, old: int, new: int) -> None:
    """Linux: inet_proto_csum_replace4()"""
    assert update_partial(owed, old, new) == 0xFFFF ^ csum_fold(csum_add(csum_add(owed, ONES ^ old), new))


@given(st.integers(0, 0xFFFF), WORDS, WORDS, WORDS, WORDS)
def test_two_updates_are_one_of_their_sums(check: int, old: int, new: int, second: int, third: int) -> None:
    assert update32(update32(check, old, new), second, third) == update32(check, old + second, new + third)


@given(st.binary(min_size=2, max_size=64), st.integers(0, 0xFFFF))
def test_data_followed_by_its_checksum_verifies(data: bytes, salt: int) -> None:
    even = data + bytes(len(data) & 1) + salt.to_bytes(2, "big") + b"\x00\x01"
    assert verifies(even + checksum(even).to_bytes(2, "big"))


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_two_sums_add_as_their_data_would(left: int, right: int) -> None:
    assert add(left, right) == words_sum(left.to_bytes(2, "big") + right.to_bytes(2, "big"))


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 255), st.integers(0, 0xFFFF))
def test_the_pseudo_header_sums_as_its_twelve_octets(src: int, dst: int, protocol: int, length: int) -> None:
    octets = (
        src.to_bytes(4, "big") + dst.to_bytes(4, "big") + bytes([0, protocol]) + length.to_bytes(2, "big")
    )
    assert pseudo_header_sum(src, dst, protocol, length) == words_sum(octets)


def test_the_pseudo_header_of_ones_sums_to_ones() -> None:
    assert pseudo_header_sum(0xFFFFFFFF, 0xFFFFFFFF, 0, 0) == 0xFFFF
    assert pseudo_header_sum(0, 0, 0, 0) == 0
