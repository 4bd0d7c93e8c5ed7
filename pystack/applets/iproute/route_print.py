"""How one route is written."""

from __future__ import annotations

from pystack.applets.iproute.names import PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES, dsfield_name
from pystack.applets.iproute.numbers import Prefix, format_ipv4
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import CYAN, MAGENTA, PLAIN, Printer
from pystack.applets.iproute.route_filter import RouteFilter, sole_nexthop
from pystack.applets.iproute.route_metrics import print_metrics
from pystack.l3.addresses import RT_SCOPE_UNIVERSE
from pystack.l3.fib import Fib
from pystack.l3.fib_types import (
    RT_TABLE_MAIN,
    RTN_UNICAST,
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    RTNH_F_ONLINK,
    RTPROT_BOOT,
    FibInfo,
    FibRoute,
    Nexthop,
    NexthopObject,
)

HOST_LENGTH = 32


def print_route(
    printer: Printer,
    options: Options,
    route: FibRoute,
    fib: Fib,
    found: RouteFilter,
    *,
    table: int | None = None,
    type_: int | None = None,
) -> None:
    """Linux: iproute2 ip/iproute.c print_route(), net/ipv4/fib_semantics.c fib_dump_info()"""
    info = route.info
    hop = sole_nexthop(info)
    printer.open_object()
    print_way(printer, options, route, found, table=table, type_=type_)
    _print_origin(printer, options, info, found)
    if info.prefsrc and not _is_one_host(found.source):
        print_source(printer, info.prefsrc)
    if info.priority and found.metric is None:
        printer.put("metric", info.priority, f"metric {info.priority} ")
    print_flags(printer, info.flags if hop is None else flags_of(hop, fib))
    print_metrics(printer, info.metrics)
    if info.object is not None and options.details:
        printer.text("\n\tnh_info ")
        print_object(printer, options, info.object, "nh_info")
    if len(info.nexthops) > 1:
        _print_nexthops(printer, info, fib)
    printer.text("\n")
    printer.close_object()


def print_way(
    printer: Printer,
    options: Options,
    route: FibRoute,
    found: RouteFilter,
    *,
    table: int | None = None,
    type_: int | None = None,
) -> None:
    """How a line begins: of which type, where to and over what, from which table."""
    hop = sole_nexthop(route.info)
    print_type(printer, options, route.info.told_type if type_ is None else type_)
    destination = destination_text(route.prefix, route.prefixlen)
    printer.put("dst", destination, f"{destination} ", MAGENTA if route.prefixlen else PLAIN)
    if route.tos and found.tos is None:
        tos = dsfield_name(route.tos)
        printer.put("tos", tos, f"tos {tos} ")
    if route.info.object is not None:
        printer.put("nhid", route.info.object.number, f"nhid {route.info.object.number} ")
    if hop is not None and hop.gateway and not _is_one_host(found.via):
        print_gateway(printer, hop.gateway)
    if hop is not None and hop.dev is not None and found.dev is None:
        print_device(printer, "dev", hop.dev.name)
    if not found.table:
        print_table(printer, options, route.table if table is None else table)


def _print_origin(printer: Printer, options: Options, info: FibInfo, found: RouteFilter) -> None:
    if (info.protocol != RTPROT_BOOT or options.details) and found.protocol is None:
        protocol = str(info.protocol) if options.numeric else PROTOCOLS.name(info.protocol)
        printer.put("protocol", protocol, f"proto {protocol} ")
    if (info.scope != RT_SCOPE_UNIVERSE or options.details) and found.scope is None:
        scope = str(info.scope) if options.numeric else SCOPES.name(info.scope)
        printer.put("scope", scope, f"scope {scope} ")


def _print_nexthops(printer: Printer, info: FibInfo, fib: Fib) -> None:
    """Linux: iproute2 ip/iproute.c print_rta_multipath()"""
    if printer.json:
        printer.open_array("nexthops")
    for hop in info.nexthops:
        printer.open_object()
        printer.text(f"{printer.separator}\tnexthop ")
        if hop.gateway:
            print_gateway(printer, hop.gateway)
        if hop.dev is not None:
            printer.put("dev", hop.dev.name, f"dev {hop.dev.name} ")
        printer.put("weight", hop.weight, f"weight {hop.weight} ")
        print_flags(printer, flags_of(hop, fib))
        printer.close_object()
    if printer.json:
        printer.close_array()


def flags_of(hop: Nexthop, fib: Fib) -> int:
    """As the kernel tells them. Linux: net/ipv4/fib_semantics.c fib_nexthop_info()"""
    is_dead = hop.flags & RTNH_F_LINKDOWN and hop.dev is not None and fib.ignores_linkdown(hop.dev)
    return hop.flags | RTNH_F_DEAD if is_dead else hop.flags


def _is_one_host(wanted: Prefix | None) -> bool:
    return wanted is not None and wanted.length == HOST_LENGTH


def destination_text(address: int, length: int) -> str:
    """`default`, an address, or a prefix."""
    if length == HOST_LENGTH:
        return format_ipv4(address)
    return f"{format_ipv4(address)}/{length}" if length else "default"


def print_type(printer: Printer, options: Options, type_: int) -> None:
    """`blackhole`; what is usual goes without saying"""
    if type_ != RTN_UNICAST or options.details:
        kind = str(type_) if options.numeric else ROUTE_TYPES.name(type_)
        printer.put("type", kind, f"{kind} ")


def print_table(printer: Printer, options: Options, number: int) -> None:
    """`table 100`; 0 where no table was asked"""
    if number and (number != RT_TABLE_MAIN or options.details):
        name = str(number) if options.numeric else TABLES.name(number)
        printer.put("table", name, f"table {name} ")


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


def print_object(printer: Printer, options: Options, told: NexthopObject, key: str | None = None) -> None:
    """One of `ip nexthop`. Linux: iproute2 ip/ipnexthop.c __print_nexthop_entry()"""
    hop = Nexthop(None) if told.is_group or told.is_blackhole else told.hop
    scope = RT_SCOPE_UNIVERSE if hop.dev is None else hop.scope
    printer.open_object(key)
    printer.put("id", told.number, f"id {told.number} ")
    if told.is_group:
        _print_group(printer, told)
    if hop.gateway:
        print_gateway(printer, hop.gateway)
    if hop.dev is not None:
        print_device(printer, "dev", hop.dev.name)
    if scope != RT_SCOPE_UNIVERSE or options.details:
        name = str(scope) if options.numeric else SCOPES.name(scope)
        printer.put("scope", name, f"scope {name} ")
    if told.is_blackhole:
        printer.put("blackhole", None, "blackhole ")
    if told.protocol or options.details:
        name = str(told.protocol) if options.numeric else PROTOCOLS.name(told.protocol)
        printer.put("protocol", name, f"proto {name} ")
    print_flags(printer, hop.flags)
    printer.close_object()


def group_words(told: NexthopObject) -> str:
    """`1/2,3`"""
    words = [str(member.number) + (f",{weight}" if weight > 1 else "") for member, weight in told.members]
    return "/".join(words)


def _print_group(printer: Printer, told: NexthopObject) -> None:
    words = [
        f"{member.number},{weight}" if weight > 1 else str(member.number) for member, weight in told.members
    ]
    printer.text(f"group {'/'.join(words)} ")
    if not printer.json:
        return
    printer.open_array("group")
    for member, weight in told.members:
        printer.open_object()
        printer.field("id", member.number)
        if weight > 1:
            printer.field("weight", weight)
        printer.close_object()
    printer.close_array()


def print_flags(printer: Printer, flags: int) -> None:
    """Linux: iproute2 ip/iproute.c print_rt_flags()"""
    named = ((RTNH_F_DEAD, "dead"), (RTNH_F_ONLINK, "onlink"), (RTNH_F_LINKDOWN, "linkdown"))
    words = [word for bit, word in named if flags & bit]
    printer.words("flags", words, joined="".join(f"{word} " for word in words))
