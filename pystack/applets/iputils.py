"""What ping and arping have in common: how they fail, and how they read numbers and addresses."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from pystack.errors import ERANGE, MESSAGES, NotModelled

EXIT_FAILURE: Final = 1
LONG_MAX: Final = (1 << 63) - 1
INT_MAX: Final = (1 << 31) - 1
UINT_MAX: Final = (1 << 32) - 1

VERSION: Final = "20221126"
FEATURES: Final = "libcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n"

_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]+")
_ATON_PART: Final = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")


class Failure(Exception):
    """error(3) with an exit code: the program says this, with its name in front, and ends."""

    def __init__(self, code: int, text: str, errno: int = 0) -> None:
        super().__init__(f"{text}: {MESSAGES[errno]}" if errno else text)
        self.code = code

    @property
    def text(self) -> str:
        return str(self)


class Usage(Exception):
    """The program prints how it is used; `complaint` is getopt's line before that."""

    def __init__(self, complaint: str = "") -> None:
        super().__init__(complaint)
        self.complaint = complaint


def number(text: str, low: int, high: int) -> int:
    """A decimal number within bounds, refused in strtol_or_err()'s words."""
    if not _NUMBER.fullmatch(text):
        raise Failure(EXIT_FAILURE, f"invalid argument: '{text}'")
    value = int(text)
    if not -LONG_MAX - 1 <= value <= LONG_MAX:
        raise Failure(EXIT_FAILURE, f"invalid argument: '{text}'", ERANGE)
    if not low <= value <= high:
        raise Failure(EXIT_FAILURE, f"invalid argument: '{text}': out of range: {low} <= value <= {high}")
    return value


def parse_aton(text: str) -> int | None:
    """inet_aton(3): one to four numbers, decimal, octal or hexadecimal; the last fills what is left."""
    words = text.split(".")
    if len(words) > 4 or not all(_ATON_PART.fullmatch(word) for word in words):
        return None
    try:
        parts = [_c_number(word) for word in words]
    except ValueError:
        return None
    value = 0
    for part in parts[:-1]:
        if part > 255:
            return None
        value = value << 8 | part
    room = 8 * (5 - len(parts))
    return value << room | parts[-1] if parts[-1] < 1 << room else None


def _c_number(word: str) -> int:
    if word[:2] in ("0x", "0X"):
        return int(word, 16)
    return int(word, 8) if word.startswith("0") else int(word)


def refuse_name(program: str, target: str) -> NoReturn:
    """Say what is wrong with a destination that is no IPv4 address."""
    if ":" in target:
        raise NotModelled(f"{program}: the IPv6 address {target}", ("IPv4 addresses",))
    if re.fullmatch(r"[0-9.]*", target):
        raise Failure(2, f"{target}: Name or service not known")
    raise NotModelled(f"{program}: the host name {target}", ("IPv4 addresses",))
