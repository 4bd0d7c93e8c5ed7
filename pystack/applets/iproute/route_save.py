"""`ip route save`, `restore` and `showdump`."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Final

from pystack.applets.iproute.options import Options
from pystack.applets.iproute.route_dump import MAGIC, Dumped, NotADump, message, routes_of
from pystack.applets.iproute.route_filter import RouteFilter, sole_nexthop
from pystack.applets.iproute.route_print import flags_of, print_route
from pystack.applets.iproute.route_show import chosen_routes, parse_filter
from pystack.applets.iproute.words import ToolExit, Words, refused
from pystack.applets.requests import Answer, Request, Steps, read_stdin
from pystack.applets.session import Session
from pystack.errors import EEXIST, NetError
from pystack.l3.fib_types import FibRoute

_ROUNDS: Final = 3  # what gateways need is restored before the routes by them


def save(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iproute.c iproute_list_flush_or_save(), save_route()"""
    if session.io.tty:
        raise ToolExit(1, "Not sending a binary stream to stdout\n")
    found = parse_filter(words, options.family, session)
    session.io.out.write(MAGIC)
    fib = session.netns.ipv4.fib
    for route in chosen_routes(found, session):
        hop = sole_nexthop(route.info)
        flags = route.info.flags if hop is None else flags_of(hop, fib)
        session.io.out.write(message(route, flags))
    return 0


def restore(session: Session) -> Steps:
    """Linux: iproute2 ip/iproute.c iproute_restore(), restore_handler()"""
    dump = yield from _dump(session)
    for turn in range(_ROUNDS):
        for dumped in _read(dump, session):
            if _turn_of(dumped) == turn:
                _put_back(dumped.route, session)
    return 0


def _put_back(route: FibRoute, session: Session) -> None:
    """One that is there already is told of, and passed over."""
    try:
        session.netns.ipv4.fib.add(route, exclusive=False)
    except NetError as error:
        told = refused(error)
        if error.number != EEXIST:
            raise told from None
        session.io.err.write(told.text)


def showdump(options: Options, session: Session) -> Steps:
    """As plain lines, whatever was asked for. Linux: iproute2 ip/iproute.c iproute_showdump()"""
    dump = yield from _dump(session)
    plain = replace(options, json=False)
    for dumped in _read(dump, session):
        print_route(
            plain.printer(session.io), plain, dumped.route, session.netns.ipv4.fib, RouteFilter(table=0)
        )
    return 0


def _dump(session: Session) -> Generator[Request, Answer, bytes]:
    """What is read from standard input, behind its magic number."""
    if session.io.tty and session.io.stdin is None:
        raise ToolExit(1, "Can't restore route dump from a terminal\n")
    octets = yield from read_stdin(session.io)
    if octets[: len(MAGIC)] == MAGIC:
        return octets[len(MAGIC) :]
    magic, whole = int.from_bytes(octets[: len(MAGIC)], "little"), len(octets) >= len(MAGIC)
    raise ToolExit(1, f"Magic mismatch ({whole:d} elems, {magic:x} magic)\n")


def _read(dump: bytes, session: Session) -> Iterator[Dumped]:
    try:
        yield from routes_of(dump, session.netns.devices)
    except NotADump as fault:
        raise ToolExit(2, f"{fault}\n") from None


def _turn_of(dumped: Dumped) -> int:
    """Own addresses and what needs nothing, then networks of the links, then what lies behind gateways."""
    if dumped.has_gateway:
        return 2
    return 1 if dumped.prefsrc not in (0, dumped.route.prefix) else 0
