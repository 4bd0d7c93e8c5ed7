"""JSON becomes the same commands as the language."""

from __future__ import annotations

import pytest

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.json_in.commands import read_json
from pystack.applets.nft.place import COMMAND_LINE
from pystack.applets.nft.source import source_of
from pystack.applets.nft.tree.commands import ChainText, Command, ObjectText, RuleText, SetText
from pystack.applets.nft.tree.statements import Log
from tests.applets.nft.reading import command, first_line

PAYLOAD = '{"payload": {"protocol": "%s", "field": "%s"}}'
SADDR = PAYLOAD % ("ip", "saddr")
DPORT = PAYLOAD % ("tcp", "dport")


def both(json: str) -> tuple[list[Command], list[NftError]]:
    """What is read of a text with these commands."""
    found = read_json(source_of(COMMAND_LINE, f'{{"nftables": [{json}]}}'.encode()))
    assert found is not None
    return found.commands, found.errors


def of_json(json: str) -> Command:
    """The only command, which is right."""
    (only,), errors = both(json)
    assert not errors
    return only


def rule(*statements: str) -> str:
    """A command that adds a rule."""
    expr = ", ".join(statements)
    return f'{{"add": {{"rule": {{"family": "ip", "table": "t", "chain": "c", "expr": [{expr}]}}}}}}'


def match(left: str, right: str, operator: str = "==") -> str:
    """A statement."""
    return f'{{"match": {{"left": {left}, "right": {right}, "op": "{operator}"}}}}'


def complaints(json: str) -> list[str]:
    """The first lines of all that is wrong."""
    _, errors = both(json)
    return [line for error in errors for line in error.text().split("\n") if "Error: " in line]


@pytest.mark.parametrize(
    ("json", "text"),
    [
        (match(SADDR, '"10.0.0.1"'), "ip saddr == 10.0.0.1"),
        (match(SADDR, '"10.0.0.1"', "in"), "ip saddr 10.0.0.1"),
        (match(SADDR, '{"prefix": {"addr": "10.0.0.0", "len": 8}}'), "ip saddr == 10.0.0.0/8"),
        (match(DPORT, '{"range": [1, 9]}', "!="), "tcp dport != 1-9"),
        (match(DPORT, '{"set": [22, 80]}'), "tcp dport == { 22, 80 }"),
        (match(SADDR, '"@s"'), "ip saddr == @s"),
        (match('{"ct": {"key": "state"}}', '["new", "related"]', "in"), "ct state new,related"),
        (match('{"meta": {"key": "l4proto"}}', '"tcp"'), "meta l4proto == tcp"),
        (match(f'{{"concat": [{SADDR}, {DPORT}]}}', '{"concat": ["10.0.0.1", 22]}'),
            "ip saddr . tcp dport == 10.0.0.1 . 22"),
        (match('{"&": [{"meta": {"key": "mark"}}, 255]}', "1"), "meta mark & 255 == 1"),
        (match('{"fib": {"result": "oif", "flags": ["saddr", "iif"]}}', "false"),
            "fib saddr . iif oif == missing"),
        (f'{{"vmap": {{"key": {DPORT}, "data": {{"set": [[22, {{"accept": null}}]]}}}}}}',
            "tcp dport vmap { 22 : accept }"),
        ('{"jump": {"target": "x"}}', "jump x"),
        ('{"counter": {"packets": 1, "bytes": 2}}', "counter packets 1 bytes 2"),
        ('{"limit": {"rate": 5, "per": "hour", "burst": 7}}', "limit rate 5/hour burst 7 packets"),
        ('{"log": {"prefix": "x", "flags": "all"}}', 'log prefix "x" flags all'),
        ('{"snat": {"addr": "10.0.0.1", "port": 5, "flags": ["random"]}}', "snat to 10.0.0.1:5 random"),
        ('{"masquerade": null}', "masquerade"),
        ('{"reject": {"type": "icmpx", "expr": "port-unreachable"}}', "reject with icmpx port-unreachable"),
        ('{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}', "meta mark set 1"),
        (f'{{"set": {{"op": "add", "elem": {SADDR}, "set": "@s"}}}}', "add @s { ip saddr }"),
        ('{"ct count": {"val": 5, "inv": true}}', "ct count over 5"),
        ('{"queue": {"num": {"range": [1, 3]}, "flags": ["bypass"]}}', "queue num 1-3 bypass"),
    ],
)  # fmt: skip
def test_a_statement_is_that_of_the_language(json: str, text: str) -> None:
    body = command(f"add rule t c {text}").body
    assert isinstance(body, RuleText)
    read = of_json(rule(json)).body
    assert isinstance(read, RuleText)
    assert str(read.statements) == str(body.statements)


def test_a_listing_can_be_read_back_since_add_may_be_left_out() -> None:
    made = of_json('{"chain": {"family": "inet", "table": "t", "name": "c", "handle": 1, "type": "filter", '
                   '"hook": "input", "prio": -5, "policy": "drop"}}')  # fmt: skip
    text = "{ type filter hook input priority -5; policy drop; }"
    expected = command(f"add chain inet t c {text}").body
    assert made.operation == "add"
    assert isinstance(made.body, ChainText)
    assert made.body == expected


def test_a_set_has_its_elements_with_their_times() -> None:
    elements = '[{"elem": {"val": "10.0.0.1", "timeout": 60, "comment": "x"}}, "10.0.0.2"]'
    words = '"family": "ip", "table": "t", "name": "s", "type": "ipv4_addr", "flags": ["timeout"]'
    made = of_json(f'{{"set": {{{words}, "elem": {elements}}}}}')
    text = '{ type ipv4_addr; flags timeout; elements = { 10.0.0.1 timeout 1m comment "x", 10.0.0.2 } }'
    assert isinstance(made.body, SetText)
    assert made.body == command(f"add set t s {text}").body


def test_an_object_has_its_numbers() -> None:
    made = of_json('{"counter": {"family": "ip", "table": "t", "name": "o", "packets": 1, "bytes": 2}}')
    assert isinstance(made.body, ObjectText)
    assert made.body == command("add counter t o packets 1 bytes 2").body


def test_a_rule_is_deleted_by_its_handle() -> None:
    made = of_json('{"delete": {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 4}}}')
    assert (made.operation, made.object, made.handle.handle) == ("delete", "rule", 4)


@pytest.mark.parametrize(
    ("json", "words"),
    [
        ('{"add": {"table": {"name": "x"}}}', ["Object item not found: family",
            "Parsing command array at index 0 failed."]),
        ("5", ["Unexpected command array element of type integer, expected object."]),
        ('{"foo": 5}', ["Unknown object passed to add command.", "Parsing command array at index 0 failed."]),
        (rule('{"foo": 1}'), ["Unknown statement object 'foo'.", "Parsing expr array at index 0 failed.",
            "Parsing command array at index 0 failed."]),
        (rule(match('{"range": [1]}', "5")), ["Array index 1 out of range", "Invalid LHS of relational.",
            "Parsing expr array at index 0 failed.", "Parsing command array at index 0 failed."]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_from_the_inside_out(json: str, words: list[str]) -> None:
    assert [line.split("Error: ")[1] for line in complaints(json)] == words


def test_a_missing_property_is_said_where_nft_says_it() -> None:
    _, errors = both('{"add": {"chain": {"family": "ip"}}}')
    assert errors[0].text().split("\n")[2] == " " * 8 + "^"
    assert first_line(errors[0]) == "Error: Object item not found: table"


@pytest.mark.parametrize(
    "text", ["", "table t", "5", "{", '{"a": 1} x', '{"a": 01}', '{"a": "\\x"}', "[" * 5000]
)
def test_what_is_no_json_is_left_to_the_language(text: str) -> None:
    assert read_json(source_of(COMMAND_LINE, text.encode())) is None


def test_escapes_are_octets_of_utf_8() -> None:
    made = of_json(rule('{"log": {"prefix": "a\\u00e9\\ud83d\\ude00\\n"}}')).body
    assert isinstance(made, RuleText)
    assert made.statements == (Log("aé😀\n".encode().decode("latin-1")),)
