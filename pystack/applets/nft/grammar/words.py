"""Small things that many parts of the grammar have: numbers with units, comments, families."""

from __future__ import annotations

import re
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.values import WORDS
from pystack.applets.nft.lexer import NUMBER, STRING
from pystack.applets.nft.place import Place

COMMENT_MAX: Final = 128
FAMILIES: Final = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
DIGITS_MAX: Final = 8
UNITS: Final = {"d": ("Day", 86400000), "h": ("Hour", 3600000), "m": ("Minute", 60000), "s": ("Second", 1000)}
DATA_UNITS: Final = {"bytes": 1, "kbytes": 1024, "mbytes": 1024 * 1024}
TIME_UNITS: Final = ("second", "minute", "hour", "day", "week")


def natural(p: Parser) -> int:
    """A number."""
    return int(p.expect(NUMBER).text)


def natural32(p: Parser) -> int:
    """A number, of which nft keeps 32 bits."""
    return natural(p) & 0xFFFFFFFF


def comment(p: Parser) -> str:
    """The words behind `comment`."""
    token = p.expect(*WORDS)
    if len(token.text) > COMMENT_MAX:
        raise NftError(token.at, f"comment too long, {COMMENT_MAX} characters maximum allowed")
    return token.text


def once(before: str, now: str, at: Place) -> str:
    """A comment, where there was none before."""
    if before:
        raise NftError(at, "You can only specify this once. This statement is duplicated.")
    return now


def duration(p: Parser) -> int:
    """`1d2h3m4s`, in milliseconds."""
    token = p.expect(STRING)
    return milliseconds(token.text, token.at)


def milliseconds(text: str, at: Place) -> int:
    """A number without a unit is seconds."""
    total, digits, seen = 0, "", set()
    for part in re.findall("ms$|.", text, re.DOTALL):
        if part.isdigit():
            if len(digits) >= DIGITS_MAX:
                raise NftError(at, "value too large")
            digits += part
            continue
        word, factor = ("Millisecond", 1) if part == "ms" else UNITS.get(part, ("", 0))
        if not word:
            raise NftError(at, "wrong time format")
        if part in seen:
            raise NftError(at, f"{word} has been specified twice")
        seen.add(part)
        total, digits = total + int(digits or 0) * factor, ""
    return total if seen else int(digits or 0) * 1000


def data_unit(text: str, at: Place) -> int:
    """How many octets a unit is; only its first letters are looked at."""
    factor = next((size for word, size in DATA_UNITS.items() if text.startswith(word)), 0)
    if not factor:
        raise NftError(at, "Wrong rate format")
    return factor


def family_if(p: Parser) -> str:
    """A family's word, or nothing."""
    token = p.take_if(*FAMILIES)
    if token is None:
        return ""
    if token.kind in ("ip", "ip6", "arp"):
        p.close(token.kind)
    return token.kind
