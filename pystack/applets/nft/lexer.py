"""Text cut into tokens.

Most words are words of the language only where they can stand: `packets` is a name unless `counter`, `limit`
or
`ct` came before. Such a word opens a scope, the grammar closes it again, and the innermost scope alone
decides.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pystack.applets.nft.keywords import ALWAYS, SCOPED
from pystack.applets.nft.place import Place, Source

STRING: Final = "string"
QUOTED: Final = "quoted string"
ASTERISK: Final = "string with a trailing asterisk"
NUMBER: Final = "number"
NEWLINE: Final = "newline"
SEMICOLON: Final = "semicolon"
COMMA: Final = "comma"
COLON: Final = "colon"
END: Final = "end of file"
JUNK: Final = "junk"

U64_MAX: Final = (1 << 64) - 1

_SYMBOLS: Final = {
    ",": COMMA, ":": COLON, ";": SEMICOLON, "{": "'{'", "}": "'}'", "[": "'['", "]": "']'", "(": "'('",
    ")": "')'", "|": "'|'", "$": "'$'", "=": "'='",
}  # fmt: skip

_TOKEN: Final = re.compile(
    r"""[ \t]*(?:
      (?P<newline>\n)
    | (?P<comment>\#[^\n]*(?=\n))
    | (?P<address>(?=[0-9a-fA-F]{0,4}:[0-9a-fA-F:]|\[[0-9a-fA-F:]*:))
    | (?P<word>[a-zA-Z_.][a-zA-Z0-9/\-_.]*(?:\*|\\\*(?:[a-zA-Z_.][a-zA-Z0-9/\-_.]*)?)?)
    | (?P<text>8021(?:ad|q)|[0-9]{1,3}(?:\.[0-9]{1,3}){3}
        | (?=[0-9]+(?:[dhs]|ms?))(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m(?!s))?(?:[0-9]+s)?(?:[0-9]+ms)?)
    | (?P<number>0[xX][0-9a-fA-F]+|[0-9]+)
    | "(?P<quoted>[^"]*)"
    | (?P<wildcard>\\\*)
    | (?P<symbol>[=!<>]=|<<|>>|[^\\])
    | (?P<continued>\\\n)
    | (?P<junk>\\)
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_HEX: Final = "[0-9a-fA-F]{1,4}"
_IPV4: Final = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_MAC: Final = re.compile("(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}")
_IPV6: Final = re.compile(f"(?:{_HEX}:){{7}}{_HEX}|::(?:[fF]{{4}}:)?{_IPV4}")
_SHORT_IPV6: Final = re.compile(
    f"(?P<front>(?:{_HEX}(?::{_HEX}){{0,6}})?)::(?P<back>(?:{_HEX}(?::{_HEX}){{0,6}})?)"
)
_CLASS: Final = re.compile(f"({_HEX}:{_HEX})[ \\t\\n:\\-}},]")


class Token(NamedTuple):
    """The kind is the word that errors use, which of a word of the language is the word itself."""

    kind: str
    text: str
    at: Place


class Lexer:
    """Reads one source, token by token."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.offset = 0
        self.line = 1
        self.line_start = 0
        source.starts[:] = [0]

    def next(self, scope: str) -> Token:
        """The next token, as the scope has it; END behind the last one."""
        while True:
            found = _TOKEN.match(self.text, self.offset)
            assert found is not None
            group = found.lastgroup
            if group == "comment":
                self._skip_comment(found)
                continue
            if group == "continued":
                self.begin_line(found.end())
                continue
            return self._token(found, group or "", scope)

    def _skip_comment(self, found: re.Match[str]) -> None:
        """A line of nothing else goes together with its end."""
        begins_line = self.offset == 0 or self.text[self.offset - 1] == "\n"
        self.offset = found.end()
        if begins_line:
            self.begin_line(found.end() + 1)

    def begin_line(self, offset: int) -> None:
        """What follows is on the next line."""
        self.offset = self.line_start = offset
        self.line += 1
        self.source.starts.append(offset)

    def _token(self, found: re.Match[str], group: str, scope: str) -> Token:
        start, end = found.start(group), found.end()
        text = found[group]
        kind = STRING
        if group == "word":
            if text[-1] == "*" or "\\" in text:
                kind = ASTERISK
            elif text in ALWAYS:
                kind = ALWAYS[text]
            elif text in SCOPED:
                kind = SCOPED[text].get(scope, STRING)
        elif group == "number":
            kind, text = number(text)
        elif group == "symbol":
            kind = _SYMBOLS.get(text) or ALWAYS.get(text, JUNK)
        elif group == "address":
            kind, text, end = self._address(start, scope)
        elif group == "quoted":
            kind, start = QUOTED, start - 1
        elif group == "wildcard":
            kind = ASTERISK
        elif group == "junk":
            kind = JUNK
        elif group == "end":
            kind, end = END, start + 1
            self._show_the_line_before(start)
        elif group == "newline":
            kind = NEWLINE
        at = Place(self.source, self.line, start - self.line_start + 1, end - self.line_start)
        if group == "newline":
            self.begin_line(end)
        else:
            self.offset = min(end, len(self.text))
        return Token(kind, text, at)

    def _show_the_line_before(self, end: int) -> None:
        """nft does so where it speaks of an end that has no line of its own."""
        starts = self.source.starts
        if end == self.line_start and len(starts) > 1:
            starts[-1] = starts[-2]

    def _address(self, start: int, scope: str) -> tuple[str, str, int]:
        """What may have colons in it: the longest of all that fits here."""
        text = self.text
        bracket = text[start] == "["
        if bracket:
            end = max((match for match in self._ipv6_ends(start + 1)), default=0)
            if end and text[end : end + 1] == "]":
                return STRING, text[start + 1 : end], end + 1
            return "'['", "[", start + 1
        ends = list(self._ipv6_ends(start))
        if found := _MAC.match(text, start):
            ends.append(found.end())
        longest = max(ends, default=0)
        if (found := _CLASS.match(text, start)) and found.end() > longest:
            longest = found.end(1)
        plain = _PLAIN.match(text, start)
        if plain is not None and plain.end() > longest:
            return self._plain(plain, scope)
        if longest:
            return STRING, text[start:longest], longest
        return COLON, ":", start + 1

    def _ipv6_ends(self, start: int) -> list[int]:
        ends = []
        if found := _IPV6.match(self.text, start):
            ends.append(found.end())
        if found := _SHORT_IPV6.match(self.text, start):
            groups = found["front"].count(":") + 1 if found["front"] else 0
            back = found["back"].split(":")[: 7 - groups] if found["back"] else []
            ends.append(found.start("back") + len(":".join(back)))
        return ends

    def _plain(self, found: re.Match[str], scope: str) -> tuple[str, str, int]:
        """A word or number in front of a colon, such as `accept` or 22 in a map."""
        text = found[0]
        if found.lastgroup == "number":
            kind, text = number(text)
            return kind, text, found.end()
        if found.lastgroup == "word" and text[-1] != "*" and "\\" not in text:
            kind = ALWAYS.get(text) or SCOPED.get(text, {}).get(scope, STRING)
            return kind, text, found.end()
        return (ASTERISK if found.lastgroup == "word" else STRING), text, found.end()


_PLAIN: Final = re.compile(
    r"""(?P<word>[a-zA-Z_.][a-zA-Z0-9/\-_.]*(?:\*|\\\*(?:[a-zA-Z_.][a-zA-Z0-9/\-_.]*)?)?)
    | (?P<text>(?=[0-9]+(?:[dhs]|ms?))(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m(?!s))?(?:[0-9]+s)?(?:[0-9]+ms)?)
    | (?P<number>0[xX][0-9a-fA-F]+|[0-9]+)""",
    re.VERBOSE,
)


def number(text: str) -> tuple[str, str]:
    """As C reads it, 010 is eight; 08, and what no 64 bits hold, is a word."""
    if text[:2] in ("0x", "0X"):
        value = int(text, 16)
    elif text[0] != "0":
        value = int(text)
    elif not set(text) & {"8", "9"}:
        value = int(text, 8)
    else:
        return STRING, text
    return (NUMBER, str(value)) if value <= U64_MAX else (STRING, text)
