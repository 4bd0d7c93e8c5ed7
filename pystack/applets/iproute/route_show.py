"""`ip route show` and `ip route flush`: which routes, and how one is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

from pystack.applets.iproute.names import (
    PROTOCOLS,
    ROUTE_TYPES,
    SCOPES,
    TABLES,
    dsfield,
    dsfield_name,
    route_type,
)
from pystack.applets.iproute.numbers import Prefix, format_ipv4, prefix, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import CYAN, MAGENTA, PLAIN, Printer
from pystack.applets.iproute.words import ToolExit, Words, matches, no_device, wrong
from pystack.applets.session import Session
from pystack.errors import NotModelled
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_UNIVERSE
from pystack.l3.fib_table import FibMatch, FibTable
from pystack.l3.fib_types import (
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_UNICAST,
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    RTNH_F_ONLINK,
    RTPROT_BOOT,
    FibRoute,
)

HOST_LENGTH = 32


@dataclass(slots=True)
class RouteFilter:
    """What is shown; what was asked for exactly is not repeated on every line.

    Linux: iproute2 ip/iproute.c filter
    """

    table: int = RT_TABLE_MAIN  # 0: all
    cached: bool = False
    protocol: int | None = None
    scope: int | None = None
    type: int | None = None
    tos: int | None = None
    dev: Link | None = None
    iif: str = ""
    metric: int | None = None
    via: Prefix | None = None
    source: Prefix | None = None
    root: Prefix | None = None  # no shorter than this, and within
    match: Prefix | None = None  # no longer than this, and around

    def takes(self, route: FibRoute) -> bool:
        """Linux: iproute2 ip/iproute.c filter_nlmsg()"""
        info = route.info
        numbers = (
            (self.protocol, info.protocol),
            (self.scope, info.scope),
            (self.type, info.type),
            (self.tos, route.tos),
            (self.metric, info.priority),
        )
        if any(wanted is not None and wanted != actual for wanted, actual in numbers):
            return False
        hop = info.nexthops[0] if info.nexthops else None
        if self.dev is not None and (hop is None or hop.dev is not self.dev):
            return False
        if _is_set(self.via) and not self.via.holds(hop.gateway if hop is not None else 0):
            return False
        if _is_set(self.source) and not self.source.holds(info.prefsrc):
            return False
        return self._takes_destination(route)

    def _takes_destination(self, route: FibRoute) -> bool:
        root, match = self.root, self.match
        if _is_set(root) and (root.length > route.prefixlen or not root.holds(route.prefix)):
            return False
        if not _is_set(match):
            return True
        around = Prefix(match.address, route.prefixlen)
        return match.length >= route.prefixlen and around.holds(route.prefix)


def _is_set(wanted: Prefix | None) -> TypeGuard[Prefix]:
    """`any` asks for nothing; `default` asks for the route of no length."""
    return wanted is not None and (wanted.length_given or not wanted.is_any)


def parse_filter(words: Words, family: str, session: Session) -> RouteFilter:
    """Linux: iproute2 ip/iproute.c iproute_list_flush_or_save()"""
    found = RouteFilter()
    dev_name = ""
    while words:
        word = words.take()
        if matches(word, "table"):
            _note_table(words.take(), found)
        elif matches(word, "vrf") or matches(word, "realms") or matches(word, "from") or word == "mark":
            raise NotModelled(
                f"ip route show {word}", ("table", "proto", "scope", "type", "dev", "via", "src")
            )
        elif matches(word, "cached") or matches(word, "cloned"):
            found.cached = True
        elif word == "tos" or matches(word, "dsfield"):
            found.tos = _required(dsfield, words.take(), "TOS value is invalid\n")
        elif matches(word, "protocol"):
            found.protocol = _required_or_all(PROTOCOLS.number, words.take(), 'invalid "protocol"\n')
        elif matches(word, "scope"):
            found.scope = _required_or_all(SCOPES.number, words.take(), 'invalid "scope"\n')
        elif matches(word, "type"):
            found.type = _required(route_type, words.take(), "node type value is invalid\n")
        elif word in ("dev", "oif"):
            dev_name = words.take()
        elif word == "iif":
            found.iif = words.take()
        elif matches(word, "metric") or matches(word, "priority") or word == "preference":
            found.metric = _required(unsigned, words.take(), '"metric" value is invalid\n')
        elif word == "via":
            found.via = prefix(words.take(), family)
        elif word == "src":
            found.source = prefix(words.take(), family)
        else:
            _note_destination(word, words, family, found)
    if dev_name:
        found.dev = session.netns.devices.get(dev_name)
        if found.dev is None:
            raise no_device(dev_name)
    if found.iif and found.iif not in session.netns.devices:
        raise no_device(found.iif)
    return found


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


def chosen_routes(found: RouteFilter, session: Session, doing: str = "Dump") -> list[FibRoute]:
    """In the order of the kernel's dump: tables by number, destinations within."""
    if found.cached or found.iif:
        return []
    return [route for table in _tables(found, session, doing) for route in table if found.takes(route)]


def _tables(found: RouteFilter, session: Session, doing: str) -> list[FibTable]:
    known = session.netns.ipv4.fib.tables
    if found.table == 0:
        return [known[number] for number in sorted(known, key=lambda number: (number & 0xFF, number))]
    table = known.get(found.table)
    made_when_needed = found.table in (RT_TABLE_LOCAL, RT_TABLE_DEFAULT)
    if table is None or (made_when_needed and not len(table)):
        raise ToolExit(2, f"Error: ipv4: FIB table does not exist.\n{doing} terminated\n")
    return [table]


def show(words: Words, options: Options, session: Session) -> int:
    """`ip route show`"""
    found = parse_filter(words, options.family, session)
    printer = options.printer(session.io)
    printer.begin()
    routes = chosen_routes(found, session) if options.family in ("", "inet") else []
    for route in routes:
        print_route(printer, options, route, found)
    printer.end()
    return 0


def flush(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iproute.c iproute_flush()"""
    if not words:
        raise ToolExit(1, '"ip route flush" requires arguments.\n')
    found = parse_filter(words, options.family, session)
    out, fib = session.io.out, session.netns.ipv4.fib
    if found.cached:
        fib.changed()
        out.write("*** IPv4 routing cache is flushed.\n" if options.stats else "")
        return 0
    doomed = chosen_routes(found, session, "Flush")
    for route in doomed:
        if options.stats > 1:
            print_route(options.printer(session.io), options, route, found)
        fib.delete(route.table, route.prefix, route.prefixlen, _exactly(route), route.tos)
    if options.stats:
        text = f"\n*** Round 1, deleting {len(doomed)} entries ***\n*** Flush is complete after 1 round ***\n"
        out.write(text if doomed else "Nothing to flush.\n")
    return 0


def _exactly(route: FibRoute) -> FibMatch:
    info = route.info
    hop = info.nexthops[0] if info.nexthops else None
    return FibMatch(
        type_=info.type,
        scope=info.scope,
        protocol=info.protocol,
        prefsrc=info.prefsrc,
        priority=info.priority,
        dev=None if hop is None else hop.dev,
        gateway=0 if hop is None else hop.gateway,
    )


def print_route(
    printer: Printer, options: Options, route: FibRoute, found: RouteFilter, *, table: int | None = None
) -> None:
    """Linux: iproute2 ip/iproute.c print_route(), net/ipv4/fib_semantics.c fib_dump_info()"""
    info = route.info
    number = route.table if table is None else table
    printer.open_object()
    if info.type != RTN_UNICAST or options.details:
        kind = str(info.type) if options.numeric else ROUTE_TYPES.name(info.type)
        printer.put("type", kind, f"{kind} ")
    destination = destination_text(route.prefix, route.prefixlen)
    printer.put("dst", destination, f"{destination} ", MAGENTA if route.prefixlen else PLAIN)
    if route.tos and found.tos is None:
        tos = dsfield_name(route.tos)
        printer.put("tos", tos, f"tos {tos} ")
    hop = info.nexthops[0] if info.nexthops else None
    if hop is not None and hop.gateway and not _is_one_host(found.via):
        print_gateway(printer, hop.gateway)
    if hop is not None and hop.dev is not None and found.dev is None:
        print_device(printer, "dev", hop.dev.name)
    if (number != RT_TABLE_MAIN or options.details) and not found.table:
        name = str(number) if options.numeric else TABLES.name(number)
        printer.put("table", name, f"table {name} ")
    if (info.protocol != RTPROT_BOOT or options.details) and found.protocol is None:
        protocol = str(info.protocol) if options.numeric else PROTOCOLS.name(info.protocol)
        printer.put("protocol", protocol, f"proto {protocol} ")
    if (info.scope != RT_SCOPE_UNIVERSE or options.details) and found.scope is None:
        scope = str(info.scope) if options.numeric else SCOPES.name(info.scope)
        printer.put("scope", scope, f"scope {scope} ")
    if info.prefsrc and not _is_one_host(found.source):
        print_source(printer, info.prefsrc)
    if info.priority and found.metric is None:
        printer.put("metric", info.priority, f"metric {info.priority} ")
    print_flags(printer, info.flags | (hop.flags if hop is not None else 0))
    print_metrics(printer, info.metrics)
    printer.text("\n")
    printer.close_object()


def _is_one_host(wanted: Prefix | None) -> bool:
    return wanted is not None and wanted.length == HOST_LENGTH


def destination_text(address: int, length: int) -> str:
    """`default`, an address, or a prefix."""
    if length == HOST_LENGTH:
        return format_ipv4(address)
    return f"{format_ipv4(address)}/{length}" if length else "default"


def print_gateway(printer: Printer, gateway: int) -> None:
    """`via 10.0.0.1`"""
    text = format_ipv4(gateway)
    printer.text("via ")
    printer.put("gateway", text, f"{text} ", MAGENTA)


def print_device(printer: Printer, key: str, name: str) -> None:
    """`dev eth0`, `iif eth0`"""
    printer.text(f"{key} ")
    printer.put(key, name, f"{name} ", CYAN)


def print_source(printer: Printer, source: int) -> None:
    """`src 10.0.0.2`"""
    text = format_ipv4(source)
    printer.text("src ")
    printer.put("prefsrc", text, f"{text} ", MAGENTA)


def print_flags(printer: Printer, flags: int) -> None:
    """Linux: iproute2 ip/iproute.c print_rt_flags()"""
    named = ((RTNH_F_DEAD, "dead"), (RTNH_F_ONLINK, "onlink"), (RTNH_F_LINKDOWN, "linkdown"))
    words = [word for bit, word in named if flags & bit]
    printer.words("flags", words, joined="".join(f"{word} " for word in words))


def print_metrics(printer: Printer, metrics: dict[str, int]) -> None:
    """Linux: iproute2 ip/iproute.c print_rta_metrics()"""
    if not metrics:
        return
    if printer.json:
        printer.open_array("metrics")
        printer.open_object()
    for name, value in metrics.items():
        printer.text(f"{name} ")
        printer.put(name, value, f"{value} ")
    if printer.json:
        printer.close_object()
        printer.close_array()
