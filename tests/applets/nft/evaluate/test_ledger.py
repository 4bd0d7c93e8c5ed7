"""What nft believes that a set of intervals holds: what overlaps and what is missing, also behind errors."""

from collections.abc import Callable
from random import Random

import pytest

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate.ledger import FEW, Held, Ledger
from pystack.applets.nft.evaluate.ordering import Span
from pystack.applets.nft.tree.expressions import Anything, Element


def span(low: int, high: int) -> Span:
    return low, high, Element(Anything())


def known(*spans: Span) -> Ledger:
    return Ledger([Held(*one, is_known=True) for one in spans])


def refused(change: Callable[[], object]) -> str:
    with pytest.raises(NftError) as caught:
        change()
    return caught.value.complaints[0].message


def test_what_is_there_may_be_put_in_again_but_not_touched() -> None:
    ledger = known(span(10, 20))
    ledger.add([span(10, 20)])
    assert refused(lambda: ledger.add([span(15, 15)])) == "interval overlaps with an existing one"


def test_what_a_declaration_holds_conflicts_until_another_command_has_seen_it() -> None:
    ledger = Ledger()
    ledger.declare([span(10, 20)])
    assert refused(lambda: ledger.add([span(15, 15)])) == "conflicting intervals specified"
    assert refused(lambda: ledger.add([span(40, 40)])) == "interval overlaps with an existing one"


def test_the_first_command_sends_what_the_declaration_holds_once_more() -> None:
    ledger = Ledger()
    ledger.declare([span(10, 20)])
    assert [one[:2] for one in ledger.add([span(5, 5)])] == [(5, 5), (10, 20)]
    assert [one[:2] for one in ledger.add([span(7, 7)])] == [(7, 7)]


def test_only_what_is_there_goes_and_what_was_not_found_is_blamed_again() -> None:
    ledger = known(span(10, 20), span(30, 30))
    assert refused(lambda: ledger.delete([span(10, 19)])) == "element does not exist"
    assert refused(lambda: ledger.delete([span(30, 30)])) == "element does not exist"
    ledger.clear()
    assert ledger.add([span(10, 19)])


def test_what_a_declaration_holds_goes_at_the_second_time() -> None:
    ledger = Ledger()
    ledger.declare([span(10, 20)])
    assert ledger.delete([span(10, 20)]) == []
    assert [one[:2] for one in ledger.delete([span(10, 20)])] == [(10, 20)]


def test_a_look_at_the_neighbours_finds_what_a_look_at_all_finds() -> None:
    chance = Random(1)
    for _ in range(200):
        quick, thorough = known(), known()
        for _ in range(30):
            thorough._is_clean = False
            spans = [span(low := chance.randrange(60), low + chance.randrange(4)) for _ in range(FEW // 8)]
            spans.sort(key=lambda one: one[0])
            name = chance.choice(("add", "add", "delete"))
            assert outcome(quick, name, spans) == outcome(thorough, name, spans)


def outcome(ledger: Ledger, name: str, spans: list[Span]) -> tuple[str, list[tuple[int, int]]]:
    try:
        sent = getattr(ledger, name)(spans)
    except NftError as error:
        return error.complaints[0].message, []
    return "", [one[:2] for one in sent]
