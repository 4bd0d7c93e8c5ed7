"""Rules: what stands in them, in the order written."""

from __future__ import annotations

import pytest

from pystack.applets.nft.tree.expressions import (
    Binary,
    Concatenation,
    Ct,
    Element,
    Elements,
    Flags,
    Lookup,
    Meta,
    Payload,
    Prefix,
    Range,
    SetName,
    Symbol,
    Verdict,
)
from pystack.applets.nft.tree.statements import (
    Assign,
    Counter,
    Decide,
    Limit,
    Log,
    Match,
    Nat,
    ObjectUse,
    Queue,
    Refusal,
    Reject,
    SetUpdate,
    Statement,
)
from tests.applets.nft.reading import error, match, statement, statements

SADDR = Payload("ip", "saddr")
DPORT = Payload("tcp", "dport")


def test_a_rule_has_its_statements_in_order() -> None:
    assert statements("tcp dport 22 counter accept") == (
        Match(DPORT, Symbol("22")),
        Counter(),
        Decide(Verdict("accept")),
    )


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("10.0.0.1", Symbol("10.0.0.1")),
        ("10.0.0.0/8", Prefix(Symbol("10.0.0.0"), 8)),
        ("10.0.0.1-10.0.0.9", Range(Symbol("10.0.0.1"), Symbol("10.0.0.9"))),
        ("@blackhole", SetName("blackhole")),
        ("{ 10.0.0.1, 10.0.0.2 }", Elements((Element(Symbol("10.0.0.1")), Element(Symbol("10.0.0.2"))))),
        ("a,b,c", Flags((Symbol("a"), Symbol("b"), Symbol("c")))),
    ],
)
def test_a_field_is_held_against_what_is_on_the_right(text: str, right: object) -> None:
    assert match(f"ip saddr {text}") == Match(SADDR, right)  # type: ignore[arg-type]


@pytest.mark.parametrize("operator", ["==", "!=", "<", ">", "<=", ">=", "!"])
def test_an_operator_is_kept_as_written(operator: str) -> None:
    assert match(f"tcp dport {operator} 22").operator == operator


def test_operators_have_names_too() -> None:
    assert match("tcp dport ne 22").operator == "!="


def test_bits_bind_tighter_than_the_comparison_and_each_other_in_c_s_order() -> None:
    mark = Meta("mark")
    assert match("meta mark & 0xff | 3 == 5").left == Binary(
        "|", Binary("&", mark, Symbol("255")), Symbol("3")
    )
    assert match("meta mark or 1 and 2 << 3 == 5").left == Binary(
        "|", mark, Binary("&", Symbol("1"), Binary("<<", Symbol("2"), Symbol("3")))
    )


def test_fields_are_concatenated_with_dots() -> None:
    assert match("ip saddr . tcp dport { 10.0.0.0/8 . 22-25 }") == Match(
        Concatenation((SADDR, DPORT)),
        Elements(
            (Element(Concatenation((Prefix(Symbol("10.0.0.0"), 8), Range(Symbol("22"), Symbol("25"))))),)
        ),
    )


def test_flags_have_a_mask_behind_a_slash() -> None:
    flags = Flags((Symbol("syn"), Symbol("ack")))
    assert match("tcp flags syn / syn,ack") == Match(Payload("tcp", "flags"), Symbol("syn"), "", flags)


def test_a_verdict_map_decides() -> None:
    found = Elements((Element(Symbol("22"), Verdict("accept")), Element(Symbol("23"), Verdict("jump", "x"))))
    assert statement("tcp dport vmap { 22 : accept, 23:jump x }") == Decide(
        Lookup(DPORT, found, is_verdict=True)
    )
    assert statement("tcp dport vmap @m") == Decide(Lookup(DPORT, SetName("m"), is_verdict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("limit rate 5/second", Limit(5, "second")),
        ("limit rate over 10 mbytes/minute burst 3 kbytes", Limit(10 << 20, "minute", 3 << 10, True, True)),
        ("limit rate 5/hour burst 7 packets", Limit(5, "hour", 7)),
        ("log prefix \"x y\" level info flags all", Log("x y", "info", ("all",))),
        ("log group 2 snaplen 10 queue-threshold 3", Log(group=2, snaplen=10, threshold=3)),
        ("reject", Reject()),
        ("reject with icmpx type port-unreachable", Reject("icmpx", Symbol("port-unreachable"))),
        ("reject with tcp reset", Reject("tcp reset")),
        ("dnat to 10.0.0.1:80", Nat("dnat", Symbol("10.0.0.1"), Symbol("80"))),
        ("snat ip to 10.0.0.1-10.0.0.2 random,persistent", Nat(
            "snat", Range(Symbol("10.0.0.1"), Symbol("10.0.0.2")), None, ("random", "persistent"), "ip")),
        ("masquerade to :1024-2048 random", Nat(
            "masquerade", None, Range(Symbol("1024"), Symbol("2048")), ("random",))),
        ("redirect to :80", Nat("redirect", None, Symbol("80"))),
        ("dnat to ip saddr map @m", Nat("dnat", Lookup(SADDR, SetName("m")))),
        ("dnat ip addr . port to ip saddr map @m", Nat(
            "dnat", Lookup(SADDR, SetName("m")), family="ip", with_port=True)),
        ("snat ip prefix to ip saddr map @m", Nat(
            "snat", Lookup(SADDR, SetName("m")), family="ip", prefix=True)),
        ("queue num 1-3 bypass", Queue(Range(Symbol("1"), Symbol("3")), ("bypass",))),
        ("queue flags bypass,fanout to 1-3", Queue(Range(Symbol("1"), Symbol("3")), ("bypass", "fanout"))),
        ("meta mark set 1", Assign(Meta("mark"), Symbol("1"))),
        ("mark set ct mark", Assign(Meta("mark"), Ct("mark"))),
        ("ct mark set meta mark", Assign(Ct("mark"), Meta("mark"))),
        ("ip ttl set 3", Assign(Payload("ip", "ttl"), Symbol("3"))),
        ("ct helper set \"ftp\"", ObjectUse("ct helper", Symbol("ftp", quoted=True))),
        ("counter name \"x\"", ObjectUse("counter", Symbol("x", quoted=True))),
        ("update @s { ip saddr timeout 1m limit rate 3/second }", SetUpdate(
            "update", "s", Element(SADDR, timeout=60000, statements=(Limit(3, "second"),)))),
        ("add @m { ip saddr : tcp dport }", SetUpdate("add", "m", Element(SADDR, DPORT))),
        ("synproxy mss 1460 wscale 7", Refusal("synproxy")),
    ],
)  # fmt: skip
def test_a_statement_says_what_it_does(text: str, expected: Statement) -> None:
    assert statement(text) == expected


def test_an_older_meter_and_an_older_update_are_known() -> None:
    assert str(statement("set add ip saddr @s")) == str(SetUpdate("add", "s", Element(SADDR)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("add rule x y", "syntax error, unexpected newline"),
        ("add rule x y tcp dport { 22 80 }", "syntax error, unexpected number, expecting comma or '}'"),
        ("add rule x y jump", "syntax error, unexpected newline, expecting '{'"),
        ("add rule x y limit rate", "syntax error, unexpected newline, expecting number"),
        ("add rule x y accept comment", "syntax error, unexpected newline, expecting string or quoted string "
            "or string with a trailing asterisk"),
        ("add rule x y ip saddr 1.1.1.1 )", "syntax error, unexpected ')', expecting end of file or newline "
            "or semicolon"),
        ("add rule x y log level foo", "invalid log level"),
        ("add rule x y fib iif oif", "fib: need either saddr or daddr"),
    ],
)  # fmt: skip
def test_a_bad_rule_is_refused_in_nft_s_words(text: str, words: str) -> None:
    assert error(text) == words
