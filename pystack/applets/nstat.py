"""`nstat`: the counters of /proc/net/snmp and netstat that moved since it was asked the last time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.glob import glob_matches
from pystack.applets.iproute.printer import Printer
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.errors import NotModelled
from pystack.netns import Netns

VERSION: Final = "nstat utility, iproute2-6.1.0\n"
USAGE: Final = """\
Usage: nstat [OPTION] [ PATTERN [ PATTERN ] ]
   -h, --help          this message
   -a, --ignore        ignore history
   -d, --scan=SECS     sample every statistics every SECS
   -j, --json          format output in JSON
   -n, --nooutput      do history only
   -p, --pretty        pretty print
   -r, --reset         reset history
   -s, --noupdate      don't update history
   -t, --interval=SECS report average over the last SECS
   -V, --version       output version information
   -z, --zeros         show entries with zero activity
"""
_MISUSED: Final = 255
_SHORT: Final = "h?vVzrnasd:t:jp"
_LONG: Final = {
    "help": 0,
    "ignore": 0,
    "scan": 1,
    "nooutput": 0,
    "json": 0,
    "reset": 0,
    "noupdate": 0,
    "pretty": 0,
    "interval": 1,
    "version": 0,
    "zeros": 0,
}
_SWITCHES: Final = {
    "a": "ignore",
    "ignore": "ignore",
    "j": "json",
    "json": "json",
    "n": "silent",
    "nooutput": "silent",
    "p": "pretty",
    "pretty": "pretty",
    "r": "reset",
    "reset": "reset",
    "s": "no_update",
    "noupdate": "no_update",
    "z": "zeros",
    "zeros": "zeros",
}
_USELESS: Final = frozenset(
    "IpForwarding IpDefaultTTL TcpRtoAlgorithm TcpRtoMin TcpRtoMax TcpMaxConn TcpCurrEstab".split()
)
_HISTORY: Final = "nstat"


@dataclass(slots=True)
class _Options:
    ignore: bool = False
    json: bool = False
    silent: bool = False
    pretty: bool = False
    reset: bool = False
    no_update: bool = False
    zeros: bool = False
    patterns: list[str] = field(default_factory=list)

    def wants(self, name: str) -> bool:
        """Whether a counter was asked for. Linux: iproute2 misc/nstat.c match()"""
        folded = name.lower()
        return not self.patterns or any(glob_matches(one.lower(), folded) for one in self.patterns)


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: iproute2 misc/nstat.c main()

    Linux differs: its history is a file of the user's, ours lives as long as the host.
    """
    yield from ()
    out, err = session.io.out, session.io.err
    options = _Options()
    words = Getopt(args, _SHORT, _LONG)
    try:
        for name, _ in words:
            if name in ("v", "V", "version"):
                out.write(VERSION)
                return 0
            if name in ("h", "?", "help"):
                err.write(USAGE)
                return _MISUSED
            if name not in _SWITCHES:
                raise NotModelled(f"nstat -{name}", ("-a", "-j", "-n", "-p", "-r", "-s", "-z"))
            setattr(options, _SWITCHES[name], True)
    except BadOption as bad:
        err.write(f"nstat: {bad}\n{USAGE}")
        return _MISUSED
    options.patterns = words.operands
    _tell(options, session)
    return 0


def _tell(options: _Options, session: Session) -> None:
    histories = session.host.histories
    if options.reset:
        histories.pop(_HISTORY, None)
    before = histories.get(_HISTORY, {})
    now = counters(session.netns)
    since = {} if options.ignore else before
    if not options.silent:
        moved = {name: value - min(since.get(name, 0), value) for name, value in now.items()}
        _print(options, session, moved)
    if not options.no_update:
        kept = {
            name: value if options.wants(name) else before.get(name, value) for name, value in now.items()
        }
        histories[_HISTORY] = {name: value for name, value in kept.items() if now[name] or options.zeros}


def _print(options: _Options, session: Session, moved: dict[str, int]) -> None:
    """Linux: iproute2 misc/nstat.c dump_kern_db(), dump_incr_db()"""
    printer = Printer(session.io.out, json=options.json, pretty=options.pretty)
    printer.text("#kernel\n")
    printer.open_object()
    printer.open_object("kernel")
    for name, value in moved.items():
        if (value or options.zeros) and options.wants(name):
            printer.put(name, value, f"{name:<32s}{value:<16d}{0:6.1f}\n")
    printer.close_object()
    printer.close_object()
    if options.json:
        session.io.out.write("\n")


def counters(netns: Netns) -> dict[str, int]:
    """Every counter under its group's name and its own, as the files list them."""
    lines = (netns.snmp.snmp_text() + netns.snmp.netstat_text()).splitlines()
    found: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        title, *words = names.split()
        pairs = zip(words, values.split()[1:], strict=True)
        found |= {title[:-1] + word: int(value) for word, value in pairs if title[:-1] + word not in _USELESS}
    return found
