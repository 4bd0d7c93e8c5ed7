"""Sets and maps of nft: what a key falls on, what may stand beside what, how long, and how many."""

import pytest

from pystack.clock import Clock
from pystack.errors import EBUSY, EEXIST, EINVAL, ENFILE, ENOENT, EOPNOTSUPP, ERANGE, NetError
from pystack.host import Host
from pystack.netfilter.nft.set import NftSet, SetRefused
from pystack.netfilter.nft.set_element import Element, SetForm
from pystack.netfilter.nft.statements.conn_limit import ConnLimit
from pystack.netfilter.rule import Chain, Jump, Match, Verdict
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View
from tests.frames import ip

HASH = SetForm(fields=(4,))
INTERVAL = SetForm(fields=(4,), interval=True)
PAIRS = SetForm(fields=(4, 2), interval=True)


class Hits(Match):
    """A statement that every element has one of its own of."""

    def __init__(self) -> None:
        self.hits = 0

    def __call__(self, view: View) -> bool:
        """Never asked by a set itself."""
        self.hits += 1
        return True

    def clone(self) -> Match:
        """A fresh one."""
        return Hits()


def made(form: SetForm, *elements: Element) -> tuple[NftSet, Clock]:
    clock = Clock(now=1000.0, hz=100)
    content = NftSet(form, clock)
    content.add(elements)
    return content, clock


def key(address: str) -> bytes:
    return ip(address).to_bytes(4, "big")


def span(text: str) -> Element:
    """`10.0.0.1`, `10.0.0.1-10.0.0.9`."""
    low, _, high = text.partition("-")
    return Element(key(low), key(high) if high else None)


def pair(addresses: str, low: int, high: int) -> Element:
    """A range of addresses, and one of ports."""
    ends = span(addresses)
    return Element(
        ends.key + low.to_bytes(2, "big") + bytes(2), ends.end + high.to_bytes(2, "big") + bytes(2)
    )


def refusal(content: NftSet, *elements: Element, exclusive: bool = False) -> tuple[int, int, bool]:
    with pytest.raises(SetRefused) as refused:
        content.add(elements, exclusive=exclusive)
    return refused.value.number, refused.value.at, refused.value.is_end


# --- what a key falls on ------------------------------------------------------------------------------------


def test_a_key_is_found_in_a_plain_set_only_as_it_is() -> None:
    content, _ = made(HASH, span("10.0.0.1"))
    assert content.find(key("10.0.0.1")) is not None
    assert content.find(key("10.0.0.2")) is None


def test_a_key_falls_on_the_interval_whose_ends_enclose_it() -> None:
    content, _ = made(
        INTERVAL, span("10.0.0.0-10.0.0.9"), span("10.0.0.10-10.0.0.19"), span("255.0.0.0-255.255.255.255")
    )
    found = [
        content.find(key(text))
        for text in ("9.255.255.255", "10.0.0.9", "10.0.0.10", "10.0.0.20", "255.255.255.255")
    ]
    assert [one and one.key for one in found] == [
        None,
        key("10.0.0.0"),
        key("10.0.0.10"),
        None,
        key("255.0.0.0"),
    ]


def test_of_overlapping_concatenations_the_eldest_counts() -> None:
    content, _ = made(PAIRS, pair("10.0.0.1-10.0.0.9", 80, 90), pair("10.0.0.0-10.0.0.19", 70, 190))
    assert content.find(pair("10.0.0.4", 85, 85).key) is next(iter(content))
    wide = content.find(pair("10.0.0.4", 100, 100).key)
    assert wide is not None
    assert wide.key == pair("10.0.0.0", 70, 0).key
    assert content.find(pair("10.0.0.20", 85, 85).key) is None


def test_what_no_other_element_stands_for_falls_on_the_asterisk() -> None:
    content, _ = made(HASH, span("10.0.0.1"), Element(b"", data=b"rest"))
    found = content.find(key("10.0.0.2"))
    assert found is not None
    assert found.data == b"rest"
    assert content.find(key("10.0.0.1")) is not found


# --- what may stand beside what -----------------------------------------------------------------------------


def test_adding_what_is_there_changes_nothing_but_creating_it_is_refused() -> None:
    content, _ = made(INTERVAL, span("10.0.0.0-10.0.0.9"))
    content.add([span("10.0.0.0-10.0.0.9")])
    assert len(list(content)) == 1
    assert refusal(content, span("1.1.1.1"), span("10.0.0.0-10.0.0.9"), exclusive=True) == (EEXIST, 1, False)


@pytest.mark.parametrize(
    "other", ["10.0.0.5", "10.0.0.5-10.0.0.20", "9.0.0.0-10.0.0.0", "9.0.0.0-11.0.0.0", "10.0.0.0-10.0.0.8"]
)
def test_intervals_share_no_key(other: str) -> None:
    content, _ = made(INTERVAL, span("10.0.0.0-10.0.0.9"))
    assert refusal(content, span(other)) == (EEXIST, 0, False)


def test_a_concatenation_may_reach_over_another_but_not_end_in_it() -> None:
    content, _ = made(PAIRS, pair("10.0.0.1-10.0.0.9", 80, 90))
    for inside in (
        pair("10.0.0.1-10.0.0.9", 82, 85),
        pair("10.0.0.5-10.0.0.19", 85, 190),
        pair("9.0.0.5-10.0.0.4", 70, 85),
    ):
        assert refusal(content, inside) == (EEXIST, 0, False)
    content.add([pair("10.0.0.0-10.0.0.19", 70, 190)])


def test_a_key_is_not_mapped_to_two_things() -> None:
    content, _ = made(SetForm(fields=(4,), is_map=True), Element(key("1.1.1.1"), data=b"1"))
    assert refusal(content, Element(key("1.1.1.1"), data=b"2")) == (EEXIST, 0, False)
    content.add([Element(key("1.1.1.1"), data=b"1")])


def test_verdicts_are_the_same_if_they_say_the_same() -> None:
    one, other = Chain("one"), Chain("other")
    content, _ = made(
        SetForm(fields=(1,), is_map=True), Element(b"1", data=Jump(one)), Element(b"2", data=Verdict(NF_DROP))
    )
    content.add([Element(b"1", data=Jump(one)), Element(b"2", data=Verdict(NF_DROP))])
    for clash in (
        Element(b"1", data=Jump(one, goto=True)),
        Element(b"1", data=Jump(other)),
        Element(b"2", data=Verdict(NF_ACCEPT)),
    ):
        assert refusal(content, clash) == (EEXIST, 0, False)
    assert content.chains() == {one}


def test_a_new_element_has_statements_of_its_own() -> None:
    counting = Hits()
    content, _ = made(SetForm(fields=(4,), statements=(counting,)), span("1.1.1.1"), span("1.1.1.2"))
    first, second = (element.statements for element in content)
    assert len({id(counting), id(first[0]), id(second[0])}) == 3


# --- transactions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [HASH, INTERVAL])
def test_of_elements_that_are_refused_none_stays(form: SetForm) -> None:
    content, _ = made(form, span("10.0.0.5"))
    assert refusal(content, span("10.0.0.1"), span("10.0.0.9"), span("10.0.0.5"), exclusive=True)[:2] == (
        EEXIST,
        2,
    )
    assert [element.key for element in content] == [key("10.0.0.5")]
    with pytest.raises(SetRefused) as refused:
        content.delete([span("10.0.0.5"), span("10.0.0.6")])
    assert (refused.value.number, refused.value.at) == (ENOENT, 1)
    assert [element.key for element in content] == [key("10.0.0.5")]


@pytest.mark.parametrize("form", [HASH, INTERVAL, PAIRS])
def test_what_was_done_can_be_undone(form: SetForm) -> None:
    texts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    elements = [pair(text, 1, 9) if form is PAIRS else span(text) for text in texts]
    content, _ = made(form, *elements, Element(b""))
    before = list(content)
    added = content.add([pair("9.9.9.9", 1, 1) if form is PAIRS else span("9.9.9.9")])
    deleted = content.delete([elements[1], Element(b"")])
    flushed = content.flush()
    assert list(content) == []
    for undo in (flushed, deleted, added):
        undo()
    assert sorted(content, key=id) == sorted(before, key=id)
    assert form is HASH or list(content) == before


def test_an_interval_is_deleted_only_as_a_whole() -> None:
    content, _ = made(INTERVAL, span("10.0.0.0-10.0.0.9"))
    for part in ("10.0.0.0-10.0.0.4", "10.0.0.4-10.0.0.9", "10.0.0.3"):
        assert content.exact(span(part)) is None
    content.delete([span("10.0.0.0-10.0.0.9")])
    assert list(content) == []


def test_deleting_a_concatenation_takes_the_element_that_its_lowest_key_falls_on() -> None:
    content, _ = made(PAIRS, pair("10.0.0.1-10.0.0.9", 80, 90))
    content.delete([pair("10.0.0.4", 85, 85)])
    assert list(content) == []


# --- how long -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [HASH, INTERVAL])
def test_an_element_is_there_until_its_time_is_over(form: SetForm) -> None:
    timed = SetForm(fields=form.fields, interval=form.interval, timeouts=True, timeout=200)
    content, clock = made(
        timed, span("10.0.0.1"), Element(key("10.0.0.2"), timeout=300), Element(b"", timeout=400, expires=100)
    )
    clock.now += 0.99
    assert len(list(content)) == 3
    clock.now += 0.01
    assert content.find(key("9.9.9.9")) is None
    clock.now += 1
    assert content.find(key("10.0.0.1")) is None
    assert [element.key for element in content] == [key("10.0.0.2")]
    content.add([span("10.0.0.1")], exclusive=True)


def test_an_expired_interval_is_in_nobodys_way() -> None:
    content, clock = made(
        SetForm(fields=(4,), interval=True, timeouts=True),
        Element(key("10.0.0.0"), key("10.0.0.9"), timeout=100),
    )
    clock.now += 1
    content.add([span("10.0.0.5-10.0.0.19")])
    assert [element.end for element in content] == [key("10.0.0.19")]


def test_behind_an_expired_concatenation_the_next_one_counts() -> None:
    short, wide = pair("10.0.0.1-10.0.0.9", 80, 90), pair("10.0.0.0-10.0.0.19", 70, 190)
    short.timeout = 100
    content, clock = made(SetForm(fields=(4, 2), interval=True, timeouts=True), short, wide)
    clock.now += 1
    assert content.find(pair("10.0.0.4", 85, 85).key) is wide


def test_adding_an_element_again_gives_it_another_time() -> None:
    content, clock = made(SetForm(fields=(4,), timeouts=True, timeout=1000), span("1.1.1.1"))
    clock.now += 5
    known = content.find(key("1.1.1.1"))
    assert known is not None
    content.add([span("1.1.1.1")])
    assert known.expires == 101_000
    undo = content.add([Element(key("1.1.1.1"), timeout=2000)])
    assert (known.timeout, known.expires) == (2000, 102_500)
    undo()
    assert (known.timeout, known.expires) == (1000, 101_000)
    content.add([Element(key("1.1.1.1"), expires=700)])
    assert (known.timeout, known.expires) == (1000, 101_200)


def test_nothing_is_left_more_time_than_it_has() -> None:
    content, _ = made(SetForm(fields=(4,), timeouts=True, timeout=200))
    assert refusal(content, Element(key("1.1.1.1"), expires=201)) == (ERANGE, 0, False)


# --- how many -----------------------------------------------------------------------------------------------


def test_a_full_set_takes_no_more_but_knows_what_it_has() -> None:
    content, _ = made(SetForm(fields=(4,), size=2), span("1.1.1.1"), span("1.1.1.2"))
    assert refusal(content, span("1.1.1.1"), span("1.1.1.3")) == (ENFILE, 1, False)
    content.add([Element(b"")])
    content.delete([span("1.1.1.1")])
    content.add([span("1.1.1.3")])


def test_an_interval_that_is_open_leaves_room_for_the_start_of_another_one() -> None:
    content, _ = made(
        SetForm(fields=(4,), interval=True, size=2),
        span("10.0.0.0-10.0.0.9"),
        span("255.0.0.0-255.255.255.255"),
    )
    assert refusal(content, span("1.1.1.1")) == (ENFILE, 0, True)
    content.delete([span("255.0.0.0-255.255.255.255")])
    content.add([span("1.1.1.1")])
    assert refusal(content, span("1.1.1.2")) == (ENFILE, 0, False)


def test_what_expired_makes_room_but_not_more_often_than_a_worker_would_come() -> None:
    content, clock = made(
        SetForm(fields=(4,), timeouts=True, timeout=50, size=1, dynamic=True), span("1.1.1.1")
    )
    clock.now += 0.6
    assert content.update(key("1.1.1.2"), None, 0, (), renews=False) is None
    clock.now += 0.4
    assert content.update(key("1.1.1.2"), None, 0, (), renews=False) is not None


# --- from rules ---------------------------------------------------------------------------------------------

DYNAMIC = SetForm(fields=(4,), timeouts=True, timeout=1000, dynamic=True, size=10)


def test_only_an_update_gives_an_element_a_new_span_of_life() -> None:
    content, clock = made(DYNAMIC)
    element = content.update(key("1.1.1.1"), None, 0, (Hits(),), renews=False)
    assert element is not None
    assert element.expires == 101_000
    clock.now += 5
    assert content.update(key("1.1.1.1"), None, 0, (), renews=False) is element
    assert element.expires == 101_000
    assert content.update(key("1.1.1.1"), None, 200, (), renews=True) is element
    assert (element.timeout, element.expires) == (1000, 100_700)


def test_a_rule_takes_out_what_is_there() -> None:
    content, _ = made(DYNAMIC, span("1.1.1.1"))
    content.remove(key("1.1.1.2"))
    content.remove(key("1.1.1.1"))
    assert list(content) == []


@pytest.mark.parametrize(
    ("form", "with_statements", "errno"),
    [
        (SetForm(fields=(4,), interval=True), False, EOPNOTSUPP),
        (SetForm(fields=(4,), size=10), False, EOPNOTSUPP),
        (SetForm(fields=(2,)), False, EOPNOTSUPP),
        (SetForm(fields=(4,), holds_objects=True), False, EOPNOTSUPP),
        (SetForm(fields=(4,), constant=True), False, EBUSY),
        (SetForm(fields=(4,)), True, EINVAL),
    ],
)
def test_some_sets_take_nothing_from_rules(form: SetForm, with_statements: bool, errno: int) -> None:
    content, _ = made(form)
    with pytest.raises(NetError) as refused:
        content.take_updates((Hits(),) if with_statements else (), timeout=False)
    assert refused.value.number == errno


@pytest.mark.parametrize(
    "form", [SetForm(fields=(4,)), SetForm(fields=(2,), timeouts=True), SetForm(fields=(2,), dynamic=True)]
)
def test_a_set_that_rules_add_to_has_a_size(form: SetForm) -> None:
    content, _ = made(form)
    content.take_updates((), timeout=False)
    content.take_updates((), timeout=False)
    assert content.form.size == 65535


def test_some_kinds_of_sets_are_not_made_at_all() -> None:
    for form in (
        SetForm(fields=(4,), constant=True, timeouts=True),
        SetForm(fields=(4,), interval=True, dynamic=True),
    ):
        with pytest.raises(NetError) as refused:
            form.check()
        assert refused.value.number == EOPNOTSUPP


def test_two_keys_are_asked_for_together_only_if_one_element_has_both() -> None:
    content, _ = made(INTERVAL, span("10.0.0.0-10.0.0.9"), span("10.0.0.10-10.0.0.19"))
    assert content.enclosing(key("10.0.0.3"), key("10.0.0.4")) is not None
    assert content.enclosing(key("10.0.0.3"), key("10.0.0.14")) is None
    assert content.enclosing(b"", b"") is None


def test_elements_that_count_connections_have_no_time_of_their_own() -> None:
    counting = ConnLimit(Host().init.nft_ground.context, 5)
    content, _ = made(DYNAMIC)
    with pytest.raises(NetError) as refused:
        content.take_updates((counting,), timeout=False)
    assert refused.value.number == EOPNOTSUPP
    with pytest.raises(NetError):
        SetForm(fields=(4,), timeouts=True, statements=(counting,)).check()


def test_a_set_without_timeouts_takes_no_element_that_has_one() -> None:
    content, _ = made(HASH)
    assert refusal(content, Element(key("1.1.1.1"), timeout=5)) == (EINVAL, 0, False)
    content, _ = made(SetForm(fields=(4,)))
    with pytest.raises(NetError) as refused:
        content.take_updates((), timeout=True)
    assert refused.value.number == EOPNOTSUPP


def test_an_element_that_counts_connections_goes_with_the_last_of_them() -> None:
    counting = ConnLimit(Host().init.nft_ground.context, 5)
    content, clock = made(SetForm(fields=(4,), dynamic=True, size=10))
    content.update(key("1.1.1.1"), None, 0, (counting,), renews=False)
    assert len(list(content)) == 1
    clock.now += 1
    assert list(content) == []
