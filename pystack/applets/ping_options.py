"""The command line of `ping`, read in the order and refused in the words of iputils 20221126."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.iputils import (
    INT_MAX,
    LONG_MAX,
    UINT_MAX,
    Failure,
    Usage,
    number,
    parse_aton,
    refuse_name,
)
from pystack.applets.ping_route import TIMESTAMP_TYPES
from pystack.errors import EDESTADDRREQ, ERANGE, NotModelled
from pystack.sock.inet import IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_WANT
from pystack.wire.ipv4 import parse_address

SHORT: Final = "h?4bRT:6F:N:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:"
KNOWN: Final = tuple(f"-{letter}" for letter in "4aAbBcDefhiIlLmMnOpqQRstTUvVwW")

MAXWAIT: Final = 10  # seconds to wait for the last answer when there was none
MAX_DUP_CHK: Final = 0x10000
MTU_DISCOVERY: Final = {"do": IP_PMTUDISC_DO, "dont": IP_PMTUDISC_DONT, "want": IP_PMTUDISC_WANT}

_FLAGS: Final = {
    "a": "audible",
    "A": "adaptive",
    "b": "broadcast",
    "B": "strict_source",
    "D": "print_time",
    "f": "flood",
    "L": "no_loop",
    "O": "outstanding",
    "q": "quiet",
    "U": "latency",
    "v": "verbose",
}
_FLOAT: Final = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(slots=True)
class Options:
    """What was asked for; times in milliseconds unless they say otherwise."""

    target: str = ""
    address: int = 0
    adaptive: bool = False
    audible: bool = False
    broadcast: bool = False
    count: int = 0
    deadline: int = 0  # seconds
    device: str | None = None
    flood: bool = False
    help: bool = False
    ident: int | None = None
    interval: int = 1000
    interval_given: bool = False
    latency: bool = False
    linger: int = MAXWAIT * 1000
    mark: int | None = None
    no_loop: bool = False
    only_ipv4: bool = False
    outstanding: bool = False
    pattern: str | None = None
    pmtudisc: int | None = None
    preload: int = 1
    print_time: bool = False
    quiet: bool = False
    record_route: bool = False
    timestamp: int | None = None  # which kind is asked for
    size: int = 56
    source: int = 0
    strict_source: bool = False
    tos: int = 0
    ttl: int | None = None
    verbose: bool = False
    version: bool = False
    warnings: tuple[str, ...] = ()  # to be told even if something else is refused


def parse(args: Sequence[str], options: Options) -> None:
    """Fill in what the words say. Raises Failure, Usage, NotModelled."""
    words = Getopt(args, SHORT)
    try:
        for letter, argument in words:
            _take(options, letter, argument)
            if options.version:
                return
    except BadOption as bad:
        raise Usage(str(bad)) from None
    if not words.operands:
        raise Failure(1, "usage error", EDESTADDRREQ)
    if len(words.operands) > 1:
        raise NotModelled("ping: a source route", ("one destination",))
    options.target = words.operands[0]
    address = parse_aton(options.target)
    if address is None:
        refuse_name("ping", options.target)
    options.address = address


def _take(options: Options, letter: str, argument: str) -> None:
    if letter in "h?":
        raise Usage
    if letter == "6":
        raise NotModelled("ping -6: IPv6", ("IPv4",))
    if f"-{letter}" not in KNOWN:
        raise NotModelled(f"ping -{letter}", KNOWN)
    if letter == "R":
        if options.timestamp is not None:
            raise Failure(2, "only one of -T or -R may be used")
        options.record_route = True
    elif letter in _FLAGS:
        setattr(options, _FLAGS[letter], True)
    elif letter == "4":
        options.only_ipv4 = True
    elif letter == "V":
        options.version = True
    elif letter in "iW":
        _take_time(options, letter, argument)
    elif letter in "cewlmst":
        _take_number(options, letter, argument)
    elif letter != "n":  # names are never looked up
        _take_word(options, letter, argument)


def _take_number(options: Options, letter: str, argument: str) -> None:
    if letter == "c":
        options.count = number(argument, 1, LONG_MAX)
    elif letter == "e":
        options.ident = number(argument, 0, 0xFFFF)
    elif letter == "m":
        options.mark = number(argument, 0, UINT_MAX)
    elif letter == "w":
        options.deadline = number(argument, 0, INT_MAX)
    elif letter == "l":
        options.preload = number(argument, 1, MAX_DUP_CHK)
    elif letter == "s":
        options.size = number(argument, 0, INT_MAX)
    else:
        options.ttl = number(argument, 0, 255)


def _take_word(options: Options, letter: str, argument: str) -> None:
    if letter == "I":
        _take_interface(options, argument)
    elif letter == "M":
        if argument not in MTU_DISCOVERY:
            raise Failure(2, f"invalid -M argument: {argument}")
        options.pmtudisc = MTU_DISCOVERY[argument]
    elif letter == "p":
        options.pattern = argument
    elif letter == "T":
        _take_timestamp(options, argument)
    else:
        options.tos = _tos(argument)


def _take_timestamp(options: Options, argument: str) -> None:
    if options.record_route:
        raise Failure(2, "only one of -T or -R may be used")
    if argument == "tsprespec":
        raise NotModelled("ping -T tsprespec", tuple(TIMESTAMP_TYPES))
    if argument not in TIMESTAMP_TYPES:
        raise Failure(2, f"invalid timestamp type: {argument}")
    options.timestamp = TIMESTAMP_TYPES[argument]


def _take_time(options: Options, letter: str, argument: str) -> None:
    what = "bad timing interval" if letter == "i" else "bad linger time"
    seconds = _seconds(options, argument, what)
    if seconds > INT_MAX / 1000 or (letter == "W" and seconds < 0):
        raise Failure(2, f"{what}: {argument}")
    if letter == "W":
        options.linger = int(seconds * 1000)
        return
    if seconds < 0:
        raise NotModelled(f"ping -i {argument}", ("an interval of 0 and above",))
    options.interval = int(seconds * 1000)
    options.interval_given = True


def _seconds(options: Options, argument: str, what: str) -> float:
    """Linux: ping/ping.c ping_strtod()"""
    if not argument:
        raise Failure(2, f"{what}: {argument}")
    start = _FLOAT.match(argument)
    rest = argument[start.end() :] if start else argument
    if rest:
        options.warnings += (
            f"option argument contains garbage: {rest}",
            "this will become fatal error in the future",
        )
    value = float(start.group()) if start else 0.0
    if value in (float("inf"), float("-inf")):
        raise Failure(2, f"{what}: {argument}", ERANGE)
    return value


def _take_interface(options: Options, argument: str) -> None:
    if ":" in argument:
        raise NotModelled(f"ping: the IPv6 address {argument}", ("IPv4 addresses",))
    address = parse_address(argument)
    if address is None:
        options.device = argument
    else:
        options.source = address
        options.strict_source = True


def _tos(argument: str) -> int:
    """Linux: ping/ping.c parsetos()"""
    is_hex = argument[:2] in ("0x", "0X")
    digits = argument[2:] if is_hex else argument
    if not re.fullmatch(r"\s*[+-]?[0-9a-fA-F]*" if is_hex else r"\s*[+-]?[0-9]*", digits):
        raise Failure(2, f"bad TOS value: {argument}")
    value = int(digits or "0", 16 if is_hex else 10)
    if value > 255:
        raise Failure(2, f"the decimal value of TOS bits must be in range 0-255: {value}")
    return value & 0xFF
