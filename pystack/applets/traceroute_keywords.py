"""What `traceroute -T -O` understands: which flags and options a probe has, what is told of its answer.

Linux: mod-tcp.c tcp_options
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pystack.applets.traceroute_numbers import Refused, leading_unsigned, unsigned
from pystack.wire import tcp

# In the order in which the flags of an answer are told.
FLAGS: Final = {
    "fin": tcp.FIN,
    "syn": tcp.SYN,
    "rst": tcp.RST,
    "psh": tcp.PSH,
    "ack": tcp.ACK,
    "urg": tcp.URG,
    "ece": tcp.ECE,
    "cwr": tcp.CWR,
}
_SWITCHES: Final = ("ecn", "sack", "timestamps", "window_scaling", "sysctl", "reuse", "info")
_TAKE_NUMBER: Final = ("flags", "mss")
_WORDS: Final = (*FLAGS, *_SWITCHES, *_TAKE_NUMBER)
_MAY_BE_SHORT: Final = ("flags", "timestamps", "window_scaling")
_SHORTEST: Final = 2  # letters

_SEPARATORS: Final = re.compile(r"[ \t,]+")


@dataclass(frozen=True, slots=True)
class TcpKeywords:
    """What was said."""

    flags: int = 0
    is_exact: bool = False  # the flags are these, be it none
    ecn: bool = False
    sack: bool = False
    timestamps: bool = False
    window_scaling: bool = False
    sysctl: bool = False
    reuse: bool = False
    info: bool = False
    mss: int = 0

    @property
    def follows_sysctls(self) -> bool:
        """Whether the sysctls decide about options as well: also where nothing says what to send."""
        options = self.sack or self.timestamps or self.window_scaling
        return self.sysctl or not (self.flags or self.is_exact or self.ecn or options)


NOTHING_SAID: Final = TcpKeywords()


def split_keywords(text: str) -> list[str]:
    """The words of one -O; only the first may be empty."""
    words = _SEPARATORS.split(text)
    return words if words[-1] else words[:-1]


def parse_keywords(words: Sequence[str]) -> TcpKeywords:
    """What all -O together say. Raises Refused. Linux: libsupp/clif.c CLIF_parse() with CLIF_KEYWORD"""
    said = NOTHING_SAID
    for place, word in enumerate(words, 1):
        said = _take(said, word, place)
    return said


def flag_names(flags: int) -> str:
    """Linux: mod-tcp.c names_by_flags()"""
    return ",".join(name for name, bit in FLAGS.items() if flags & bit)


def _take(said: TcpKeywords, word: str, place: int) -> TcpKeywords:
    if word[:1] == "-" and word[1:2] not in ("", "-"):
        raise Refused(f"Bad option `{word[:2]}' (argc {place})")
    name, equals, argument = word.partition("=")
    keyword = _complete(name)
    if keyword is None or (equals and keyword not in _TAKE_NUMBER):
        raise Refused(f"`{word}' (argc {place}): arguments are not allowed")
    if keyword in FLAGS:
        return replace(said, flags=said.flags | FLAGS[keyword])
    if keyword in _SWITCHES:
        return replace(said, **{keyword: True})
    if not equals:
        raise Refused(f"Keyword `{keyword}' (argc {place}) requires an argument: `{keyword}=NUM'")
    try:
        return _take_number(said, keyword, argument)
    except ValueError:
        raise Refused(f"Cannot handle `{keyword}' keyword with arg `{argument}' (argc {place})") from None


def _complete(name: str) -> str | None:
    """The keyword that is meant; some may be cut short."""
    if name in _WORDS:
        return name
    if len(name) < _SHORTEST:
        return None
    return next((keyword for keyword in _MAY_BE_SHORT if keyword.startswith(name)), None)


def _take_number(said: TcpKeywords, keyword: str, argument: str) -> TcpKeywords:
    if keyword == "mss":
        return replace(said, mss=unsigned(argument))
    number = leading_unsigned(argument)
    if number is None:
        raise ValueError(argument)
    return replace(said, flags=number & 0xFF, is_exact=True)
