"""The command line of `traceroute`, read and refused as Debian's traceroute 2.1.2 does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.iputils import parse_aton
from pystack.applets.tcpdump.names import Names
from pystack.applets.traceroute_keywords import NOTHING_SAID, TcpKeywords, parse_keywords, split_keywords
from pystack.applets.traceroute_numbers import Refused, leading_unsigned, unsigned
from pystack.applets.traceroute_usage import TCP_USAGE, USAGE
from pystack.errors import NotModelled

VERSION: Final = """\
Modern traceroute for Linux, version 2.1.2
Copyright (c) 2016  Dmitry Butskoy,   License: GPL v2 or any later
"""
# By letter and word: the attribute, and what its argument is called in complaints (empty: a flag).
OPTIONS: Final = {
    "4": ("ipv4", ""),
    "F": ("dont_fragment", ""),
    "dont-fragment": ("dont_fragment", ""),
    "f": ("first", "first_ttl"),
    "first": ("first", "first_ttl"),
    "I": ("method", ""),
    "icmp": ("method", ""),
    "T": ("method", ""),
    "tcp": ("method", ""),
    "i": ("device", "device"),
    "interface": ("device", "device"),
    "m": ("max_hops", "max_ttl"),
    "max-hops": ("max_hops", "max_ttl"),
    "N": ("at_once", "squeries"),
    "sim-queries": ("at_once", "squeries"),
    "n": ("numeric", ""),
    "p": ("port", "port"),
    "port": ("port", "port"),
    "t": ("tos", "tos"),
    "tos": ("tos", "tos"),
    "w": ("wait", "MAX,HERE,NEAR"),
    "wait": ("wait", "MAX,HERE,NEAR"),
    "q": ("queries", "nqueries"),
    "queries": ("queries", "nqueries"),
    "s": ("source", "src_addr"),
    "source": ("source", "src_addr"),
    "z": ("pause", "sendwait"),
    "sendwait": ("pause", "sendwait"),
    "U": ("method", ""),
    "udp": ("method", ""),
    "O": ("keywords", "OPTS,..."),
    "options": ("keywords", "OPTS,..."),
    "sport": ("source_port", "num"),
    "fwmark": ("mark", "num"),
    "V": ("version", ""),
    "version": ("version", ""),
    "help": ("help", ""),
}
# What the real one knows besides.
NOT_MODELLED: Final = frozenset(
    "6 d debug g gateway l flowlabel r e extensions A as-path-lookups M module UL D dccp P "
    "protocol mtu back".split()
)
KNOWN: Final = tuple(f"-{name}" if len(name) == 1 else f"--{name}" for name in OPTIONS)

MAX_HOPS: Final = 255
MAX_QUERIES: Final = 10
MAX_LENGTH: Final = 65000

METHODS: Final = {"I": "icmp", "T": "tcp", "U": "udp"}
MAX_KEYWORDS: Final = 15

_WORDS: Final = frozenset({"device", "source", "wait", "pause", "port", "source_port"})
_FLOAT: Final = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(slots=True)
class Options:
    """What was asked for; times in seconds."""

    host: str = ""
    address: int = 0
    length: int | None = None  # of a packet, headers included
    ipv4: bool = False
    dont_fragment: bool = False
    first: int = 1
    method: str = "default"
    device: str = ""
    max_hops: int = 30
    at_once: int = 16
    numeric: bool = False
    port: int = 0
    tos: int = 0
    longest_wait: float = 5.0
    here_factor: float = 3.0
    near_factor: float = 10.0
    queries: int = 3
    source: int = 0
    pause: float = 0.0
    source_port: int = 0
    mark: int = 0
    keywords: list[str] = field(default_factory=list)
    tcp: TcpKeywords = NOTHING_SAID
    says: str = ""  # and it ends


def parse(args: Sequence[str], names: Names) -> Options:
    """What the words say. Raises Refused, NotModelled."""
    options, operands = Options(), 0
    words = list(enumerate(args, 1))
    while words and not options.says:
        place, word = words.pop(0)
        if word.startswith("-") and len(word) > 1:
            _take_options(options, place, word, words, names)
        else:
            operands += 1
            _take_operand(options, place, word, operands, names)
    if not options.says:
        if not operands:
            raise Refused('Specify "host" missing argument.')
        _check(options)
    return options


def _take_options(
    options: Options, place: int, word: str, words: list[tuple[int, str]], names: Names
) -> None:
    if word.startswith("--"):
        name, equals, argument = word[2:].partition("=")
        takes = _describe(f"--{name}", name, place)
        if takes and not equals:
            raise Refused(f"Option `--{name}' (argc {place}) requires an argument: `--{name}={takes}'")
        return _take(options, f"--{name}", name, argument, place, names)
    letter, rest = word[1], word[2:]
    takes = _describe(word[:2], letter, place)
    if takes and rest:
        return _take(options, word[:2], letter, rest, place, names)
    for at, letter in enumerate(word[1:], 2):
        option = f"-{letter}"
        takes = _describe(option, letter, place)
        if not takes:
            _take(options, option, letter, "", place, names)
        elif at < len(word) or not words:
            raise Refused(f"Option `{option}' (argc {place}) requires an argument: `{option} {takes}'")
        else:
            place, argument = words.pop(0)
            _take(options, option, letter, argument, place, names)


def _describe(option: str, name: str, place: int) -> str:
    """What the argument is called, nothing for a flag."""
    if name in NOT_MODELLED:
        raise NotModelled(f"traceroute {option}", KNOWN)
    if name not in OPTIONS:
        raise Refused(f"Bad option `{option}' (argc {place})")
    return OPTIONS[name][1]


def _take(options: Options, option: str, name: str, argument: str, place: int, names: Names) -> None:
    attribute, takes = OPTIONS[name]
    if not takes:
        return _take_flag(options, attribute, name)
    try:
        value: object = argument
        if attribute == "wait":
            return _take_wait(options, argument)
        if attribute == "keywords":
            return _take_keywords(options, option, argument, place)
        if attribute == "source":
            value = _address(argument, names)
        elif attribute == "pause":
            value = _seconds(argument)
        elif attribute in ("port", "source_port"):
            value = _port(argument, names)
        elif attribute not in _WORDS:
            value = unsigned(argument)
        setattr(options, attribute, value)
    except ValueError:
        raise Refused(f"Cannot handle `{option}' option with arg `{argument}' (argc {place})") from None


def _take_flag(options: Options, attribute: str, name: str) -> None:
    if attribute == "method":
        options.method = METHODS.get(name, name)
    elif attribute in ("help", "version"):
        options.says = USAGE if attribute == "help" else VERSION
    else:
        setattr(options, attribute, True)


def _take_keywords(options: Options, option: str, text: str, place: int) -> None:
    """Kept until the method is known, but for the request for help. Linux: traceroute.c set_mod_option()"""
    words = split_keywords(text)
    if "help" in words:
        _no_keywords_of_icmp(options)
        has_some = options.method == "tcp"
        options.says = TCP_USAGE if has_some else f"No options for module `{options.method}'\n"
        return
    options.keywords += words
    if len(options.keywords) > MAX_KEYWORDS:
        complaint = f"Cannot handle `{option}' option with arg `{text}' (argc {place})"
        raise Refused(f"Too many module options\n{complaint}")


def _no_keywords_of_icmp(options: Options) -> None:
    if options.method == "icmp":
        raise NotModelled("traceroute -I -O", ("traceroute -T -O",))


def _take_operand(options: Options, place: int, word: str, number: int, names: Names) -> None:
    if number > 2:
        raise Refused(f"Extra arg `{word}' (position {number}, argc {place})")
    if number == 1:
        options.host = word
        try:
            options.address = _address(word, names)
        except ValueError:
            raise NotModelled(f"traceroute: the host name {word}", ("IPv4 addresses",)) from None
        return
    try:
        options.length = unsigned(word)
    except ValueError:
        complaint = f'Cannot handle "packetlen" cmdline arg `{word}\' on position 2 (argc {place})'
        raise Refused(complaint) from None


def _take_wait(options: Options, text: str) -> None:
    """MAX, HERE and NEAR; what is not given does not shorten the wait."""
    values = [_seconds(part) for part in text.split(",")]
    if len(values) > 3:
        raise ValueError
    options.longest_wait, options.here_factor, options.near_factor = (*values, 0.0, 0.0)[:3]


def _seconds(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueError
    return float(text)


def _port(text: str, names: Names) -> int:
    if (number := leading_unsigned(text)) is not None:
        return number & 0xFFFFFFFF
    for protocol in ("tcp", "udp"):
        if (protocol, text) in names.ports:
            return names.ports[protocol, text]
    raise ValueError


def _address(text: str, names: Names) -> int:
    address = parse_aton(text)
    if address is None:
        address = next(iter(names.addresses.get(text, ())), None)
    if address is None:
        raise ValueError
    return address


def _check(options: Options) -> None:
    """Linux: traceroute.c main()"""
    if not options.first or options.first > options.max_hops:
        raise Refused("first hop out of range")
    if options.max_hops > MAX_HOPS:
        raise Refused(f"max hops cannot be more than {MAX_HOPS}")
    if not 0 < options.queries <= MAX_QUERIES:
        raise Refused(f"no more than {MAX_QUERIES} probes per hop")
    waits = options.longest_wait, options.here_factor, options.near_factor
    if min(waits) < 0:
        raise Refused("bad wait specifications `{:g},{:g},{:g}' used".format(*waits))
    if options.length is not None and options.length > MAX_LENGTH:
        raise Refused(f"too big packetlen {options.length} specified")
    if options.pause < 0:
        raise Refused(f"bad sendtime `{options.pause:g}' specified")
    if options.pause >= 10:  # then it is milliseconds
        options.pause /= 1000
    if options.source_port:
        options.at_once = 1
        options.here_factor = options.near_factor = 0.0
    if options.keywords and options.method == "tcp":
        options.tcp = parse_keywords(options.keywords)
    elif options.keywords:
        _no_keywords_of_icmp(options)
