"""Tables, chains, sets and objects in braces."""

from __future__ import annotations

import pytest

from pystack.applets.nft.place import COMMAND_LINE
from pystack.applets.nft.reading import read
from pystack.applets.nft.source import source_of
from pystack.applets.nft.tree.commands import ChainText, ObjectText, Priority, SetText
from pystack.applets.nft.tree.expressions import (
    Anything,
    Concatenation,
    Element,
    Flags,
    Payload,
    Prefix,
    Range,
    Symbol,
    Verdict,
)
from pystack.applets.nft.tree.statements import Counter, Decide, Limit, Quota
from tests.applets.nft.reading import chain, command, error, first_line, set_of, table


def test_a_base_chain_has_type_hook_priority_and_policy() -> None:
    assert chain("type filter hook input priority filter + 10; policy drop;") == ChainText(
        "c", "filter", "input", None, Priority("filter", 10), Verdict("drop")
    )


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("device eth0", ("eth0",)),
        ("device \"eth0\"", ("eth0",)),
        ("devices = { eth0, eth1 }", ("eth0", "eth1")),
    ],
)  # fmt: skip
def test_a_chain_hangs_at_devices(text: str, devices: tuple[str, ...]) -> None:
    made = chain(f"type filter hook ingress {text} priority -5;").devices
    assert isinstance(made, Flags)
    assert tuple(item.text for item in made.items if isinstance(item, Symbol)) == devices


def test_rules_comments_and_flags_stand_in_a_chain_s_block() -> None:
    made = chain('comment "x"; flags offload; accept; drop comment "y"')
    assert (made.comment, made.flags) == ("x", ("offload",))
    assert [rule.comment for rule in made.rules] == ["", "y"]


def test_a_table_has_flags_and_a_comment() -> None:
    made = table('flags dormant; comment "x"')
    assert (made.flags, made.comment) == (("dormant",), "x")


def test_a_chain_without_a_name_stands_in_its_rule() -> None:
    (rule,) = chain("jump {\naccept\n}").rules
    (jump,) = rule.statements
    assert isinstance(jump, Decide)
    assert isinstance(jump.verdict, Verdict)
    assert jump.verdict.rules is not None
    assert len(jump.verdict.rules) == 1


def test_a_set_has_all_its_properties() -> None:
    made = set_of(
        "type ipv4_addr . inet_service; flags timeout,interval; timeout 1h; gc-interval 5s; size 9; "
        'policy memory; auto-merge; counter; comment "x"; elements = { 10.0.0.0/8 . 1-5 timeout 1m }'
    )
    key = Concatenation((Prefix(Symbol("10.0.0.0"), 8), Range(Symbol("1"), Symbol("5"))))
    assert made == SetText(
        "s",
        ("ipv4_addr", "inet_service"),
        flags=("interval", "timeout"),
        timeout=3600000,
        gc_interval=5000,
        size=9,
        policy="memory",
        auto_merge=True,
        statements=(Counter(),),
        elements=(Element(key, timeout=60000),),
        comment="x",
    )


def test_a_map_has_data() -> None:
    assert set_of("type ipv4_addr : verdict", "map").data == "verdict"
    assert set_of("type ipv4_addr : counter", "map").data == "counter"
    assert set_of("type ipv4_addr : interval ipv4_addr . inet_service", "map").data_interval
    assert set_of("typeof ip saddr : tcp dport", "map").data == Payload("tcp", "dport")


def test_elements_may_have_data_and_everything_else_a_star() -> None:
    made = set_of("type inet_service : verdict; elements = { 22 : accept, * : drop }", "map")
    assert made.elements == (
        Element(Symbol("22"), Verdict("accept")),
        Element(Anything(), Verdict("drop")),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("counter o { packets 1 bytes 2 }", ObjectText("counter", "o", Counter(1, 2))),
        ("quota o { over 5 mbytes used 1 kbytes }", ObjectText("quota", "o", Quota(5 << 20, 1024, True))),
        ("limit o { rate 5/hour; comment \"x\" }", ObjectText("limit", "o", Limit(5, "hour"), comment="x")),
        ("ct helper o { type \"ftp\" protocol tcp; l3proto ip; }", ObjectText(
            "ct helper", "o", fields={"type": "ftp", "protocol": "tcp", "l3proto": "ip"})),
        ("ct timeout o { protocol udp; policy = { replied : 5, unreplied : 3 }\n}", ObjectText(
            "ct timeout", "o", fields={"protocol": "udp", "policy": (("replied", 5), ("unreplied", 3))})),
        ("flowtable o { hook ingress priority 0; devices = { lo }; }", ObjectText(
            "flowtable", "o", fields={"devices": Flags((Symbol("lo"),))})),
    ],
)  # fmt: skip
def test_a_named_object_has_its_numbers(text: str, expected: ObjectText) -> None:
    assert table(text).objects == (expected,)


def test_long_lists_of_plain_elements_are_the_same_as_others() -> None:
    plain = "10.0.0.1, 10.0.0.2-10.0.0.5,\n10.0.0.0/8 ,7,"
    made = set_of(f"type ipv4_addr; elements = {{ {plain} eth0 }}").elements
    assert made == (
        Element(Symbol("10.0.0.1")),
        Element(Range(Symbol("10.0.0.2"), Symbol("10.0.0.5"))),
        Element(Prefix(Symbol("10.0.0.0"), 8)),
        Element(Symbol("7")),
        Element(Symbol("eth0")),
    )


@pytest.mark.parametrize("element", ["10.0.0.0/08", "10.0.0.1 10.0.0.2", "10.0.0.1-", "5 5"])
def test_what_is_not_plain_goes_the_way_of_the_grammar(element: str) -> None:
    assert error(f"add element x y {{ 1, {element}, 3 }}").startswith("syntax error, unexpected ")


def test_plain_elements_have_their_places() -> None:
    made = command("add element x y { 10.0.0.1,\n 10.0.0.2, 10.0.0.3 }").body
    assert isinstance(made, tuple)
    places = [item.at for item in made]
    assert [(at.line, at.first, at.last) for at in places] == [(1, 19, 26), (2, 2, 9), (2, 12, 19)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("add chain x y { type foo hook input priority 0; }", "unknown chain type"),
        ("add chain x y { type filter hook foo priority 0; }", "unknown chain hook"),
        ("add chain x y { policy accept; policy drop; }", "you cannot set chain policy twice"),
        ("add set x y { type foo; }", "unknown datatype foo"),
        ("add set x y { typeof foo; }", "primary expression type 'symbol' lacks typeof serialization"),
        ("add set x y { timeout 5x; }", "syntax error, unexpected number, expecting string"),
        ("add set x y { timeout eth0; }", "wrong time format"),
        ("table x { flags foo; }", "unknown table option foo"),
        ("table x { chain y { accept } }", "syntax error, unexpected '}', expecting newline or semicolon"),
    ],
)  # fmt: skip
def test_a_bad_block_is_refused_in_nft_s_words(text: str, words: str) -> None:
    assert error(text) == words


def test_reading_goes_on_behind_an_error_and_says_all_of_them() -> None:
    found = read(source_of("/x", b"table x {\n\tfoo\n\tchain y {\n\t\tbar\n\t}\n}\ntable z\nbaz\n"))
    assert [first_line(one) for one in found.errors] == [
        "/x:2:2-4: Error: syntax error, unexpected string",
        "/x:4:6-6: Error: syntax error, unexpected newline",
        "/x:8:4-4: Error: syntax error, unexpected newline, expecting string",
    ]
    assert [one.handle.table for one in found.commands] == ["x", "z"]


def test_no_more_than_ten_errors_are_said() -> None:
    found = read(source_of(COMMAND_LINE, b"5\n" * 20))
    assert len(found.errors) == 10
