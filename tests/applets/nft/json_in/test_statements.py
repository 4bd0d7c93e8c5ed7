"""Statements and expressions in JSON become the tree that their text becomes."""

import pytest

from pystack.applets.nft.tree.commands import RuleText
from tests.applets.nft.json_in.test_commands import of_json, of_text

SADDR = '{"payload": {"protocol": "ip", "field": "saddr"}}'
DPORT = '{"payload": {"protocol": "tcp", "field": "dport"}}'
FLAGS = '{"payload": {"protocol": "tcp", "field": "flags"}}'


def match(left: str, right: str, operator: str = "==") -> str:
    return f'{{"match": {{"op": "{operator}", "left": {left}, "right": {right}}}}}'


def rule_of_json(statement: str) -> object:
    rule = f'{{"family": "ip", "table": "t", "chain": "c", "expr": [{statement}]}}'
    return of_json(f'{{"add": {{"rule": {rule}}}}}')[0].body


def rule_of_text(statement: str) -> object:
    return of_text(f"add rule ip t c {statement}")[0].body


@pytest.mark.parametrize(
    ("json", "text"),
    [
        (match(DPORT, "22"), "tcp dport == 22"),
        (match(DPORT, '{"set": [22, {"range": [80, 90]}]}', "!="), "tcp dport != { 22, 80-90 }"),
        (match(DPORT, '"@ports"'), "tcp dport == @ports"),
        (match(DPORT, "22", ">="), "tcp dport >= 22"),
        (match(SADDR, '{"prefix": {"addr": "10.0.0.0", "len": 8}}'), "ip saddr == 10.0.0.0/8"),
        (match(FLAGS, '["syn", "ack"]', "in"), "tcp flags syn,ack"),
        (match(FLAGS, '"syn"', "!"), "tcp flags ! syn"),
        (match('{"meta": {"key": "secpath"}}', "true"), "meta ipsec == exists"),
        (
            match('{"ct": {"key": "ip saddr", "dir": "original"}}', '"1.1.1.1"'),
            "ct original ip saddr == 1.1.1.1",
        ),
        (match('{"meta": {"key": "l4proto"}}', '"comp"'), "meta l4proto == comp"),
        (match('{"payload": {"base": "th", "offset": 0, "len": 8}}', "5"), "@th,0,8 == 5"),
        (match('{"exthdr": {"name": "frag"}}', "false"), "exthdr frag == missing"),
        (match('{"exthdr": {"name": "frag", "field": "id"}}', "5"), "frag id == 5"),
        (
            match('{"exthdr": {"name": "rt0", "field": "addr[1]", "offset": 0}}', '"::1"'),
            "rt0 addr[1] == ::1",
        ),
        (match('{"tcp option": {"name": "sack1", "field": "left"}}', "5"), "tcp option sack1 left == 5"),
        (match('{"tcp option": {"base": 7, "offset": 0, "len": 8}}', "true"), "tcp option 7 == exists"),
        (match('{"tcp option": {"base": 7, "offset": 8, "len": 8}}', "5"), "tcp option @7,8,8 == 5"),
        (match('{"ip option": {"name": "rr", "field": "ptr"}}', "3"), "ip option rr ptr == 3"),
        (match('{"sctp chunk": {"name": "data"}}', "true"), "sctp chunk data == exists"),
        (match('{"rt": {"key": "nexthop", "family": "ip"}}', '"1.1.1.1"'), "rt ip nexthop == 1.1.1.1"),
        (match('{"socket": {"key": "mark"}}', "5"), "socket mark == 5"),
        (match('{"fib": {"result": "oif", "flags": ["saddr", "iif"]}}', '"lo"'), "fib saddr . iif oif == lo"),
        (match('{"fib": {"result": "type", "flags": "daddr"}}', '"local"'), "fib daddr type == local"),
        (match('{"numgen": {"mode": "inc", "mod": 2, "offset": 1}}', "1"), "numgen inc mod 2 offset 1 == 1"),
        (
            match(f'{{"jhash": {{"mod": 2, "seed": 1, "expr": {SADDR}}}}}', "1"),
            "jhash ip saddr mod 2 seed 0x1 == 1",
        ),
        (match('{"symhash": {"mod": 2}}', "1"), "symhash mod 2 == 1"),
        (match('{"&": [{"meta": {"key": "mark"}}, 255]}', "1"), "meta mark & 255 == 1"),
        (
            match(f'{{"concat": [{SADDR}, {DPORT}]}}', '{"set": [{"concat": ["1.1.1.1", 22]}]}'),
            "ip saddr . tcp dport == { 1.1.1.1 . 22 }",
        ),
        (f'{{"vmap": {{"key": {DPORT}, "data": "@m"}}}}', "tcp dport vmap @m"),
        ('{"counter": null}', "counter"),
        ('{"counter": {"packets": 3, "bytes": 4}}', "counter packets 3 bytes 4"),
        ('{"counter": "c"}', "counter name c"),
        ('{"quota": {"val": 3, "val_unit": "kbytes", "inv": true}}', "quota over 3 kbytes"),
        (
            '{"limit": {"rate": 3, "per": "second", "burst": 7, "inv": true}}',
            "limit rate over 3/second burst 7 packets",
        ),
        ('{"ct count": {"val": 20, "inv": true}}', "ct count over 20"),
        ('{"ct helper": "h"}', "ct helper set h"),
        ('{"mangle": {"key": {"ct": {"key": "helper"}}, "value": "h"}}', "ct helper set h"),
        ('{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}', "meta mark set 5"),
        (
            '{"mangle": {"key": {"ct": {"key": "mark"}}, "value": {"meta": {"key": "mark"}}}}',
            "ct mark set meta mark",
        ),
        ('{"notrack": null}', "notrack"),
        ('{"dup": {"addr": "10.0.0.1", "dev": "lo"}}', "dup to 10.0.0.1 device lo"),
        ('{"fwd": {"dev": "lo"}}', "fwd to lo"),
        ('{"fwd": {"dev": "lo", "family": "ip", "addr": "10.0.0.1"}}', "fwd ip to 10.0.0.1 device lo"),
        ('{"reject": null}', "reject"),
        ('{"reject": {"type": "tcp reset"}}', "reject with tcp reset"),
        ('{"reject": {"type": "icmp", "expr": "host-unreachable"}}', "reject with icmp host-unreachable"),
        ('{"log": null}', "log"),
        (
            '{"log": {"prefix": "p", "level": "info", "flags": ["skuid", "ether"]}}',
            'log prefix "p" level info flags skuid flags ether',
        ),
        ('{"queue": {"num": {"range": [1, 3]}, "flags": "bypass"}}', "queue flags bypass to 1-3"),
        ('{"reset": {"tcp option": {"name": "sack-perm"}}}', "reset tcp option sack-perm"),
        ('{"reset": {"tcp option": {"base": 123, "offset": 0, "len": 0}}}', "reset tcp option 123"),
        ('{"masquerade": null}', "masquerade"),
        ('{"snat": {"addr": "1.1.1.1", "port": 80, "flags": "random"}}', "snat to 1.1.1.1:80 random"),
        (
            '{"dnat": {"family": "ip", "addr": "1.1.1.1", "flags": "netmap", "type_flags": "prefix"}}',
            "dnat ip prefix to 1.1.1.1",
        ),
        ('{"tproxy": {"family": "ip", "addr": "1.1.1.1", "port": 80}}', "tproxy ip to 1.1.1.1:80"),
        (
            f'{{"set": {{"op": "update", "elem": {{"elem": {{"val": {SADDR}, "timeout": 60}}}}, "set": "@s", '
            '"stmt": [{"counter": null}]}}',
            "update @s { ip saddr timeout 60s counter }",
        ),
        (
            f'{{"meter": {{"key": {SADDR}, "stmt": {{"counter": null}}, "size": 5, "name": "m"}}}}',
            "meter m size 5 { ip saddr counter }",
        ),
    ],
)
def test_a_statement_becomes_the_tree_of_its_text(json: str, text: str) -> None:
    made = rule_of_json(json)
    assert isinstance(made, RuleText)
    assert made == rule_of_text(text)
