"""The command line of `tcpdump`, refused in the words of tcpdump 4.99.3."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.tcpdump.page import Look
from pystack.errors import NotModelled

SHORT: Final = "aAbB:c:C:dDeE:fF:G:hHi:Ij:JKlLm:M:nNOpqQ:r:s:StT:uUvV:w:W:xXy:Yz:Z:#"
LONG: Final = {
    "buffer-size": True,
    "list-interfaces": False,
    "help": False,
    "interface": True,
    "monitor-mode": False,
    "time-stamp-type": True,
    "list-time-stamp-types": False,
    "micro": False,
    "nano": False,
    "time-stamp-precision": True,
    "dont-verify-checksums": False,
    "list-data-link-types": False,
    "no-optimize": False,
    "no-promiscuous-mode": False,
    "direction": True,
    "snapshot-length": True,
    "absolute-tcp-sequence-numbers": False,
    "packet-buffered": False,
    "linktype": True,
    "immediate-mode": False,
    "relinquish-privileges": True,
    "count": False,
    "fp-type": False,
    "number": False,
    "print": False,
    "version": False,
}
SHORT_OF: Final = {
    "buffer-size": "B",
    "list-interfaces": "D",
    "help": "h",
    "interface": "i",
    "monitor-mode": "I",
    "time-stamp-type": "j",
    "list-time-stamp-types": "J",
    "dont-verify-checksums": "K",
    "list-data-link-types": "L",
    "no-optimize": "O",
    "no-promiscuous-mode": "p",
    "direction": "Q",
    "snapshot-length": "s",
    "absolute-tcp-sequence-numbers": "S",
    "packet-buffered": "U",
    "linktype": "y",
    "relinquish-privileges": "Z",
    "number": "#",
}
# -a means nothing any more; -l, -U and --immediate-mode ask for what is always so here.
KNOWN: Final = (
    *(f"-{letter}" for letter in "aAcDeFhiKlnpqQrsStUvwxX#"),
    *(f"--{word}" for word in ("count", "immediate-mode", "micro", "nano", "print", "version")),
    "--time-stamp-precision",
)
MAXIMUM_SNAPLEN: Final = 262_144
DIRECTIONS: Final = ("in", "out", "inout")

VERSION: Final = "tcpdump version 4.99.3\nlibpcap version 1.10.3 (with TPACKET_V3)\n"
USAGE: Final = (
    VERSION
    + """Usage: tcpdump [-AbdDefhHIJKlLnNOpqStuUvxX#] [ -B size ] [ -c count ] [--count]
		[ -C file_size ] [ -E algo:secret ] [ -F file ] [ -G seconds ]
		[ -i interface ] [ --immediate-mode ] [ -j tstamptype ]
		[ -M secret ] [ --number ] [ --print ] [ -Q in|out|inout ]
		[ -r file ] [ -s snaplen ] [ -T type ] [ --version ]
		[ -V file ] [ -w file ] [ -W filecount ] [ -y datalinktype ]
		[ --time-stamp-precision precision ] [ --micro ] [ --nano ]
		[ -z postrotate-command ] [ -Z user ] [ expression ]
"""
)


class Refused(Exception):
    """error(): tcpdump says this behind its name and ends with 1."""


class Shown(Exception):
    """Something to show instead of packets, on one of the two streams."""

    def __init__(self, text: str, *, code: int) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class Options:
    """What was asked for."""

    counts: Counter[str] = field(default_factory=Counter)  # letters that count how often they were given
    count: int = 0
    count_only: bool = False
    device: str | None = None
    direction: str = "inout"
    filter_file: str | None = None
    nano: bool = False
    print_too: bool = False
    read: str | None = None
    snaplen: int = MAXIMUM_SNAPLEN
    words: list[str] = field(default_factory=list)
    write: str | None = None

    def look(self, utc_offset: int) -> Look:
        """What the options say about the text."""
        given = self.counts
        return Look(
            A=given["A"],
            K=bool(given["K"]),
            S=bool(given["S"]),
            X=given["X"],
            e=bool(given["e"]),
            n=given["n"],
            number=bool(given["#"]),
            q=given["q"],
            t=given["t"],
            v=given["v"],
            x=given["x"],
            nano=self.nano,
            utc_offset=utc_offset,
        )


def parse(args: Sequence[str]) -> Options:
    """Raises Refused, Shown, NotModelled."""
    options = Options()
    words = Getopt(args, SHORT, LONG)
    try:
        for name, argument in words:
            _take(options, SHORT_OF.get(name, name), argument)
    except BadOption as bad:
        raise Shown(f"tcpdump: {bad}\n{USAGE}", code=1) from None
    if options.counts["t"] > 5:
        raise Refused("only -t, -tt, -ttt, -tttt and -ttttt are supported")
    options.words = words.operands
    return options


def _take(options: Options, name: str, argument: str) -> None:
    shown = f"-{name}" if len(name) == 1 else f"--{name}"
    if shown not in KNOWN:
        raise NotModelled(f"tcpdump {shown}", KNOWN)
    if len(name) > 1:
        _take_long(options, name, argument)
    elif name == "h":
        raise Shown(USAGE, code=0)
    elif name in "ciFQrsw":
        _take_word(options, name, argument)
    else:
        options.counts[name] += 1


def _take_long(options: Options, name: str, argument: str) -> None:
    if name == "version":
        raise Shown(VERSION, code=0)
    if name == "time-stamp-precision":
        if argument not in ("micro", "nano"):
            raise Refused("unsupported time stamp precision")
        name = argument
    if name in ("micro", "nano"):
        options.nano = name == "nano"
    elif name == "count":
        options.count_only = True
    elif name == "print":
        options.print_too = True


def _take_word(options: Options, name: str, argument: str) -> None:
    if name == "c":
        start = re.match(r"\s*[+-]?[0-9]+", argument)
        options.count = int(start.group()) if start else 0
        if options.count <= 0:
            raise Refused(f"invalid packet count {argument}")
    elif name == "i":
        options.device = argument
    elif name == "F":
        options.filter_file = argument
    elif name == "Q":
        if argument.lower() not in DIRECTIONS:
            raise Refused(f"unknown capture direction `{argument}'")
        options.direction = argument.lower()
    elif name == "r":
        options.read = argument
    elif name == "w":
        options.write = argument
    else:
        options.snaplen = _snaplen(argument)


def _snaplen(argument: str) -> int:
    if re.fullmatch(r"\s*[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)", argument):
        is_octal = re.fullmatch(r"\s*[+-]?0[0-7]+", argument)
        value = int(argument, 8) if is_octal else int(argument, 0) if argument.strip("+- 0") else 0
        if 0 <= value <= MAXIMUM_SNAPLEN:
            return value or MAXIMUM_SNAPLEN
    raise Refused(f"invalid snaplen {argument} (must be >= 0 and <= {MAXIMUM_SNAPLEN})")
