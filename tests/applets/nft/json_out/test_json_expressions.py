"""Expressions and statements as `nft -j` 1.0.6 lists them; the texts are measured."""

import pytest

from pystack.applets.nft import types
from pystack.applets.nft.json_out.dump import dump
from pystack.applets.nft.json_out.expressions import json_of
from pystack.applets.nft.json_out.statements import rule_json
from pystack.applets.nft.printer.page import Page
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
    Lookup,
    Meta,
    Numgen,
    Prefix,
    Range,
    RawPayload,
    Rt,
    SetName,
    TcpOption,
    Value,
    Verdict,
)
from pystack.applets.nft.tree.statements import (
    Assign,
    ConnLimit,
    Counter,
    Dup,
    Forward,
    Limit,
    Log,
    Match,
    Meter,
    Nat,
    ObjectUse,
    Queue,
    Quota,
    Reject,
    Reset,
    SetUpdate,
    Statement,
)
from tests.applets.nft.printer.test_expressions import (
    DPORT,
    FLAGS,
    HTTP,
    NEW_OR_OLD,
    NUMERIC,
    ONE,
    PAGE,
    SADDR,
    SSH,
    SYN,
    SYN_ACK,
    TWO,
    value,
)
from tests.applets.nft.printer.test_statements import ETH0, HIGH, KIB, MIB

SADDR_JSON = '{"payload": {"protocol": "ip", "field": "saddr"}}'
DPORT_JSON = '{"payload": {"protocol": "tcp", "field": "dport"}}'


@pytest.mark.parametrize(
    ("expression", "json"),
    [
        (SSH, "22"),
        (ONE, '"10.0.0.1"'),
        (value(types.MARK, 255), "255"),
        (value(types.ETHER_TYPE, 0x0800), '"ip"'),
        (value(types.ETHER_TYPE, 0x1234), "4660"),
        (value(types.INET_PROTO, 6), '"tcp"'),
        (value(types.IFACE_INDEX, 2), '"eth0"'),
        (value(types.DEVGROUP, 0), '"default"'),
        (value(types.REALM, 3), '"3"'),
        (value(types.TIME, 30_000), "30"),
        (value(types.HOUR, 16 * 3600), '"17:00"'),
        (value(types.DAY, 1), '"Monday"'),
        (value(types.UID, 0), "0"),
        (value(types.CT_LABEL, 1 << 5), "5"),
        (value(types.INTEGER, 1 << 64, 16), '"0x10000000000000000"'),
        (Value(b"eth*", types.IFNAME), r'"eth\\*"'),
        (Prefix(Value(b"eth", types.IFNAME), 24), '"eth*"'),
        (Prefix(ONE, 24), '{"prefix": {"addr": "10.0.0.1", "len": 24}}'),
        (Range(SSH, HTTP), '{"range": [22, 80]}'),
        (Range(value(types.INET_PROTO, 6), value(types.INET_PROTO, 17)), '{"range": [6, 17]}'),
        (Boolean(value=False), "false"),
        (Verdict("accept"), '{"accept": null}'),
        (Verdict("jump", "o"), '{"jump": {"target": "o"}}'),
        (Elements((Element(SYN_ACK), Element(SYN))), '{"set": [{"|": ["syn", "ack"]}, "syn"]}'),
        (
            value(types.TCP_FLAG, 7),
            "7",  # without knowing how it is meant, a number
        ),
        (
            Lookup(DPORT, Elements((Element(Anything(), Verdict("drop")),)), is_verdict=True),
            f'{{"vmap": {{"key": {DPORT_JSON}, "data": {{"set": [["*", {{"drop": null}}]]}}}}}}',
        ),
        (Concatenation((ONE, SSH)), '{"concat": ["10.0.0.1", 22]}'),
        (SetName("s"), '"@s"'),
        (Meta("iifname"), '{"meta": {"key": "iifname"}}'),
        (Ct("ip saddr", "reply"), '{"ct": {"key": "ip saddr", "dir": "reply"}}'),
        (RawPayload("th", 0, 8), '{"payload": {"base": "th", "offset": 0, "len": 8}}'),
        (ExtensionHeader("frag", "id"), '{"exthdr": {"name": "frag", "field": "id"}}'),
        (ExtensionHeader("frag"), '{"exthdr": {"name": "frag"}}'),
        (TcpOption("sack0", "left"), '{"tcp option": {"name": "sack", "field": "left"}}'),
        (TcpOption("7"), '{"tcp option": {"base": 7, "offset": 0, "len": 8}}'),
        (TcpOption("", raw=(7, 8, 8)), '{"tcp option": {"base": 7, "offset": 8, "len": 8}}'),
        (Fib(("iif", "saddr"), "oif"), '{"fib": {"result": "oif", "flags": ["saddr", "iif"]}}'),
        (Rt("ip nexthop"), '{"rt": {"key": "nexthop", "family": "ip"}}'),
        (Numgen("inc", 2), '{"numgen": {"mode": "inc", "mod": 2, "offset": 0}}'),
        (Hash(SADDR, 10, 1, 3), f'{{"jhash": {{"mod": 10, "seed": 1, "offset": 3, "expr": {SADDR_JSON}}}}}'),
        (Hash(None, 2), '{"symhash": {"mod": 2}}'),
        (
            Binary("&", Meta("mark"), value(types.MARK, 255)),
            '{"&": [{"meta": {"key": "mark"}}, 255]}',
        ),
        (
            Element(SSH, HTTP, timeout=90_000, expires=1_500, comment="c", statements=(Counter(3, 4),)),
            '[{"elem": {"val": 22, "timeout": 90, "expires": 1, "comment": "c", '
            '"counter": {"packets": 3, "bytes": 4}}}, 80]',
        ),
    ],
)
def test_an_expression_is_said_in_json(expression: Expression, json: str) -> None:
    assert dump(json_of(expression, PAGE)) == json


@pytest.mark.parametrize(
    ("statement", "json"),
    [
        (Match(DPORT, SSH, "=="), f'{{"match": {{"op": "==", "left": {DPORT_JSON}, "right": 22}}}}'),
        (
            Match(Ct("state"), NEW_OR_OLD),
            '{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "new"]}}',
        ),
        (
            Match(Ct("state"), NEW_OR_OLD, "!="),
            '{"match": {"op": "!=", "left": {"ct": {"key": "state"}}, '
            '"right": {"|": ["established", "new"]}}}',
        ),
        (
            Match(FLAGS, SYN, "==", SYN_ACK),
            '{"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, '
            '["syn", "ack"]]}, "right": "syn"}}',
        ),
        (
            Match(FLAGS, SYN_ACK, "=="),
            '{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, '
            '"right": 18}}',
        ),
        (Counter(3, 180), '{"counter": {"packets": 3, "bytes": 180}}'),
        (Limit(10, "second"), '{"limit": {"rate": 10, "burst": 5, "per": "second"}}'),
        (
            Limit(10 * MIB, "second", 3 * KIB, over=True, octets=True),
            '{"limit": {"rate": 10, "burst": 3, "per": "second", "inv": true, "rate_unit": "mbytes", '
            '"burst_unit": "kbytes"}}',
        ),
        (
            Quota(1025, 3, over=True),
            '{"quota": {"val": 1025, "val_unit": "bytes", "inv": true, "used": 3, "used_unit": "bytes"}}',
        ),
        (ConnLimit(20, over=True), '{"ct count": {"val": 20, "inv": true}}'),
        (ObjectUse("ct helper", Value(b"ftp", types.STRING)), '{"ct helper": "ftp"}'),
        (Log(), '{"log": null}'),
        (Log("p", "info", ("all",)), '{"log": {"prefix": "p", "level": "info", "flags": "all"}}'),
        (Log(flags=("skuid", "ip options")), '{"log": {"flags": ["ip options", "skuid"]}}'),
        (Reject("tcp reset"), '{"reject": {"type": "tcp reset"}}'),
        (
            Reject("icmpx", value(types.ICMPX_CODE, 1)),
            '{"reject": {"type": "icmpx", "expr": "port-unreachable"}}',
        ),
        (Nat("masquerade"), '{"masquerade": null}'),
        (Nat("snat", ONE, flags=("random",)), '{"snat": {"addr": "10.0.0.1", "flags": "random"}}'),
        (
            Nat("dnat", SetName("m"), family="ip", prefix=True),
            '{"dnat": {"family": "ip", "addr": "@m", "flags": "netmap", "type_flags": "prefix"}}',
        ),
        (Nat("redirect", port=Range(HTTP, HIGH)), '{"redirect": {"port": {"range": [80, 90]}}}'),
        (
            Assign(Ct("event"), value(types.CT_EVENT, 3)),
            '{"mangle": {"key": {"ct": {"key": "event"}}, "value": ["new", "related"]}}',
        ),
        (Reset(TcpOption("sack-perm")), '{"reset": {"tcp option": {"name": "sack-perm"}}}'),
        (Reset(TcpOption("123")), '{"reset": {"tcp option": {"base": 123, "offset": 0, "len": 0}}}'),
        (Dup(ONE, ETH0), '{"dup": {"addr": "10.0.0.1", "dev": "eth0"}}'),
        (Forward(ETH0, "ip", TWO), '{"fwd": {"dev": "eth0", "family": "ip", "addr": "10.0.0.2"}}'),
        (Queue(None, ("bypass",)), '{"queue": {"flags": "bypass"}}'),
        (
            SetUpdate("update", "s", Element(SADDR, timeout=60_000, statements=(Counter(1, 2),))),
            f'{{"set": {{"op": "update", "elem": {{"elem": {{"val": {SADDR_JSON}, "timeout": 60}}}}, '
            '"set": "@s", "stmt": [{"counter": null}]}}',
        ),
        (SetUpdate("update", "m", Element(SADDR, DPORT)), '"update @m { ip saddr : tcp dport }"'),
        (
            Meter("mm", Element(SADDR, statements=(Limit(1, "second"),)), 65535),
            f'{{"meter": {{"key": {SADDR_JSON}, "stmt": {{"limit": {{"rate": 1, "burst": 5, '
            '"per": "second"}}, "size": 65535, "name": "mm"}}',
        ),
    ],
)
def test_a_statement_is_said_in_json(statement: Statement, json: str) -> None:
    assert dump(json_of(statement, PAGE)) == json


def test_numbers_of_words_are_read_in_the_processors_order() -> None:
    assert dump(json_of(value(types.ETHER_TYPE, 0x0800), NUMERIC)) == "8"
    assert dump(json_of(value(types.CT_STATE, 2), NUMERIC)) == "2"
    assert dump(json_of(value(types.INET_PROTO, 6), NUMERIC)) == "6"


def test_matches_that_follow_from_others_are_left_out() -> None:
    implied = Match(Meta("l4proto"), value(types.INET_PROTO, 6), "==", implied=True)
    assert dump(rule_json((implied, Counter(1, 2)), Page(Style(stateless=True)))) == '[{"counter": null}]'


def test_signs_are_escaped_as_libjansson_escapes_them() -> None:
    assert dump('a"b\\c\n\x1f/ü') == '"a\\"b\\\\c\\n\\u001F/ü"'
