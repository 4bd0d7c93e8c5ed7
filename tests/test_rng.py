"""Chance that can be repeated."""

from collections.abc import Iterator

import pytest

from pystack.rng import Rng


def test_the_generator_is_pcg32() -> None:
    """The first numbers of pcg32 with seed 42 and the reference's default stream."""
    rng = Rng(42)
    reference = _reference(42)
    assert [rng.u32() for _ in range(20)] == [next(reference) for _ in range(20)]


def _reference(seed: int) -> Iterator[int]:
    """pcg32_srandom_r() and pcg32_random_r() of O'Neill's C library, with 32- and 64-bit masks."""
    mask, increment = 2**64 - 1, 1442695040888963407
    state = 0
    state = (state * 6364136223846793005 + increment) & mask
    state = (state + seed) & mask
    state = (state * 6364136223846793005 + increment) & mask
    while True:
        old = state
        state = (old * 6364136223846793005 + increment) & mask
        shifted = (((old >> 18) ^ old) >> 27) & 0xFFFFFFFF
        turn = old >> 59
        yield ((shifted >> turn) | (shifted << ((-turn) & 31))) & 0xFFFFFFFF


def test_one_seed_gives_one_sequence() -> None:
    assert Rng(7).octets(64) == Rng(7).octets(64)
    assert Rng(7).octets(64) != Rng(8).octets(64)


@pytest.mark.parametrize("limit", [1, 2, 3, 1000, 1 << 32])
def test_a_number_below_a_limit_is_below_it(limit: int) -> None:
    rng = Rng(1)
    drawn = {rng.below(limit) for _ in range(200)}
    assert all(0 <= number < limit for number in drawn)
    assert len(drawn) >= min(limit, 3)


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 6, 17])
def test_octets_come_in_the_number_asked_for(length: int) -> None:
    assert len(Rng(3).octets(length)) == length


def test_a_drawn_station_address_is_local_and_no_group() -> None:
    rng = Rng(9)
    for _ in range(100):
        address = rng.mac()
        assert len(address) == 6
        assert address[0] & 3 == 2
