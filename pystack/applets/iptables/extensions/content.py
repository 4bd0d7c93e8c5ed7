"""Matches of a packet's octets: string, u32."""

from __future__ import annotations

import re
from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.option import U16, U32, Option, Values, Where, strtoul, uint
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL, ENOENT, NotModelled
from pystack.netfilter.matches.content import U32 as U32Match
from pystack.netfilter.matches.content import String, U32Test
from pystack.netfilter.rule import Match

_LONGEST: Final = 128
_ALGORITHMS: Final = ("bm", "kmp")


def _text(text: str, where: Where) -> bytes:
    octets = text.encode(errors="surrogateescape")
    if len(octets) > _LONGEST:
        raise Refused(f'STRING too long "{text}"')
    return octets


def _hex(text: str, where: Where) -> bytes:
    """Text with hexadecimal octets between bars. Linux: libxt_string.c parse_hex_string()"""
    if not text:
        raise Refused("STRING must contain at least one char")
    octets, found, at, in_hex = text.encode(errors="surrogateescape"), bytearray(), 0, False
    while at < len(octets):
        if len(found) >= _LONGEST:
            raise Refused(f'STRING too long "{text}"')
        sign = octets[at : at + 1]
        if sign == b"|":
            in_hex = not in_hex
            while in_hex and octets[at + 1 : at + 2] == b" ":
                at += 1
            at += 1
            if at >= len(octets):
                break
        if in_hex:
            found.append(_octet(octets[at : at + 3]))
            at += 3 if octets[at + 2 : at + 3] == b" " else 2
            continue
        at += sign == b"\\"
        if at >= len(octets):
            raise Refused("Bad literal placement at end of string")
        found.append(octets[at])
        at += 1
    return bytes(found)


def _octet(digits: bytes) -> int:
    """Two digits, with something behind them: a bar at least."""
    if digits[:1] == b"\\":
        raise Refused("Cannot include literals in hex data")
    if len(digits) < 2:
        raise Refused("Odd number of hex digits")
    if len(digits) < 3:
        raise Refused("Invalid hex block")
    for digit in digits[:2].decode("latin-1"):
        if digit not in "0123456789abcdefABCDEF":
            raise Refused(f"Invalid hex char '{digit}'")
    return int(digits[:2], 16)


def _show(pattern: bytes) -> str:
    """In bars if any octet cannot be printed."""
    if any(not 32 <= octet < 127 for octet in pattern):
        return f'--hex-string "|{pattern.hex()}|"'
    escaped = pattern.decode("latin-1").replace("\\", "\\\\").replace('"', '\\"')
    return f'--string "{escaped}"'


class StringExtension(MatchExtension):
    """Linux: libxt_string.c"""

    name = "string"
    options = (
        Option("string", _text, invert=True, excludes=("hex-string",)),
        Option("hex-string", _hex, invert=True),
        Option("algo", lambda text, where: text),
        Option("from", uint(U16)),
        Option("to", uint(U16)),
        Option("icase"),
    )

    def check(self, values: Values) -> None:
        """A pattern and an algorithm."""
        if "string" not in values and "hex-string" not in values:
            raise Refused("STRING match: You must specify `--string' or `--hex-string'")
        if "algo" not in values:
            raise BadOption('string: option "--algo" must be specified')

    def kernel_error(self, values: Values, site: Site) -> int:
        """Linux: net/netfilter/xt_string.c string_mt_check()"""
        start, end = _bounds(values)
        if values["algo"].value == "fsm":
            raise NotModelled("string: --algo fsm", _ALGORITHMS)
        if start > end:
            return EINVAL
        return 0 if values["algo"].value in _ALGORITHMS else ENOENT

    def save(self, values: Values) -> str:
        """The bounds only where they say something."""
        pattern = values.get("string") or values["hex-string"]
        text = f"{'! ' if pattern.inverted else ''}{_show(pattern.value)} --algo {values['algo'].value}"
        start, end = _bounds(values)
        text += f" --from {start}" if start else ""
        text += f" --to {end}" if end != U16 else ""
        return text + (" --icase" if "icase" in values else "")

    def listing(self, values: Values, names: Names | None) -> str:
        """`STRING match  "x" ALGO name bm`"""
        pattern = values.get("string") or values["hex-string"]
        shown = _show(pattern.value).partition(" ")[2]
        text = f"STRING match {'!' if pattern.inverted else ''} {shown} ALGO name {values['algo'].value}"
        start, end = _bounds(values)
        text += f" FROM {start}" if start else ""
        text += f" TO {end}" if end != U16 else ""
        return text + (" ICASE" if "icase" in values else "")

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """Both algorithms find the same."""
        pattern = values.get("string") or values["hex-string"]
        return (String(pattern.value, *_bounds(values), "icase" in values, pattern.inverted),)


def _bounds(values: Values) -> tuple[int, int]:
    start = values["from"].value if "from" in values else 0
    return start, values["to"].value if "to" in values else U16


# --- u32 ----------------------------------------------------------------------------------------------------

_MOST: Final = 11
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_STEP: Final = re.compile(r"\s*(&(?!&)|<<|>>|@)\s*")


class _Reader:
    """Reads `0>>22&0x3C@0=1:5,7 && …`. Linux: libxt_u32.c u32_parse()"""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def tests(self) -> tuple[U32Test, ...]:
        found = [self._test()]
        while self._skip("&&"):
            found.append(self._test())
        if self._at < len(self._text):
            raise Refused(f'u32: at char {self._at}: expected "," or "&&"')
        if len(found) > _MOST:
            raise Refused(f'u32: at char {self._at}: too many "&&"s')
        return tuple(found)

    def _test(self) -> U32Test:
        self._blanks()
        if self._at >= len(self._text):
            raise Refused("u32: abrupt end of input after location specifier")
        if self._text[self._at] == "=":
            raise Refused(f"u32: at char {self._at}: location spec missing")
        start, steps = self._number(), list[tuple[str, int]]()
        while (step := _STEP.match(self._text, self._at)) is not None:
            self._at = step.end()
            steps.append((step[1], self._number()))
        if self._at >= len(self._text):
            raise Refused("u32: abrupt end of input after location specifier")
        if not self._skip("="):
            raise Refused(f"u32: at char {self._at}: operator expected")
        if len(steps) >= _MOST:
            raise Refused(f"u32: at char {self._at}: too many operators")
        self._blanks()
        if self._at >= len(self._text):
            raise Refused("u32: test ended with no value specified")
        values = [self._range()]
        while self._skip(","):
            values.append(self._range())
        if len(values) > _MOST:
            raise Refused(f'u32: at char {self._at}: too many ","s')
        return U32Test(start, tuple(steps), tuple(values))

    def _range(self) -> tuple[int, int]:
        low = self._number()
        return (low, self._number()) if self._skip(":") else (low, low)

    def _skip(self, sign: str) -> bool:
        self._blanks()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _blanks(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _number(self) -> int:
        self._blanks()
        found = _NUMBER.match(self._text, self._at)
        value = None if found is None else strtoul(found[0])
        if found is None or value is None or value > U32:
            raise Refused(f"u32: at char {self._at}: not a number or out of range")
        self._at = found.end()
        return value


def _tests(text: str, where: Where) -> tuple[U32Test, ...]:
    return _Reader(text).tests()


def _show_tests(tests: tuple[U32Test, ...]) -> str:
    shown: list[str] = []
    for test in tests:
        place = f"{test.start:#x}" + "".join(f"{sign}{number:#x}" for sign, number in test.steps)
        values = ",".join(f"{low:#x}" if low == high else f"{low:#x}:{high:#x}" for low, high in test.values)
        shown.append(f"{place}={values}")
    return f'"{"&&".join(shown)}"'


class U32Extension(MatchExtension):
    """Linux: libxt_u32.c"""

    name = "u32"
    options = (Option("u32", _tests, _show_tests, required=True, invert=True),)

    def kernel_error(self, values: Values, site: Site) -> int:
        """Linux: net/netfilter/xt_u32.c u32_mt_checkentry()"""
        shifts = [
            number for test in values["u32"].value for sign, number in test.steps if sign in ("<<", ">>")
        ]
        return EINVAL if any(number >= 32 for number in shifts) else 0

    def listing(self, values: Values, names: Names | None) -> str:
        """`u32 "0x0=0x1"`"""
        return f"u32 {'! ' if values['u32'].inverted else ''}{_show_tests(values['u32'].value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        return (U32Match(values["u32"].value, values["u32"].inverted),)


EXTENSIONS: Final = (StringExtension(), U32Extension())
