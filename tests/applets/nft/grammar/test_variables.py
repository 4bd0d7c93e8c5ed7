"""Variables: what a name stands for, and where."""

from __future__ import annotations

import pytest

from pystack.applets.nft.tree.commands import ChainText, TableText
from pystack.applets.nft.tree.expressions import Element, Elements, Expression, Flags, Range, Symbol, Verdict
from pystack.applets.nft.tree.statements import Log, Match
from tests.applets.nft.reading import commands, error


def chain(text: str) -> ChainText:
    """The chain of the last command."""
    body = commands(text)[-1].body
    assert isinstance(body, TableText)
    return body.chains[0]


def value(text: str) -> Expression:
    """What the only rule of a text holds its field against."""
    statement = chain(f"{text}\ntable t {{ chain c {{ ip saddr $x\n}}\n}}").rules[0].statements[0]
    assert isinstance(statement, Match)
    return statement.right


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("define x = 10.0.0.1", Symbol("10.0.0.1")),
        ("define x = 1-5", Range(Symbol("1"), Symbol("5"))),
        ("define x = { 1, 2 }", Elements((Element(Symbol("1")), Element(Symbol("2"))))),
        ("define x = {}", Elements(())),
        ("define x = a,b", Flags((Symbol("a"), Symbol("b")))),
        ("define x = -5", Symbol("-5")),
        ("define y = 7\ndefine x = $y", Symbol("7")),
        ("define x = 1\nredefine x = 2", Symbol("2")),
        ("define x = 1\nundefine x\ndefine x = 3", Symbol("3")),
    ],
)
def test_a_name_stands_for_what_it_was_defined_as(text: str, expected: Expression) -> None:
    assert value(text) == expected


def test_a_set_in_a_set_is_its_elements() -> None:
    found = value("define y = { 1, 2 }\ndefine x = { $y, 3 }")
    assert isinstance(found, Elements)
    assert [item.key for item in found.items] == [Symbol("1"), Symbol("2"), Symbol("3")]


def test_devices_priority_and_policy_may_be_names() -> None:
    made = chain(
        'define d = eth0\ndefine p = -5\ndefine w = "drop"\n'
        "table t { chain c { type filter hook ingress device $d priority $p; policy $w;\n}\n}"
    )
    assert (made.devices, made.priority, made.policy) == (
        Flags((Symbol("eth0"),)),
        Symbol("-5"),
        Symbol("drop", quoted=True),
    )


def test_names_are_known_in_the_prefix_of_a_log_and_behind_jump() -> None:
    made = chain('define n = v6\ndefine j = other\ntable t { chain c { log prefix "a-$n: "\njump $j\n}\n}')
    assert made.rules[0].statements == (Log("a-v6: "),)
    assert str(made.rules[1].statements[0]).count(str(Verdict("jump", "other"))) == 1


def test_a_block_s_names_end_with_it() -> None:
    assert error("table t { define x = 1\n}\nadd rule t c ip saddr $x") == "unknown identifier 'x'"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("define x = 1\ndefine x = 2\n", "redefinition of symbol 'x'"),
        ("add rule t c ip saddr $foo", "unknown identifier 'foo'"),
        ("define food = 1\nadd rule t c ip saddr $foo",
            "unknown identifier 'foo'; did you mean identifier ‘food’?"),
        ("define x = ", "syntax error, unexpected newline"),
    ],
)  # fmt: skip
def test_a_bad_name_is_refused_in_nft_s_words(text: str, words: str) -> None:
    assert error(text) == words


@pytest.mark.parametrize("value", ["{ $x, $x }", "$x . $x", "$x | 1", "$x,$x"])
def test_variables_of_variables_end_somewhere(value: str) -> None:
    more = f"redefine x = {value}\n" * 100
    assert error(f"define x = 1\n{more}") == "memory exhausted"


def test_blocks_are_no_deeper_than_four() -> None:
    deep = "jump {\n" * 3 + "accept\n" + "}\n" * 3
    assert error(f"table t {{ chain c {{\n{deep}}}\n}}") == "too many levels of nesting"
