"""Text cut into tokens, as nft's scanner cuts it."""

from __future__ import annotations

import pytest

from pystack.applets.nft.lexer import Lexer, number
from pystack.applets.nft.place import COMMAND_LINE, Source


def tokens(text: str, scope: str = "") -> list[tuple[str, str]]:
    """Kinds and texts of all tokens, but for the end."""
    lexer = Lexer(Source(COMMAND_LINE, text))
    found = []
    while (token := lexer.next(scope)).kind != "end of file":
        found.append((token.kind, token.text))
    return found


def kinds(text: str, scope: str = "") -> list[str]:
    """Kinds alone."""
    return [kind for kind, _ in tokens(text, scope)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("eth0", "string"),
        ("a/b-c.d_e", "string"),
        (".", "."),
        (".a", "string"),
        ("..", "string"),
        ("eth*", "string with a trailing asterisk"),
        ("eth\\*", "string with a trailing asterisk"),
        ("\\*", "string with a trailing asterisk"),
        ('"a b"', "quoted string"),
        ("10.0.0.1", "string"),
        ("fe80::1", "string"),
        ("::", "string"),
        ("::ffff:10.0.0.1", "string"),
        ("1:2:3:4:5:6:7:8", "string"),
        ("00:11:22:33:44:55", "string"),
        ("[::1]", "string"),
        ("1d2h3m4s5ms", "string"),
        ("5ms", "string"),
        ("8021q", "string"),
        ("22", "number"),
        ("0x16", "number"),
        ("08", "string"),
        ("99999999999999999999", "string"),
        ("table", "table"),
        ("eq", "=="),
        ("or", "'|'"),
        ("#", "junk"),
        ("\\", "junk"),
        ('"', "junk"),
        ("%", "junk"),
    ],
)
def test_a_word_is_one_token_of_its_kind(text: str, kind: str) -> None:
    assert kinds(text) == [kind]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10foo", ["10", "foo"]),
        ("10.0.0.1/8", ["10.0.0.1", "/", "8"]),
        ("1-5", ["1", "-", "5"]),
        ("22:accept", ["22", ":", "accept"]),
        ("5:3, ", ["5:3", ","]),
        ("fe80::12345", ["fe80::1234", "5"]),
        ("a::b::c", ["a::b", "::c"]),
        ("5m3", ["5m", "3"]),
        ("1.2.3.4567", ["1.2.3.456", "7"]),
        ("[::1]:80", ["::1", ":", "80"]),
        ("<<=", ["<<", "="]),
        ("@th,1", ["@", "th", ",", "1"]),
    ],
)
def test_the_longest_token_is_taken(text: str, parts: list[str]) -> None:
    assert [part for _, part in tokens(text)] == parts


def test_some_words_are_the_language_s_only_in_a_scope() -> None:
    assert kinds("packets", "counter") == ["packets"]
    assert kinds("packets") == ["string"]
    assert kinds("maxseg", "tcp") == ["mss"]


def test_numbers_are_read_as_c_reads_them() -> None:
    assert [number(text)[1] for text in ("010", "0x10", "10")] == ["8", "16", "10"]


def test_a_comment_alone_on_a_line_takes_the_line_away() -> None:
    assert kinds("a # x\n  # y\nb\n") == ["string", "newline", "string", "newline"]


def test_a_line_goes_on_behind_a_backslash() -> None:
    assert kinds("a \\\n b\n") == ["string", "string", "newline"]


def test_places_count_from_one_and_begin_again_on_every_line() -> None:
    lexer = Lexer(Source("/x", 'a bc\n\td "e"\n'))
    places = [lexer.next("").at for _ in range(6)]
    assert [(at.line, at.first, at.last) for at in places] == [
        (1, 1, 1), (1, 3, 4), (1, 5, 5), (2, 2, 2), (2, 4, 6), (2, 7, 7),
    ]  # fmt: skip
    assert places[4].source.line(2) == '\td "e"'


def test_of_a_string_over_two_lines_the_second_counts_as_the_first() -> None:
    lexer = Lexer(Source("/x", '"a\nb" c\nd'))
    lexer.next("")
    assert lexer.next("").at.line == 1
    lexer.next("")
    last = lexer.next("").at
    assert (last.line, last.source.line(last.line)) == (2, "d")
