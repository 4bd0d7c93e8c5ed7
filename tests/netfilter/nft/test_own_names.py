"""Names of sets that rules bring along."""

from pystack.netfilter.nft.own_names import MAP, SET, OwnNames


def test_the_lowest_number_that_is_free_is_the_next() -> None:
    names = OwnNames()
    assert [names.take(kind) for kind in (SET, SET, MAP, SET)] == ["__set0", "__set1", "__map0", "__set2"]
    for name in ("__set2", "__set0"):
        names.give_back(name)
    assert [names.take(SET) for _ in range(3)] == ["__set0", "__set2", "__set3"]


def test_what_was_given_back_can_be_taken_again() -> None:
    names = OwnNames()
    for _ in range(3):
        names.take(SET)
    names.give_back("__set0")
    names.give_back("__set1")
    names.take_again("__set0")
    assert names.take(SET) == "__set1"
