"""Rules that add to sets, renew elements, and take them out."""

from pystack.clock import Clock
from pystack.netfilter.nft.expression import Constant, Expression
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.nft.set_element import Element, SetForm
from pystack.netfilter.nft.set_update import ADD, DELETE, UPDATE, SetUpdate
from pystack.netfilter.nft.statements.counters import Counter, Quota
from pystack.netfilter.view import View
from tests.netfilter.rules import view

FORM = SetForm(fields=(4,), timeouts=True, timeout=1000, dynamic=True, size=1)
KEY = b"\x0a\0\0\1"


class Nothing(Expression):
    def __call__(self, view: View) -> bytes | None:
        return None


def made(form: SetForm = FORM) -> tuple[NftSet, Clock]:
    clock = Clock(now=100.0, hz=100)
    return NftSet(form, clock), clock


def test_a_rule_holds_while_there_is_room() -> None:
    content, _ = made()
    assert SetUpdate(ADD, content, Constant(KEY))(view())
    assert SetUpdate(ADD, content, Constant(KEY))(view())
    assert not SetUpdate(ADD, content, Constant(b"\x0a\0\0\2"))(view())
    assert [element.key for element in content] == [KEY]


def test_update_renews_and_add_does_not() -> None:
    content, clock = made()
    add, update = (SetUpdate(what, content, Constant(KEY), timeout=500) for what in (ADD, UPDATE))
    update(view())
    clock.now += 1
    (element,) = content
    add(view())
    assert (element.timeout, element.expires) == (500, 10_500)
    update(view())
    assert (element.timeout, element.expires) == (500, 10_600)


def test_delete_takes_the_element_out_and_always_holds() -> None:
    content, _ = made()
    content.add([Element(KEY)])
    delete = SetUpdate(DELETE, content, Constant(KEY))
    assert delete(view())
    assert delete(view())
    assert list(content) == []


def test_a_packet_without_such_a_key_or_value_matches_no_such_rule() -> None:
    content, _ = made()
    assert not SetUpdate(ADD, content, Nothing())(view())
    assert not SetUpdate(ADD, content, Constant(KEY), Nothing())(view())
    assert list(content) == []


def test_what_a_key_is_mapped_to_stays_as_it_was_first() -> None:
    content, _ = made(SetForm(fields=(4,), dynamic=True, is_map=True))
    for data in (b"1", b"2"):
        assert SetUpdate(UPDATE, content, Constant(KEY), Constant(data))(view())
    assert [element.data for element in content] == [b"1"]


def test_each_element_counts_for_itself_and_may_keep_the_rule_from_matching() -> None:
    content, _ = made()
    passing = view()
    rule = SetUpdate(ADD, content, Constant(KEY), statements=(Counter(), Quota(passing.length)))
    assert rule(passing)
    assert not rule(passing)
    (element,) = content
    counter, _ = element.statements
    assert isinstance(counter, Counter)
    assert counter.packets == 2


def test_a_sets_own_statements_are_those_of_its_elements() -> None:
    content, _ = made(SetForm(fields=(4,), dynamic=True, statements=(Counter(),)))
    SetUpdate(ADD, content, Constant(KEY))(view())
    (element,) = content
    assert [type(statement) for statement in element.statements] == [Counter]
