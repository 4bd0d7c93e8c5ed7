"""Reads the command line of conntrack(8).

Linux: conntrack-tools src/conntrack.c do_parse(), do_command_ct()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.applets.conntrack import legality
from pystack.applets.conntrack.arguments import OF_PROTOCOLS, TAKERS, take_of_protocol
from pystack.applets.conntrack.bad_usage import BadUsage
from pystack.applets.conntrack.options import Options
from pystack.applets.getopt import BadOption, Getopt
from pystack.errors import NotModelled

_COMMANDS: Final = "LGDIAUEFCSRVh"
_TABLES: Final = ("conntrack", "expect", "dying", "unconfirmed")
_NOT_OF_EXPECTATIONS: Final = {"A": "add", "U": "update"}
_SHORT: Final = "L::I::U::D::G::E::F::A::C::hVSzs:d:r:q:p:t:u:e:a:i:f:o:n::g::j::c:b:m:w:l:R:"
# Each option: its letter, or itself, and the colons of getopt.
_LONG: Final = {
    "dump": ("L", 2),
    "create": ("I", 2),
    "add": ("A", 2),
    "delete": ("D", 2),
    "get": ("G", 2),
    "update": ("U", 2),
    "flush": ("F", 2),
    "event": ("E", 2),
    "counter": ("C", 2),
    "stats": ("S", 0),
    "load-file": ("R", 1),
    "version": ("V", 0),
    "help": ("h", 0),
    "zero": ("z", 0),
    "src": ("s", 1),
    "orig-src": ("s", 1),
    "dst": ("d", 1),
    "orig-dst": ("d", 1),
    "reply-src": ("r", 1),
    "reply-dst": ("q", 1),
    "tuple-src": ("tuple-src", 1),
    "tuple-dst": ("tuple-dst", 1),
    "mask-src": ("mask-src", 1),
    "mask-dst": ("mask-dst", 1),
    "protonum": ("p", 1),
    "family": ("f", 1),
    "timeout": ("t", 1),
    "status": ("u", 1),
    "event-mask": ("e", 1),
    "mark": ("m", 1),
    "zone": ("w", 1),
    "orig-zone": ("orig-zone", 1),
    "reply-zone": ("reply-zone", 1),
    "output": ("o", 1),
    "src-nat": ("n", 2),
    "dst-nat": ("g", 2),
    "any-nat": ("j", 2),
    "buffer-size": ("b", 1),
    "nat-range": ("a", 1),
    "id": ("i", 1),
}


def parse(args: Sequence[str]) -> Options:
    """Raises BadUsage, or NotModelled."""
    options = Options()
    takes = {name: count for name, (_, count) in _LONG.items()} | dict.fromkeys(OF_PROTOCOLS, 1)
    getopt = Getopt(args, _SHORT, takes)
    later: list[tuple[str, str]] = []  # what only a protocol knows
    try:
        for name, argument in getopt:
            letter = _LONG[name][0] if name in _LONG else name
            if letter == "R":
                options.command, options.file = letter, argument
            elif letter in _COMMANDS:
                _command(options, letter, argument or getopt.next_word() or _TABLES[0])
            elif letter in TAKERS:
                TAKERS[letter](options, argument, getopt.next_word)
            elif name in takes:
                later.append((name, argument))
            else:
                raise NotModelled(f"conntrack {'--' if len(name) > 1 else '-'}{name}", tuple(_LONG))
    except BadOption as bad:
        raise BadUsage(_complaint(str(bad))) from None
    for name, argument in later:
        take_of_protocol(options, name, argument)
    _check(options)
    return options


def _complaint(told: str) -> str:
    """What getopt complains about, in this tool's words."""
    quoted = told.split("'")
    word = quoted[1] if len(quoted) > 1 else told
    option = word if word.startswith("-") else f"-{word}"
    if "requires an argument" in told and option != "-R":
        return f"option `{option}' requires an argument"
    return f"unknown option `{option}'"


def _command(options: Options, letter: str, table: str) -> None:
    if table not in _TABLES:
        raise BadUsage(f"unknown type `{table}'")
    if letter != "L" and table in _TABLES[2:]:
        raise BadUsage("Can't do that command with tables `dying' and `unconfirmed'")
    if table == "expect" and letter in _NOT_OF_EXPECTATIONS:
        raise BadUsage(f"Can't do --{_NOT_OF_EXPECTATIONS[letter]} on expectations")
    if options.command:
        raise BadUsage("Invalid commands combination")
    options.command, options.table = letter, table


def _check(options: Options) -> None:
    """What goes together. Raises BadUsage."""
    given, command = options.given, options.command
    if "any-nat" in given and given & {"src-nat", "dst-nat"}:
        raise BadUsage("cannot specify `--src-nat' or `--dst-nat' with `--any-nat'")
    table = "conntrack" if options.table in _TABLES[2:] else options.table
    if not command or command == "R":
        return
    legality.check(command, table, given)
    if command != "h":
        legality.check_protocol(command, table, options.protocol, options.given_of_protocol)
    for end in ("src", "dst"):
        if table == "conntrack" and f"mask-{end}" in given and end not in given:
            raise BadUsage(f"Can't use --mask-{end} without --{end}")
