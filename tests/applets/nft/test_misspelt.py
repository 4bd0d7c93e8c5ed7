"""What nft takes a wrong name for, its slips of the pen included."""

import pytest

from pystack.applets.nft.misspelt import distance, nearest_chain, nearest_table, nearest_word


class Names:
    """Two tables with chains."""

    def tables(self) -> list[tuple[str, str]]:
        return [("ip", "filter"), ("inet", "firewall")]

    def chains(self, family: str, table: str) -> list[str]:
        return ["input", "inputs"] if family == "ip" else ["forward"]

    def sets(self, family: str, table: str) -> list[tuple[str, bool]]:
        return []

    def objects(self, family: str, table: str) -> list[str]:
        return []


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("input", "input", 0),
        ("input", "inptu", 1),
        ("input", "inpu", 1),
        ("other", "c", 2),  # these have no letter in common: nft's rows overlap
        ("ing", "p", 1),
        ("log_it", "c", 3),
    ],
)
def test_letters_are_counted_as_nft_counts_them(one: str, other: str, steps: int) -> None:
    assert distance(one.encode(), other.encode()) == steps


def test_a_third_of_the_letters_may_be_wrong() -> None:
    assert nearest_word("establihsed", ["new", "established"]) == "established"
    assert nearest_word("related", ["new", "established"]) is None


def test_names_of_one_letter_are_no_guess() -> None:
    assert nearest_word("a", ["b"]) is None


def test_of_two_that_are_as_near_the_first_is_meant() -> None:
    assert nearest_word("cat", ["bat", "hat"]) == "bat"


def test_a_chain_is_told_with_its_table() -> None:
    meant = nearest_chain("inptu", Names())
    assert str(meant) == "chain ‘input’ in table ip ‘filter’"


def test_a_table_may_be_of_another_family() -> None:
    meant = nearest_table("firewal", Names())
    assert meant is not None
    assert (meant.family, meant.name) == ("inet", "firewall")
