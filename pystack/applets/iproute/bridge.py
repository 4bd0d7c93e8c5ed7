"""The `bridge` command: ports and forwarding databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from pystack.applets.iproute import bridge_fdb, bridge_link
from pystack.applets.iproute.batch import run_batch
from pystack.applets.iproute.ip import color_choice, enter
from pystack.applets.iproute.options import Options, read_options
from pystack.applets.iproute.usage import BRIDGE_COMMAND_USAGE
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words, matches, wrong
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.errors import NotModelled

VERSION: Final = "bridge utility, 6.1.0\n"

Command = Callable[[Words, Options, Session], int]

OBJECTS: Final[tuple[tuple[str, Command | None], ...]] = (
    ("link", bridge_link.run),
    ("fdb", bridge_fdb.run),
    ("mdb", None),
    ("vlan", None),
    ("vni", None),
    ("monitor", None),
    ("help", None),
)
KNOWN: Final = ("link", "fdb")


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: iproute2 bridge/bridge.c main()"""
    words = Words(args)
    try:
        options, session = read_options(words, session, _parse_option)
        if options.batch_file is not None:
            return (yield from run_batch(options.batch_file, options, session, _batch_line))
        if not words:
            raise ToolExit(USAGE_CODE, BRIDGE_COMMAND_USAGE)
        return _command(words, options, session)
    except ToolExit as end:
        session.io.err.write(end.text)
        return end.code & 0xFF


def _batch_line(words: Words, options: Options, session: Session) -> Steps:
    return _command(words, replace(options), session)
    yield  # what makes a generator of it


def _command(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 bridge/bridge.c do_cmd()"""
    word = words.take()
    for name, command in OBJECTS:
        if not matches(word, name):
            continue
        if name == "help":
            raise ToolExit(USAGE_CODE, BRIDGE_COMMAND_USAGE)
        if command is None:
            raise NotModelled(f"bridge {name}", KNOWN)
        return command(words, options, session)
    raise ToolExit(USAGE_CODE, f'Object "{word}" is unknown, try "bridge help".\n')


_SWITCHES: Final = {
    "-details": "details",
    "-oneline": "oneline",
    "-force": "force",
    "-json": "json",
    "-pretty": "pretty",
}

_ORDER: Final = (
    "-help",
    "-Version",
    "-stats",
    "-statistics",
    "-details",
    "-oneline",
    "-timestamp",
    "-family",
    "-netns",
    "-color",
    "-compressvlans",
    "-force",
    "-json",
    "-pretty",
    "-batch",
)


def _parse_option(option: str, words: Words, options: Options, session: Session) -> Session:
    if option in ("-4", "-6"):
        options.family = "inet" if option == "-4" else "inet6"
        return session
    color = color_choice(option)
    for name in _ORDER:
        if name == "-color" and color is not None:
            options.color = color
            return session
        if name != "-color" and matches(option, name):
            return _take_option(name, words, options, session)
    raise ToolExit(USAGE_CODE, f'Option "{option}" is unknown, try "bridge help".\n')


def _take_option(name: str, words: Words, options: Options, session: Session) -> Session:
    if name in _SWITCHES:
        setattr(options, _SWITCHES[name], True)
    elif name in ("-stats", "-statistics"):
        options.stats += 1
    elif name == "-netns":
        return enter(session, words.take())
    elif name == "-family":
        word = words.take() if words else ""
        if word not in ("inet", "inet6"):
            raise (
                ToolExit(USAGE_CODE, BRIDGE_COMMAND_USAGE)
                if not word
                else wrong("invalid protocol family", word)
            )
        options.family = word
    elif name == "-batch":
        if not words:
            raise ToolExit(USAGE_CODE, BRIDGE_COMMAND_USAGE)
        options.batch_file = words.take()
    elif name == "-Version":
        session.io.out.write(VERSION)
        raise ToolExit(0)
    elif name == "-help":
        raise ToolExit(USAGE_CODE, BRIDGE_COMMAND_USAGE)
    elif name != "-timestamp":  # which only `bridge monitor` shows
        raise NotModelled(f"bridge {name}", tuple(_SWITCHES))
    return session
