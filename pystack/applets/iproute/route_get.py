"""`ip route get`: which way a packet would go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.applets.iproute.names import ROUTE_TYPES, TABLES, dsfield, dsfield_name
from pystack.applets.iproute.numbers import Prefix, format_ipv4, prefix, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import MAGENTA, Printer
from pystack.applets.iproute.route_show import (
    RouteFilter,
    print_device,
    print_gateway,
    print_metrics,
    print_route,
    print_source,
)
from pystack.applets.iproute.usage_of_objects import ROUTE_USAGE, explained
from pystack.applets.iproute.words import ToolExit, Words, matches, no_device, refused, wrong
from pystack.applets.session import Session
from pystack.drop import DropReason
from pystack.errors import EHOSTUNREACH, EINVAL, NetError, NotModelled
from pystack.l2.devices import Link
from pystack.l3.fib_types import RT_TABLE_LOCAL, RT_TABLE_MAIN, RTN_UNICAST, Flow
from pystack.l3.route import RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST, Rtable

STANDARD_RULES: Final = 3
_CACHE_FLAGS: Final = ((RTCF_LOCAL, "local"), (RTCF_MULTICAST, "mc"), (RTCF_BROADCAST, "brd"))


@dataclass(slots=True)
class _Question:
    to: Prefix | None = None
    source: int = 0
    source_prefix: Prefix | None = None
    family: str = ""
    iif: Link | None = None
    oif: Link | None = None
    tos: int = 0
    mark: int = 0
    fibmatch: bool = False


def get(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iproute.c iproute_get(), net/ipv4/route.c inet_rtm_getroute()"""
    question = _parse(words, options, session)
    try:
        _check_source(question)
    except NetError as error:
        raise refused(error) from None
    route = _answer(question, session)
    printer = options.printer(session.io)
    printer.begin()
    if question.fibmatch and route.result is not None:
        table = _table_told(session, route)
        print_route(printer, options, route.result.route, RouteFilter(table=0), table=table)
    else:
        _print(printer, options, session, question, route)
    printer.end()
    return 0


def _parse(words: Words, options: Options, session: Session) -> _Question:
    question = _Question(family=options.family)
    iif = oif = ""
    while words:
        word = words.take()
        if word == "tos" or matches(word, "dsfield"):
            value = words.take()
            tos = dsfield(value)
            if tos is None:
                raise wrong("TOS value is invalid\n", value)
            question.tos = tos
        elif matches(word, "from"):
            question.source_prefix = prefix(words.take(), question.family)
            question.source = question.source_prefix.address
            question.family = question.family or question.source_prefix.family
        elif matches(word, "iif"):
            iif = words.take()
        elif matches(word, "mark"):
            value = words.take()
            mark = unsigned(value)
            if mark is None:
                raise wrong("invalid mark value", value)
            question.mark = mark
        elif matches(word, "oif") or word == "dev":
            oif = words.take()
        elif matches(word, "fibmatch"):
            question.fibmatch = True
        elif _is_refused(word):
            raise NotModelled(f"ip route get {word}", ("from", "iif", "oif", "tos", "mark", "fibmatch"))
        else:
            _note_destination(words.take() if word == "to" else word, question, session)
    if question.to is None:
        raise ToolExit(1, "need at least a destination address\n")
    question.iif, question.oif = _device(iif, session), _device(oif, session)
    return question


def _is_refused(word: str) -> bool:
    names = ("notify", "connected", "vrf", "uid", "sport", "dport", "ipproto")
    return word == "as" or any(matches(word, name) for name in names)


def _note_destination(word: str, question: _Question, session: Session) -> None:
    if matches(word, "help"):
        raise explained(ROUTE_USAGE)
    question.to = prefix(word, question.family)
    question.family = question.family or question.to.family
    if question.family and question.to.length != 32:
        text = f"Warning: /{question.to.length} as prefix is invalid, only /32 (or none) is supported.\n"
        session.io.err.write(text)


def _device(name: str, session: Session) -> Link | None:
    if not name:
        return None
    dev = session.netns.devices.get(name)
    if dev is None:
        raise no_device(name)
    return dev


def _check_source(question: _Question) -> None:
    """Linux: net/ipv4/route.c inet_rtm_valid_getroute_req()"""
    source = question.source_prefix
    if source is not None and source.length not in (0, 32):
        raise NetError(EINVAL, "ipv4: Invalid values in header for route get request")
    if source is not None and source.has_octets and not source.length:
        raise NetError(EINVAL, "ipv4: rtm_src_len and rtm_dst_len must be 32 for IPv4")


def _answer(question: _Question, session: Session) -> Rtable:
    assert question.to is not None
    route: Rtable | int
    router, daddr = session.netns.ipv4.router, question.to.address
    if question.iif is not None:
        found = router.route_input(daddr, question.source, question.tos, question.mark, question.iif)
        route = EINVAL if isinstance(found, DropReason) else found  # which martian it is, nobody is told
    else:
        flow = Flow(
            daddr,
            question.source,
            oif=0 if question.oif is None else question.oif.ifindex,
            tos=question.tos,
            mark=question.mark,
        )
        route = router.route_output(flow)
    if not isinstance(route, Rtable):
        raise refused(NetError(route))
    if route.error:
        raise refused(NetError(route.error))
    if question.fibmatch and route.result is None:
        raise refused(NetError(EHOSTUNREACH))
    return route


def _print(printer: Printer, options: Options, session: Session, question: _Question, route: Rtable) -> None:
    """Linux: iproute2 ip/iproute.c print_route(), net/ipv4/route.c rt_fill_info()"""
    assert question.to is not None
    printer.open_object()
    if route.type != RTN_UNICAST or options.details:
        kind = str(route.type) if options.numeric else ROUTE_TYPES.name(route.type)
        printer.put("type", kind, f"{kind} ")
    destination = format_ipv4(question.to.address)
    printer.put("dst", destination, f"{destination} ", MAGENTA)
    if question.source:
        source = format_ipv4(question.source)
        printer.put("from", source, f"from {source} ", MAGENTA)
    if question.tos:
        tos = dsfield_name(question.tos)
        printer.put("tos", tos, f"tos {tos} ")
    if route.gateway:
        print_gateway(printer, route.gateway)
    print_device(printer, "dev", route.dev.name)
    table = _table_told(session, route)
    if table and (table != RT_TABLE_MAIN or options.details):
        printer.put("table", TABLES.name(table), f"table {TABLES.name(table)} ")
    if not route.is_input and route.saddr != question.source:
        print_source(printer, route.saddr)
    # Linux has one bit for two things: iproute2 takes the flag of a multicast route for RTM_F_OFFLOAD_FAILED.
    words = ["rt_offload_failed"] if route.flags & RTCF_MULTICAST else []
    printer.words("flags", words, joined="".join(f"{word} " for word in words))
    if question.mark:
        shown = f"{question.mark:#x}" if question.mark >= 16 else str(question.mark)
        printer.put("mark", question.mark, f"mark {shown} ")
    if not route.is_input:
        printer.put("uid", 0, "uid 0 ")
    _print_cache(printer, route)
    if route.result is not None:
        print_metrics(printer, route.result.info.metrics)
    if route.is_input and question.iif is not None:
        print_device(printer, "iif", question.iif.name)
    printer.text("\n")
    printer.close_object()


def _table_told(session: Session, route: Rtable) -> int:
    """Without rules of the user's, Linux keeps local and main in one trie and says main.

    Linux: net/ipv4/fib_trie.c fib_trie_unmerge()
    """
    if route.result is None:
        return 0
    table = route.result.route.table
    merged = len(session.netns.ipv4.fib.rules) == STANDARD_RULES
    return RT_TABLE_MAIN if merged and table == RT_TABLE_LOCAL else table


def _print_cache(printer: Printer, route: Rtable) -> None:
    """Linux: iproute2 ip/iproute.c print_cache_flags()"""
    words = [word for bit, word in _CACHE_FLAGS if route.flags & bit]
    shown = f"<{','.join(words)}> " if words else ""
    printer.words("cache", words, joined=f"{printer.separator}    cache {shown}")
