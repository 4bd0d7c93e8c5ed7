"""Expressions and matches as nft 1.0.6 lists them; the texts are measured."""

import pytest

from pystack.applets.nft import types
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.statements import rule_text
from pystack.applets.nft.style import Style
from pystack.applets.nft.tree.expressions import (
    Anything,
    Binary,
    Boolean,
    Concatenation,
    Ct,
    Element,
    Elements,
    Expression,
    ExtensionHeader,
    Fib,
    Hash,
    IpOption,
    Lookup,
    Meta,
    Numgen,
    Payload,
    Prefix,
    Range,
    RawPayload,
    Rt,
    SctpChunk,
    SetName,
    SocketOf,
    TcpOption,
    Value,
    Verdict,
)
from pystack.applets.nft.tree.statements import Match
from pystack.applets.nft.types import DataType
from tests.applets.nft.test_values import machine

PAGE = Page(around=machine())
NUMERIC = Page(Style(numeric_protocol=True, numeric_symbol=True), machine())


def value(kind: DataType, number: int, octets: int = 0) -> Value:
    return Value(number.to_bytes(octets or kind.octets or 4), kind)


SADDR, DPORT, FLAGS = Payload("ip", "saddr"), Payload("tcp", "dport"), Payload("tcp", "flags")
ONE, TWO = value(types.IPV4_ADDR, 0x0A000001), value(types.IPV4_ADDR, 0x0A000002)
SSH, HTTP = value(types.INET_SERVICE, 22), value(types.INET_SERVICE, 80)
SYN, SYN_ACK = value(types.TCP_FLAG, 2), value(types.TCP_FLAG, 0x12)
NEW_OR_OLD = value(types.CT_STATE, 0x0A)
MARKS = Range(value(types.MARK, 1), value(types.MARK, 5))
TTLS = Range(value(types.INTEGER, 1, 1), value(types.INTEGER, 2, 1))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (Meta("iifname"), "iifname"),
        (Meta("mark"), "meta mark"),
        (Ct("state"), "ct state"),
        (Ct("ip saddr", "original"), "ct original ip saddr"),
        (RawPayload("th", 0, 8), "@th,0,8"),
        (Payload("arp", "saddr ip"), "arp saddr ip"),
        (ExtensionHeader("frag", "more-fragments"), "frag more-fragments"),
        (ExtensionHeader("frag"), "exthdr frag"),
        (TcpOption("sack1", "left"), "tcp option sack1 left"),
        (TcpOption("sack0", "left"), "tcp option sack left"),
        (TcpOption("sack-perm"), "tcp option sack-perm"),
        (TcpOption("", raw=(7, 8, 8)), "tcp option @7,8,8"),
        (IpOption("rr", "ptr"), "ip option rr ptr"),
        (SctpChunk("data"), "sctp chunk data"),
        (SctpChunk("init", "initial-tsn"), "sctp chunk init initial-tsn"),
        (Fib(("iif", "saddr"), "oif"), "fib saddr . iif oif"),
        (Rt("ip nexthop"), "rt ip nexthop"),
        (SocketOf("transparent"), "socket transparent"),
        (SocketOf("cgroupv2", 1), "socket cgroupv2 level 1"),
        (Numgen("random", 10, 5), "numgen random mod 10 offset 5"),
        (Hash(Concatenation((SADDR, DPORT)), 10, 1), "jhash ip saddr . tcp dport mod 10 seed 0x1"),
        (Hash(None, 4, offset=3), "symhash mod 4 offset 3"),
        (Boolean(value=False), "missing"),
        (Prefix(value(types.IPV4_ADDR, 0x0A000000), 8), "10.0.0.0/8"),
        (Prefix(Value(b"eth", types.IFNAME), 24), '"eth*"'),
        (Value(b"eth*", types.IFNAME), r'"eth\*"'),
        (Range(value(types.MARK, 1), value(types.MARK, 5)), "0x00000001-0x00000005"),
        (Range(value(types.TIME, 3600_000), value(types.TIME, 7200_000)), "3600s-7200s"),
        (Range(value(types.DAY, 1), value(types.DAY, 5)), "1-5"),
        (Elements((Element(SSH), Element(HTTP))), "{ 22, 80 }"),
        (Elements((Element(SYN_ACK), Element(SYN))), "{ syn | ack, syn }"),
        (Lookup(DPORT, SetName("ports"), is_verdict=True), "tcp dport vmap @ports"),
        (
            Lookup(
                Concatenation((SADDR, DPORT)),
                Elements(
                    (
                        Element(Concatenation((ONE, SSH)), Verdict("jump", "ssh")),
                        Element(Anything(), Verdict("drop")),
                    )
                ),
                is_verdict=True,
            ),
            "ip saddr . tcp dport vmap { 10.0.0.1 . 22 : jump ssh, * : drop }",
        ),
        (Lookup(SADDR, Elements((Element(ONE, TWO),))), "ip saddr map { 10.0.0.1 : 10.0.0.2 }"),
        (
            Binary("|", Binary("&", Ct("mark"), value(types.MARK, 0xFF)), value(types.MARK, 1)),
            "ct mark & 0x000000ff | 0x00000001",
        ),
        (
            Binary(
                ">>",
                Binary("&", RawPayload("nh", 8, 8), value(types.RAW_INTEGER, 0xFC, 1)),
                value(types.INTEGER, 2),
            ),
            "(@nh,8,8 & 0xfc) >> 2",
        ),
        (Binary("&", FLAGS, SYN_ACK), "tcp flags & (syn | ack)"),
    ],
)
def test_an_expression_has_its_words(expression: Expression, words: str) -> None:
    assert text(expression, PAGE) == words


@pytest.mark.parametrize(
    ("match", "words"),
    [
        (Match(DPORT, SSH, "=="), "tcp dport 22"),
        (Match(DPORT, SSH, "!="), "tcp dport != 22"),
        (Match(DPORT, SSH, ">="), "tcp dport >= 22"),
        (Match(FLAGS, SYN), "tcp flags syn"),
        (Match(FLAGS, SYN, "=="), "tcp flags == syn"),
        (Match(FLAGS, SYN, "!"), "tcp flags ! syn"),
        (Match(FLAGS, SYN_ACK), "tcp flags syn,ack"),
        (Match(FLAGS, SYN_ACK, "!"), "tcp flags ! syn,ack"),
        (Match(FLAGS, SYN_ACK, "=="), "tcp flags == 0x12"),
        (Match(FLAGS, SYN_ACK, "!="), "tcp flags != 0x12"),
        (Match(FLAGS, value(types.TCP_FLAG, 0), "=="), "tcp flags == 0x0"),
        (Match(FLAGS, SYN, "==", SYN_ACK), "tcp flags syn / syn,ack"),
        (Match(FLAGS, SYN, "!=", SYN_ACK), "tcp flags != syn / syn,ack"),
        (Match(Ct("state"), NEW_OR_OLD), "ct state established,new"),
        (Match(Ct("state"), NEW_OR_OLD, "=="), "ct state established | new"),
        (Match(Ct("state"), NEW_OR_OLD, "!="), "ct state != established | new"),
        (Match(Ct("state"), value(types.CT_STATE, 2), "=="), "ct state == established"),
        (
            Match(Binary("&", Meta("mark"), value(types.MARK, 0xFF)), value(types.MARK, 1), "=="),
            "meta mark & 0x000000ff == 0x00000001",
        ),
        (
            Match(Binary("&", Meta("mark"), value(types.MARK, 0xFF)), MARKS, "=="),
            "meta mark & 0x000000ff 0x00000001-0x00000005",
        ),
        (Match(Binary("&", Payload("ip", "ttl"), TTLS.low), TTLS, "=="), "ip ttl & 1 == 1-2"),
        (Match(SADDR, Elements((Element(ONE),)), "!="), "ip saddr != { 10.0.0.1 }"),
        (Match(SADDR, SetName("s"), "=="), "ip saddr @s"),
        (Match(Payload("comp", "flags"), value(types.BITMASK, 3, 1), "=="), "comp flags 0x3"),
    ],
)
def test_a_match_says_no_more_than_it_must(match: Match, words: str) -> None:
    assert rule_text((match,), PAGE) == words


def test_matches_that_follow_from_others_are_not_printed() -> None:
    implied = Match(Meta("l4proto"), value(types.INET_PROTO, 6), "==", implied=True)
    assert rule_text((implied, Match(DPORT, SSH, "==")), PAGE) == "tcp dport 22"


def test_numbers_take_the_place_of_words_where_they_are_asked_for() -> None:
    assert rule_text((Match(Ct("state"), NEW_OR_OLD),), NUMERIC) == "ct state 0x2,0x8"
    assert text(Elements((Element(SYN_ACK),)), NUMERIC) == "{ 0x2 | 0x10 }"
