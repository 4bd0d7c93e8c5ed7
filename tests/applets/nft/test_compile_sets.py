"""Named sets: what is added in texts is listed in texts."""

from __future__ import annotations

from pystack.applets.nft.compile.sets import TypedSet, object_kind
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Anything, Element, Prefix, Range, Value, Verdict
from pystack.applets.nft.tree.statements import Counter
from pystack.applets.nft.types import INET_SERVICE, IPV4_ADDR, TCP_FLAG
from pystack.host import Host
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import Chain

ADDRESS, SERVICE = Expected(IPV4_ADDR, 32), Expected(INET_SERVICE, 16)


def made(text: SetText, key: Expected = ADDRESS, data: Expected | None = None) -> TypedSet:
    table = NftTable("inet", "t", 1)
    table.chains["other"] = Chain("other")
    return TypedSet(text, key, data or Expected(), Site(table, Host().namespaces[""].nft_ground))


def address(last: int) -> Value:
    return Value(bytes((10, 0, 0, last)), IPV4_ADDR)


def test_elements_are_listed_in_order_and_the_one_for_all_others_last() -> None:
    numbers = made(SetText(name="s", key=("ipv4_addr",)))
    numbers.add([Element(Anything()), Element(address(9)), Element(address(2))])
    assert [item.key for item in numbers.elements()] == [address(2), address(9), Anything()]


def test_flags_are_in_the_order_of_their_lowest_and_of_the_same_the_newest_is_first() -> None:
    flags = made(SetText(name="s", key=("tcp_flag",)), Expected(TCP_FLAG, 8))
    flags.add([Element(Value(bytes((one,)), TCP_FLAG)) for one in (0x12, 0x11, 0x02, 0x19)])
    assert [item.key for item in flags.elements()] == [
        Value(bytes((one,)), TCP_FLAG) for one in (0x19, 0x11, 0x02, 0x12)
    ]


def test_intervals_are_listed_in_their_shortest_form() -> None:
    spans = made(SetText(name="s", key=("ipv4_addr",), flags=("interval",)))
    spans.add(
        [
            Element(Range(address(0), address(255))),
            Element(Range(Value(b"\x09\0\0\1", IPV4_ADDR), Value(b"\x09\0\0\2", IPV4_ADDR))),
        ]
    )
    first, second = spans.elements()
    assert first.key == Range(Value(b"\x09\0\0\1", IPV4_ADDR), Value(b"\x09\0\0\2", IPV4_ADDR))
    assert second.key == Prefix(address(0), 24)


def test_a_time_that_all_elements_have_is_not_listed() -> None:
    timed = made(SetText(name="s", key=("ipv4_addr",), timeout=10_000))
    timed.add([Element(address(1)), Element(address(2), timeout=60_000), Element(address(3), expires=4000)])
    assert [(item.timeout, item.expires) for item in timed.elements()] == [
        (None, 10_000),
        (60_000, 60_000),
        (None, 4000),
    ]


def test_another_declaration_changes_the_times_but_not_a_size_that_it_does_not_say() -> None:
    timed = made(SetText(name="s", key=("ipv4_addr",), timeout=10_000, size=5))
    undo = timed.amend(SetText(name="s", key=("ipv4_addr",), timeout=20_000))
    timed.add([Element(address(1))])
    assert [item.expires for item in timed.elements()] == [20_000]
    assert timed.core.form.size == 5
    undo()
    assert [item.timeout for item in timed.elements()] == [20_000]


def test_every_element_has_the_statements_of_the_set() -> None:
    counted = made(SetText(name="s", key=("ipv4_addr",), statements=(Counter(),)))
    counted.add([Element(address(1)), Element(address(2), statements=(Counter(3, 4),))])
    assert [item.statements for item in counted.elements()] == [(Counter(0, 0),), (Counter(3, 4),)]


def test_a_verdict_map_leads_to_chains() -> None:
    text = SetText(name="m", key=("ipv4_addr",), data=("verdict",), is_map=True)
    verdicts = made(text)
    verdicts.add([Element(address(1), Verdict("jump", "other")), Element(address(2), Verdict("drop"))])
    assert [chain.name for chain in verdicts.chains()] == ["other"]
    assert [item.data for item in verdicts.elements()] == [Verdict("jump", "other"), Verdict("drop")]
    undo = verdicts.delete([Element(address(1))])
    assert verdicts.chains() == set()
    undo()
    verdicts.flush()
    assert verdicts.elements() == ()


def test_an_element_is_asked_for_by_any_key_that_falls_on_it() -> None:
    spans = made(SetText(name="s", key=("inet_service",), flags=("interval",)), SERVICE)
    port, other = Value(b"\0\x50", INET_SERVICE), Value(b"\0\x5b", INET_SERVICE)
    spans.add([Element(Range(port, other))])
    asked = [Element(Value(b"\0\x55", INET_SERVICE)), Element(Value(b"\1\x55", INET_SERVICE))]
    assert [found and found.key for found in spans.get(asked)] == [Range(port, other), None]


def test_only_a_word_that_is_no_type_says_which_objects_a_map_holds() -> None:
    assert object_kind(SetText(name="m", data="counter")) == "counter"
    assert object_kind(SetText(name="m", data="verdict")) == ""
    assert object_kind(SetText(name="m", data=("mark",))) == ""


def test_a_merged_interval_takes_the_place_of_those_that_it_covers() -> None:
    merging = made(SetText(name="s", key=("ipv4_addr",), flags=("interval",), auto_merge=True))
    apart = [Element(Range(address(0), address(9))), Element(address(20)), Element(address(255))]
    merging.add(apart)
    whole = Element(Range(address(0), address(20)))
    undo = merging.add([whole, Element(address(255))])
    assert [item.key for item in merging.elements()] == [whole.key, address(255)]
    undo()
    assert [item.key for item in merging.elements()] == [item.key for item in apart]


def told(content: TypedSet) -> list[tuple[str, list[object]]]:
    return [(operation, [item.key for item in tell()]) for operation, tell in content.told_changes()]


def test_what_a_change_did_is_told_once() -> None:
    numbers = made(SetText(name="s", key=("ipv4_addr",)))
    numbers.add([Element(address(2))])
    assert told(numbers) == [("", [address(2)])]
    assert told(numbers) == []
    numbers.add([Element(address(2)), Element(address(9))])
    assert told(numbers) == [("", [address(9)])]
    numbers.delete([Element(address(2))])
    assert told(numbers) == [("", [address(2)])]


def test_of_merged_intervals_those_that_they_replace_are_told_first() -> None:
    merging = made(SetText(name="s", key=("ipv4_addr",), flags=("interval",), auto_merge=True))
    merging.add([Element(address(1)), Element(address(9))])
    told(merging)
    merging.add([Element(Range(address(1), address(2)))])
    assert told(merging) == [("delete", [address(1)]), ("", [Range(address(1), address(2))])]
    merging.flush()
    assert told(merging) == [("", [address(9), Range(address(1), address(2))])]
