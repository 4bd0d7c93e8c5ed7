"""`netstat -s`: the counters of /proc/net/snmp and netstat, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.netstat_usage import FAMILIES, USAGE
from pystack.applets.netstat_words import SILENT, WORDS
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.errors import NotModelled

_SHORT: Final = "stuwv46h"
_LONG: Final = {"statistics": 0, "tcp": 0, "udp": 0, "raw": 0, "verbose": 0, "help": 0}
_OF_PROTOCOL: Final = {
    "t": ("Tcp", "TcpExt"),
    "tcp": ("Tcp", "TcpExt"),
    "u": ("Udp",),
    "udp": ("Udp",),
    "w": ("Ip", "Icmp"),
    "raw": ("Ip", "Icmp"),
}
_PLAIN, _HISTOGRAM = 4, 8  # how far lines are set in
_TITLES: Final = {"<": "ICMP input histogram:", ">": "ICMP output histogram:"}


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: net-tools statistics.c parsesnmp()"""
    yield from ()
    words = Getopt(args, _SHORT, _LONG)
    try:
        options = [name for name, _ in words]
    except BadOption as bad:
        raise NotModelled(f"netstat: {bad}", ("netstat -s [-tuw]",)) from None
    if {"h", "help"} & set(options):
        session.io.out.write(USAGE)
        session.io.err.write(FAMILIES)
        return 0
    if not {"s", "statistics"} & set(options) or words.operands:
        raise NotModelled("netstat without -s", ("netstat -s [-tuw]",))
    wanted = {title for name in options for title in _OF_PROTOCOL.get(name, ())}
    snmp = session.netns.snmp
    report = _Report(wanted)
    for line in report.lines((snmp.snmp_text() + snmp.netstat_text()).splitlines()):
        session.io.out.line(line)
    return 0


class _Report:
    """One listing; how far a line is set in, and whether a histogram has its title, follow from the last."""

    def __init__(self, wanted: set[str]) -> None:
        self._wanted = wanted
        self._mark = ""  # "<" or ">" within a histogram

    def lines(self, text: Sequence[str]) -> Iterator[str]:
        """The words for the two lines of each group."""
        for names, values in zip(text[::2], text[1::2], strict=True):
            title, *counters = names.split()
            words = WORDS.get(title[:-1], {})
            if words:
                self._mark = ""
                if self._wanted and title[:-1] not in self._wanted:
                    continue
            yield title
            for name, value in zip(counters, values.split()[1:], strict=True):
                yield from self._counter(words.get(name), name, int(value))

    def _counter(self, words: str | None, name: str, value: int) -> Iterator[str]:
        """Linux: net-tools statistics.c printval()"""
        if name in SILENT:
            return
        if words is None:
            if value:
                yield f"{' ' * self._indent}{name}: {value}"
            return
        mark = words[0] if words[0] in _TITLES else ""
        if mark and mark != self._mark:
            yield f"{' ' * self._indent}{_TITLES[mark]}"
        self._mark = mark
        if value or words[0] == "=":
            yield f"{' ' * self._indent}{words.lstrip('=<>').format(value)}"

    @property
    def _indent(self) -> int:
        return _HISTOGRAM if self._mark else _PLAIN
