"""The command line of nft: its options, which stand in front of everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.nft.style import Style
from pystack.applets.nft.usage import EXTENDED, NAMED, USAGE
from pystack.errors import NotModelled

_SHORT: Final = "+hvVf:D:iI:castSNunypTejd:o"
_LONG: Final = {
    "help": ("h", 0),
    "version": ("v", 0),
    "file": ("f", 1),
    "define": ("D", 1),
    "interactive": ("i", 0),
    "includepath": ("I", 1),
    "check": ("c", 0),
    "handle": ("a", 0),
    "stateless": ("s", 0),
    "terse": ("t", 0),
    "service": ("S", 0),
    "reversedns": ("N", 0),
    "guid": ("u", 0),
    "numeric": ("n", 0),
    "numeric-priority": ("y", 0),
    "numeric-protocol": ("p", 0),
    "numeric-time": ("T", 0),
    "echo": ("e", 0),
    "json": ("j", 0),
    "debug": ("d", 1),
    "optimize": ("o", 0),
}
_FLAGS: Final = {
    "a": "handles",
    "s": "stateless",
    "t": "terse",
    "S": "services",
    "N": "host_names",
    "u": "user_names",
    "y": "numeric_priority",
    "p": "numeric_protocol",
    "T": "numeric_time",
    "e": "echo",
}
_NUMERIC: Final = ("numeric_priority", "numeric_protocol", "numeric_time", "numeric_symbol")
_REFUSED: Final = {"d": "nft --debug", "o": "nft --optimize", "i": "nft --interactive"}
_TAKES_NEXT: Final = ("-d", "-I", "-f", "-D")
_TAKES_NEXT_LONG: Final = ("--debug", "--includepath", "--define", "--file")


@dataclass(slots=True)
class Options:
    """What was asked for."""

    check: bool = False
    json: bool = False
    style: Style = field(default_factory=Style)
    file: str = ""
    folders: list[str] = field(default_factory=lambda: ["/etc"])
    defines: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # the commands


class Ended(Exception):
    """Nothing more is to be done: what is printed, and the exit code."""

    def __init__(self, code: int, out: str = "", err: str = "") -> None:
        super().__init__(err)
        self.code = code
        self.out = out
        self.err = err


def parse_options(args: Sequence[str]) -> Options:
    """Raises Ended, and NotModelled. nft: src/main.c main()"""
    _check_order(args)
    options = Options()
    getopt = Getopt(args, _SHORT, {name: colons for name, (_, colons) in _LONG.items()})
    try:
        for name, value in getopt:
            _take(options, _LONG[name][0] if name in _LONG else name, value)
    except BadOption as error:
        raise Ended(1, err=f"nft: {error}\n") from None
    if options.defines and not options.file:
        raise Ended(1, err="Error: -D/--define can only be used with -f/--filename\n")
    options.words = getopt.operands
    if not options.words and not options.file:
        raise Ended(1, err="nft: no command specified\n")
    return options


def _take(options: Options, letter: str, value: str) -> None:
    if letter in _FLAGS:
        options.style = replace(options.style, **{_FLAGS[letter]: True})
    elif letter == "n":
        options.style = replace(options.style, **dict.fromkeys(_NUMERIC, True))
    elif letter == "c":
        options.check = True
    elif letter == "j":
        options.json = True
    elif letter == "f":
        options.file = value
    elif letter == "I":
        options.folders.append(value)
    elif letter == "D":
        name, given, text = value.partition("=")
        if not given:
            raise Ended(1, err=f"Failed to define variable '{value}'\n")
        options.defines.append((name, text))
    elif letter in _REFUSED:
        raise NotModelled(_REFUSED[letter], tuple(f"-{known}" for known in "".join((*_FLAGS, "ncjfID"))))
    else:
        raise Ended(0, out={"h": USAGE, "v": f"{NAMED}\n", "V": EXTENDED}[letter])


def _check_order(args: Sequence[str]) -> None:
    """No option comes behind a command, unless that has braces. nft: src/main.c nft_options_check()"""
    words = ("nft", *args)
    position, skip, in_command = 0, False, False
    for number, word in enumerate(args, 1):
        position += len(words[number - 1].encode()) + 1
        if word.startswith("{"):
            return
        if skip:
            skip = False
        elif not word.startswith("-"):
            in_command = True
        elif in_command:
            err = "Error: syntax error, options must be specified before commands\n"
            err += "".join(f"{each} " for each in words)
            raise Ended(1, out=f"\n   ^{'~~':>{position - 2}}\n", err=err)
        else:
            skip = word[:2] in _TAKES_NEXT or word in _TAKES_NEXT_LONG
