"""Commands: what is done with what."""

from __future__ import annotations

import pytest

from pystack.applets.nft.tree.commands import ChainText, Handle, TableText
from pystack.applets.nft.tree.expressions import Element, Payload, Symbol
from tests.applets.nft.reading import command, commands, error


@pytest.mark.parametrize(
    ("text", "operation", "thing", "handle"),
    [
        ("table x", "add", "table", Handle("ip", "x")),
        ("add table inet x", "add", "table", Handle("inet", "x")),
        ("create table ip6 x", "create", "table", Handle("ip6", "x")),
        ("delete table arp handle 5", "delete", "table", Handle("arp", handle=5)),
        ("add chain x y", "add", "chain", Handle("ip", "x", "y")),
        ("delete chain x handle 3", "delete", "chain", Handle("ip", "x", handle=3)),
        ("rename chain x y z", "rename", "chain", Handle("ip", "x", "y")),
        ("add x y accept", "add", "rule", Handle("ip", "x", "y")),
        ("insert rule arp x y position 4 accept", "insert", "rule", Handle("arp", "x", "y", position=4)),
        ("add rule x y handle 4 accept", "add", "rule", Handle("ip", "x", "y", position=4)),
        ("add rule x y index 4 accept", "add", "rule", Handle("ip", "x", "y", index=4)),
        ("replace rule x y handle 4 accept", "replace", "rule", Handle("ip", "x", "y", handle=4)),
        ("delete rule x y handle 4", "delete", "rule", Handle("ip", "x", "y", handle=4)),
        ("delete map x y", "delete", "map", Handle("ip", "x", "y")),
        ("flush set x y", "flush", "set", Handle("ip", "x", "y")),
        ("flush flow table x y", "flush", "meter", Handle("ip", "x", "y")),
        ("flush ruleset", "flush", "ruleset", Handle("")),
        ("list ruleset inet", "list", "ruleset", Handle("inet")),
        ("list sets table inet x", "list", "sets", Handle("inet", "x")),
        ("list counters", "list", "counters", Handle("")),
        ("list ct helpers table x", "list", "ct helpers", Handle("ip", "x")),
        ("list ct timeout x y", "list", "ct timeout", Handle("ip", "x", "y")),
        ("list flow tables", "list", "meters", Handle("")),
        ("list hooks netdev device eth0", "list", "hooks", Handle("netdev", name="eth0")),
        ("reset counters table x", "reset", "counters", Handle("ip", "x")),
        ("reset quota x y", "reset", "quota", Handle("ip", "x", "y")),
        ("delete counter x handle 7", "delete", "counter", Handle("ip", "x", handle=7)),
        ("monitor new rules json", "monitor", "ruleset", Handle("")),
        ("export vm json", "export", "ruleset", Handle("")),
    ],
)  # fmt: skip
def test_a_command_says_what_is_done_with_what(text: str, operation: str, thing: str, handle: Handle) -> None:
    made = command(text)
    assert (made.operation, made.object, made.handle) == (operation, thing, handle)


def test_destroy_is_no_command_of_this_version_but_may_be_a_table_s_name() -> None:
    made = command("destroy y accept")
    assert (made.operation, made.object, made.handle) == ("add", "rule", Handle("ip", "destroy", "y"))


def test_commands_end_with_the_line_or_a_semicolon() -> None:
    assert [made.handle.table for made in commands("table a; table b\n\ntable c;")] == ["a", "b", "c"]


def test_the_last_line_needs_no_end() -> None:
    assert command("table a").handle.table == "a"


def test_elements_are_added_and_asked_for() -> None:
    assert command("add element x y { 1, 2 }").body == (Element(Symbol("1")), Element(Symbol("2")))
    assert command("get element x y { 1 }").operation == "get"


def test_what_is_described_is_an_expression() -> None:
    assert command("describe tcp dport").body == Payload("tcp", "dport")


def test_a_table_and_a_chain_may_have_a_block_or_none() -> None:
    assert command("table x").body == TableText("ip", "x")
    assert command("add chain x y").body is None
    assert command("add chain x y { }").body == ChainText("y")


def test_a_command_s_place_is_its_line_with_its_end() -> None:
    made = command("add table x")
    assert (made.at.first, made.at.last) == (1, 12)
    assert (made.handle.places["table"].first, made.handle.places["table"].last) == (11, 11)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("add", "syntax error, unexpected newline, expecting string"),
        ("5", "syntax error, unexpected number"),
        ("table x y", "syntax error, unexpected string, expecting end of file or newline or semicolon"),
        ("delete element x y", "syntax error, unexpected newline, expecting '{' or '$'"),
        (
            "list ct",
            "syntax error, unexpected newline, expecting timeout or expectation or helper or helpers",
        ),
        ("create rule x y accept", "syntax error, unexpected rule"),
        ("export", "syntax error, unexpected newline, expecting ruleset or xml or json or vm"),
        ("add limit x y", "syntax error, unexpected newline, expecting rate or '{'"),
    ],
)
def test_a_bad_command_is_refused_in_nft_s_words(text: str, words: str) -> None:
    assert error(text) == words
