"""`ip route show` and `ip route flush`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.iproute.names import PROTOCOLS, SCOPES, TABLES, dsfield, route_type
from pystack.applets.iproute.numbers import prefix, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.route_cache import show_cache
from pystack.applets.iproute.route_filter import RouteFilter
from pystack.applets.iproute.route_print import print_route
from pystack.applets.iproute.words import ToolExit, Words, device_named, matches, wrong
from pystack.applets.session import Session
from pystack.errors import NotModelled
from pystack.l3.fib_table import FibTable
from pystack.l3.fib_types import RT_TABLE_MAIN, FibRoute

_SELECTORS: Final = ("table", "proto", "scope", "type", "dev", "via", "src", "from", "mark", "metric")


def parse_filter(words: Words, family: str, session: Session) -> RouteFilter:
    """Linux: iproute2 ip/iproute.c iproute_list_flush_or_save()"""
    found = RouteFilter()
    dev_name = ""
    while words:
        word = words.take()
        if matches(word, "table"):
            _note_table(words.take(), found)
        elif matches(word, "vrf"):
            raise NotModelled("ip route show vrf", _SELECTORS)
        elif matches(word, "cached") or matches(word, "cloned"):
            found.cached = True
        elif matches(word, "protocol"):
            found.protocol = _required_or_all(PROTOCOLS.number, words.take(), 'invalid "protocol"\n')
        elif matches(word, "scope"):
            found.scope = _required_or_all(SCOPES.number, words.take(), 'invalid "scope"\n')
        elif (number := _number_selector(word)) is not None:
            attribute, parse, said = number
            setattr(found, attribute, _required(parse, words.take(), said))
        elif word in ("dev", "oif"):
            dev_name = words.take()
        elif word == "iif":
            found.iif = words.take()
        elif word in ("via", "src"):
            setattr(found, "via" if word == "via" else "source", prefix(words.take(), family))
        elif matches(word, "realms"):
            raise NotModelled("ip route show realms", _SELECTORS)
        elif matches(word, "from"):
            _note_source(words, family, found)
        else:
            _note_destination(word, words, family, found)
    found.dev = device_named(dev_name, session.netns.devices) if dev_name else None
    if found.iif:
        device_named(found.iif, session.netns.devices)
    return found


def _number_selector(word: str) -> tuple[str, Callable[[str], int | None], str] | None:
    if word == "tos" or matches(word, "dsfield"):
        return "tos", dsfield, "TOS value is invalid\n"
    if matches(word, "type"):
        return "type", route_type, "node type value is invalid\n"
    if word == "mark":
        return "mark", unsigned, "invalid mark value"
    if matches(word, "metric") or matches(word, "priority") or word == "preference":
        return "metric", unsigned, '"metric" value is invalid\n'
    return None


def _note_table(word: str, found: RouteFilter) -> None:
    number = TABLES.number(word)
    if number is not None:
        found.table = number
    elif word == "all":
        found.table = 0
    elif word == "cache":
        found.cached = True
    else:
        raise wrong("table id value is invalid\n", word)


def _required(parse: Callable[[str], int | None], word: str, said: str) -> int:
    value = parse(word)
    if value is None:
        raise wrong(said, word)
    return value


def _required_or_all(parse: Callable[[str], int | None], word: str, said: str) -> int | None:
    return None if word == "all" else _required(parse, word, said)


def _note_destination(word: str, words: Words, family: str, found: RouteFilter) -> None:
    if matches(word, "to"):
        word = words.take()
    if matches(word, "root"):
        found.root = prefix(words.take(), family)
    elif matches(word, "match"):
        found.match = prefix(words.take(), family)
    else:
        value = words.take() if matches(word, "exact") else word
        found.root = found.match = prefix(value, family)


def _note_source(words: Words, family: str, found: RouteFilter) -> None:
    word = words.take()
    if matches(word, "match"):
        prefix(words.take(), family)  # every route is around it
    else:
        named = matches(word, "root") or matches(word, "exact")
        found.from_root = prefix(words.take() if named else word, family)


def chosen_routes(found: RouteFilter, session: Session, doing: str = "Dump") -> list[FibRoute]:
    """In the order of the kernel's dump: tables by number, destinations within."""
    if found.asks_the_impossible:
        return []
    routes = (route for table in _tables(found, session, doing) for route in table)
    return list(routes) if found.cached else [route for route in routes if found.takes(route)]


def _tables(found: RouteFilter, session: Session, doing: str) -> list[FibTable]:
    known = session.netns.ipv4.fib.tables
    if found.table == 0:
        newest_first = reversed(known.values())  # as the kernel has them in each bucket of its hash
        return sorted(newest_first, key=lambda table: table.number & 0xFF)
    table = known.get(found.table)
    if table is not None:
        return [table]
    if found.table == RT_TABLE_MAIN and doing == "Dump":
        return []
    raise ToolExit(2, f"Error: ipv4: FIB table does not exist.\n{doing} terminated\n")


def show(words: Words, options: Options, session: Session) -> int:
    """`ip route show`"""
    found = parse_filter(words, options.family, session)
    printer = options.printer(session.io)
    printer.begin()
    routes = chosen_routes(found, session) if options.family in ("", "inet") else []
    ipv4 = session.netns.ipv4
    if found.cached:
        show_cache(printer, options, routes, ipv4.exceptions, found)
    else:
        for route in routes:
            print_route(printer, options, route, ipv4.fib, found)
    printer.end()
    return 0


def flush(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iproute.c iproute_flush()"""
    if not words:
        raise ToolExit(1, '"ip route flush" requires arguments.\n')
    found = parse_filter(words, options.family, session)
    out, fib = session.io.out, session.netns.ipv4.fib
    if found.cached:
        session.netns.ipv4.flush_routes()
        out.write("*** IPv4 routing cache is flushed.\n" if options.stats else "")
        return 0
    doomed = chosen_routes(found, session, "Flush")
    for route in doomed:
        if options.stats > 1:
            print_route(options.printer(session.io), options, route, fib, found)
        fib.remove(route)
    if options.stats:
        text = f"\n*** Round 1, deleting {len(doomed)} entries ***\n*** Flush is complete after 1 round ***\n"
        out.write(text if doomed else "Nothing to flush.\n")
    return 0
