"""Draws: the same from the same seed, and all that is possible."""

from collections import Counter

from pystack.compare.fuzz.dice import Dice


def drawn(seed: int) -> list[object]:
    dice = Dice(seed)
    return [dice.between(1, 1000), dice.among("abcdef"), dice.chance(50), dice.octets(4), dice.seed()]


def test_the_same_seed_throws_the_same() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_both_bounds_are_thrown_and_nothing_beyond() -> None:
    dice = Dice(1)
    assert {dice.between(3, 6) for _ in range(200)} == {3, 4, 5, 6}


def test_what_weighs_more_comes_oftener_and_what_weighs_nothing_never() -> None:
    dice = Dice(1)
    counts = Counter(dice.weighted({"often": 90, "seldom": 10, "never": 0}) for _ in range(1000))
    assert 850 < counts["often"] < 950
    assert counts["seldom"] == 1000 - counts["often"]


def test_chance_is_a_hundredth() -> None:
    dice = Dice(1)
    assert not any(dice.chance(0) for _ in range(100))
    assert all(dice.chance(100) for _ in range(100))
    assert 150 < sum(dice.chance(20) for _ in range(1000)) < 250


def test_some_keep_their_order() -> None:
    some = Dice(3).some(range(100), 50)
    assert some == sorted(some)
    assert 30 < len(some) < 70
