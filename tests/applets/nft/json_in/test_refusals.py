"""What is wrong in JSON is said as nft 1.0.6 says it; the texts are measured."""

import pytest

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.json_in.commands import read_json
from pystack.applets.nft.place import Source


def errors_of(text: str) -> list[str]:
    found = read_json(Source("/dev/stdin", text))
    assert found is not None
    return NftError.of(found.errors).text().replace("internal:0:0-0: Error: ", "").split("\n\n")[:-1]


def rule(*statements: str) -> str:
    body = f'{{"family": "ip", "table": "t", "chain": "c", "expr": [{", ".join(statements)}]}}'
    return f'{{"nftables": [{{"add": {{"rule": {body}}}}}]}}'


IN_RULE = ["Parsing expr array at index 0 failed.", "Parsing command array at index 0 failed."]
IN_LEFT = ["Invalid LHS of relational.", *IN_RULE]
IN_COMMAND = ["Parsing command array at index 0 failed."]


def of_left(left: str) -> list[str]:
    return errors_of(rule(f'{{"match": {{"op": "==", "left": {left}, "right": 22}}}}'))


def test_an_error_has_no_place() -> None:
    found = read_json(Source("/dev/stdin", '{"nftables": 5}'))
    assert found is not None
    assert found.errors[0].text() == (
        'internal:0:0-0: Error: Value of property "nftables" must be an array.\n\n'
    )


def test_a_missing_member_is_told_by_its_column_in_libjanssons_pattern() -> None:
    text = '{"nftables": [{"add": {"table": {"name": "t"}}}]}'
    found = read_json(Source("b.json", text))
    assert found is not None
    assert NftError.of(found.errors).text() == (
        f"b.json:1:4-4: Error: Object item not found: family\n{text}\n   ^\n"
        "internal:0:0-0: Error: Parsing command array at index 0 failed.\n\n"
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ('{"add": {"table": {"family": "foo", "name": "t"}}}', "Unknown family 'foo'."),
        ('{"add": {"foo": {}}}', "Unknown object passed to add command."),
        ('{"add": 5}', "Value of add command must be object (got integer instead)."),
        ('{"delete": {"table": {"family": "ip"}}}', "Either name or handle required to delete a table."),
        ('{"create": {"rule": {}}}', "Create command not available for rules."),
        ('{"list": {"foo": 1}}', "Unknown object passed to list command."),
        ('{"list": {"ct helpers": null}}', "Listing ct helpers requires table reference."),
        (
            '{"replace": {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": []}}}',
            "Handle is required when replacing a rule.",
        ),
    ],
)
def test_a_command_that_is_none_is_refused(command: str, said: str) -> None:
    assert errors_of(f'{{"nftables": [{command}]}}') == [said, *IN_COMMAND]


def test_a_set_of_an_unknown_type_is_refused() -> None:
    declared = '{"family": "ip", "table": "t", "name": "s", "type": "foo"}'
    assert errors_of(f'{{"nftables": [{{"add": {{"set": {declared}}}}}]}}') == [
        "Invalid datatype 'foo'.",
        "Invalid set type.",
        *IN_COMMAND,
    ]


def test_a_newer_schema_is_refused() -> None:
    text = '{"nftables": [{"metainfo": {"json_schema_version": 2}}]}'
    assert errors_of(text) == [
        "Schema version 2 not supported, maximum supported version is 1",
        "\nMetainfo verification failed.",
    ]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ('{"foo": 1}', "Unknown statement object 'foo'."),
        (
            '{"accept": null, "drop": null}',
            'Malformed object (too many properties): \'{"accept": null, "drop": null}\'.',
        ),
        ('{"xt": {}}', "unsupported xtables compat expression, use iptables-nft with this ruleset"),
        ('{"log": {"level": "loud"}}', "Invalid log level 'loud'."),
    ],
)
def test_a_statement_that_is_none_is_refused(statement: str, said: str) -> None:
    assert errors_of(rule(statement)) == [said, *IN_RULE]


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ('{"foo": 5}', "Unknown expression type 'foo'."),
        ("[5]", "List expression only allowed on RHS or in statement expression."),
        ("null", "Malformed object (too many properties): '(null)'."),
        ("true", "Boolean values not allowed in this context."),
        ('{"payload": {"protocol": "tcp", "field": "foo"}}', "Unknown tcp field 'foo'."),
        ('{"payload": {"protocol": "foo", "field": "foo"}}', "Unknown payload protocol 'foo'."),
        ('{"payload": {}}', "Invalid payload expression properties."),
        ('{"tcp option": {"name": "foo"}}', "Unknown tcp option name 'foo'."),
        ('{"exthdr": {"name": "frag", "field": "foo"}}', "Unknown frag field foo."),
        ('{"ct": {"key": "state", "dir": "reply"}}', "Direction not supported by CT key 'state'."),
        ('{"fib": {"result": "oif", "flags": []}}', "fib: need either saddr or daddr"),
        ('{"rt": {"key": "nexthop", "family": "arp"}}', "Invalid family 'arp'."),
        ('{"osf": {"key": "name"}}', "osf is not modelled"),
    ],
)
def test_an_expression_that_is_none_is_refused(left: str, said: str) -> None:
    assert of_left(left) == [said, *IN_LEFT]


def test_an_expression_in_the_wrong_place_is_refused() -> None:
    assert of_left('{"&": [{"prefix": {"addr": "1.1.1.1", "len": 8}}, 1]}') == [
        "Expression type prefix not allowed in context (PRIMARY).",
        "Failed to parse LHS of binop expression.",
        *IN_LEFT,
    ]
