"""Statements as nft 1.0.6 lists them; the texts are measured."""

import pytest

from pystack.applets.nft import types
from pystack.applets.nft.json_out.statements import rule_json
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.statements import rule_text
from pystack.applets.nft.style import Style
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import (
    Ct,
    Element,
    Elements,
    Lookup,
    Meta,
    Numgen,
    Range,
    Rt,
    TcpOption,
    Value,
    Verdict,
)
from pystack.applets.nft.tree.statements import (
    Assign,
    ConnLimit,
    Counter,
    Decide,
    Dup,
    Forward,
    Limit,
    Log,
    Meter,
    Nat,
    Notrack,
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
    ONE,
    PAGE,
    SADDR,
    SSH,
    SYN_ACK,
    TWO,
    value,
)

HIGH = value(types.INET_SERVICE, 90)
V6, V6_HIGH = value(types.IPV6_ADDR, 1), value(types.IPV6_ADDR, 5)
ETH0 = value(types.IFACE_INDEX, 2)
KIB, MIB = 1 << 10, 1 << 20


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (Decide(Verdict("jump", "other")), "jump other"),
        (Counter(3, 180), "counter packets 3 bytes 180"),
        (Limit(10, "second", 5), "limit rate 10/second"),
        (Limit(10, "minute", 7, over=True), "limit rate over 10/minute burst 7 packets"),
        (Limit(10 * MIB, "second", octets=True), "limit rate 10 mbytes/second"),
        (Limit(1025, "hour", 3 * KIB, octets=True), "limit rate 1025 bytes/hour burst 3 kbytes"),
        (Quota(10 * MIB), "quota 10 mbytes"),
        (Quota(1025, 3, over=True), "quota over 1025 bytes used 3 bytes"),
        (ConnLimit(20, over=True), "ct count over 20"),
        (ObjectUse("counter", Value(b"http", types.STRING)), 'counter name "http"'),
        (ObjectUse("ct helper", Value(b"ftp", types.STRING)), 'ct helper set "ftp"'),
        (
            ObjectUse("quota", Lookup(SADDR, Elements((Element(ONE, Value(b"q", types.STRING)),)))),
            'quota name ip saddr map { 10.0.0.1 : "q" }',
        ),
        (Log(), "log"),
        (Log("a b", "info", ("all",)), 'log prefix "a b" level info flags all'),
        (Log(level="warn"), "log"),
        (Log(flags=("tcp options", "tcp sequence", "ether")), "log flags tcp sequence,options flags ether"),
        (
            Log(flags=("tcp options", "ip options", "skuid")),
            "log flags tcp options flags ip options flags skuid",
        ),
        (
            Log("p", group=3, snaplen=20, threshold=5),
            'log prefix "p" group 3 snaplen 20 queue-threshold 5',
        ),
        (Reject(), "reject"),
        (Reject("tcp reset"), "reject with tcp reset"),
        (Reject("icmpx", value(types.ICMPX_CODE, 1)), "reject"),
        (Reject("icmpx", value(types.ICMPX_CODE, 0)), "reject with icmpx no-route"),
        (Reject("icmp", value(types.ICMP_CODE, 3)), "reject with icmp port-unreachable"),
        (Notrack(), "notrack"),
        (Nat("masquerade"), "masquerade"),
        (Nat("snat", ONE, flags=("random", "persistent")), "snat to 10.0.0.1 random,persistent"),
        (Nat("dnat", Range(ONE, TWO), Range(HTTP, HIGH)), "dnat to 10.0.0.1-10.0.0.2:80-90"),
        (Nat("redirect", port=HTTP), "redirect to :80"),
        (Nat("dnat", V6, family="ip6"), "dnat ip6 to ::1"),
        (Nat("dnat", V6, HTTP, family="ip6"), "dnat ip6 to [::1]:80"),
        (Nat("dnat", Range(V6, V6_HIGH), HTTP, family="ip6"), "dnat ip6 to [::1]-[::5]:80"),
        (
            Nat("dnat", Lookup(SADDR, Elements((Element(ONE, TWO),))), family="ip", prefix=True),
            "dnat ip prefix to ip saddr map { 10.0.0.1 : 10.0.0.2 }",
        ),
        (Nat("tproxy", port=HTTP), "tproxy to :80"),
        (Nat("tproxy", V6), "tproxy to [::1]"),
        (Assign(Ct("mark"), Meta("mark")), "ct mark set meta mark"),
        (Assign(Meta("mark"), value(types.MARK, 1)), "meta mark set 0x00000001"),
        (Assign(Ct("event"), value(types.CT_EVENT, 3)), "ct event set new,related"),
        (Assign(FLAGS, SYN_ACK), "tcp flags set syn | ack"),
        (Assign(TcpOption("maxseg", "size"), Rt("mtu")), "tcp option maxseg size set rt mtu"),
        (Reset(TcpOption("sack-perm")), "reset tcp option sack-perm"),
        (Dup(ONE), "dup to 10.0.0.1"),
        (Dup(ONE, ETH0), 'dup to 10.0.0.1 device "eth0"'),
        (Forward(ETH0), 'fwd to "eth0"'),
        (Forward(ETH0, "ip", ONE), 'fwd ip to 10.0.0.1 device "eth0"'),
        (Queue(), "queue to 0"),
        (
            Queue(Range(value(types.INTEGER, 1), value(types.INTEGER, 3)), ("fanout", "bypass")),
            "queue flags bypass,fanout to 1-3",
        ),
        (Queue(Numgen("inc", 4)), "queue to numgen inc mod 4"),
        (SetUpdate("add", "s", Element(SADDR)), "add @s { ip saddr }"),
        (SetUpdate("update", "m", Element(SADDR, DPORT)), "update @m { ip saddr : tcp dport }"),
        (
            SetUpdate("update", "s", Element(SADDR, timeout=90_000, statements=(Counter(1, 2),))),
            "update @s { ip saddr timeout 1m30s counter }",
        ),
        (
            Meter("m", Element(SADDR, statements=(Limit(1, "second"),)), 65535),
            "meter m size 65535 { ip saddr limit rate 1/second }",
        ),
    ],
)
def test_a_statement_has_its_words(statement: Statement, words: str) -> None:
    assert text(statement, PAGE) == words


def test_a_family_that_knows_no_other_code_need_not_say_its_default() -> None:
    refusal = Reject("icmp", value(types.ICMP_CODE, 3))
    assert text(refusal, Page(family="ip")) == "reject"
    assert text(refusal, Page(family="inet")) == "reject with icmp port-unreachable"


def test_a_chain_without_a_name_stands_where_it_is_jumped_to() -> None:
    rules = (RuleText(statements=(Counter(1, 2),), comment="c"), RuleText(statements=(Notrack(),)))
    block = 'jump {\n\t\t\tcounter packets 1 bytes 2 comment "c"\n\t\t\tnotrack\n\t\t}'
    assert text(Decide(Verdict("jump", rules=rules)), Page(Style(handles=True))) == block
    assert rule_json((Decide(Verdict("jump", rules=rules)),), PAGE) == [block]


def test_what_was_counted_is_left_out_on_request() -> None:
    page = Page(Style(stateless=True))
    assert rule_text((Counter(3, 180), Quota(1025, 3)), page) == "counter quota 1025 bytes"


def test_the_elements_of_a_set_say_their_times_last() -> None:
    element = Element(SSH, HTTP, timeout=3_600_000, expires=1_500, comment="c", statements=(Counter(3, 4),))
    assert text(element, PAGE) == '22 counter packets 3 bytes 4 timeout 1h expires 1s500ms comment "c" : 80'
    assert text(element, Page(Style(stateless=True))) == '22 counter timeout 1h comment "c" : 80'
