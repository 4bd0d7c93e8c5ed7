"""`ip route get`: which way a packet would go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.applets.iproute.names import dsfield, dsfield_name, ip_protocol
from pystack.applets.iproute.numbers import Prefix, address, format_ipv4, prefix, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import MAGENTA, Printer
from pystack.applets.iproute.route_cache import print_cache
from pystack.applets.iproute.route_filter import RouteFilter
from pystack.applets.iproute.route_print import (
    print_device,
    print_gateway,
    print_route,
    print_source,
    print_table,
    print_type,
)
from pystack.applets.iproute.usage_of_objects import ROUTE_USAGE, explained
from pystack.applets.iproute.words import ToolExit, Words, device_named, matches, refused, wrong
from pystack.applets.session import Session
from pystack.drop import DropReason
from pystack.errors import EHOSTUNREACH, EINVAL, EOPNOTSUPP, NetError, NotModelled
from pystack.explain.routing import arrived, why_asked
from pystack.explain.scene import Scene
from pystack.explain.text import reason_lines
from pystack.l2.devices import Link
from pystack.l3.fib_types import RTN_LOCAL, RTN_MULTICAST, Flow
from pystack.l3.route import RTCF_LOCAL, RTCF_MULTICAST, Rtable
from pystack.l3.source_check import Arrival
from pystack.packet import Packet
from pystack.wire import ipv4
from pystack.wire.icmp import ICMP_ECHO
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

_NOBODY: Final = 0xFFFFFFFF
_PORTS_LENGTH: Final = 20  # as a TCP header; who wants ports looks no further
KNOWN: Final = (
    "from",
    "iif",
    "oif",
    "tos",
    "mark",
    "uid",
    "ipproto",
    "sport",
    "dport",
    "fibmatch",
    "explain",
)


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
    uid: int | None = None
    ipproto: int = IPPROTO_UDP
    sport: int = 0
    dport: int = 0
    fibmatch: bool = False
    notify: bool = False
    connected: bool = False
    explain: bool = False  # ours: why, in the words of `pystack explain`
    has_new_destination: bool = False


def get(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iproute.c iproute_get(), net/ipv4/route.c inet_rtm_getroute()"""
    question = _parse(words, options, session)
    printer = options.printer(session.io)
    if question.explain and options.json:
        raise NotModelled("ip -json route get … explain", ("pystack explain PACKET --json",))
    try:
        _check(question)
        route = _answer(question, session)
    except NetError as error:
        _explain(question, session)
        raise refused(error) from None
    printer.begin()
    times = 2 if question.connected and question.source_prefix is None else 1
    for _ in range(times):  # iproute2 asks again what it has asked
        _print(printer, options, session, question, route)
    printer.end()
    _explain(question, session)
    return 0


def _parse(words: Words, options: Options, session: Session) -> _Question:
    question = _Question(family=options.family)
    devices = {"iif": "", "oif": ""}
    while words:
        word = words.take()
        number = _number_option(word)
        if number is not None:
            attribute, parse, said = number
            value = words.take()
            parsed = parse(value)
            if parsed is None:
                raise wrong(said, value)
            setattr(question, attribute, parsed)
        elif matches(word, "from"):
            _note_source(words, question)
        elif matches(word, "iif") or matches(word, "oif") or word == "dev":
            devices["iif" if matches(word, "iif") else "oif"] = words.take()
        elif word == "as":
            _note_new_destination(words, question)
        elif matches(word, "vrf"):
            raise NotModelled(f"ip route get {word}", KNOWN)
        elif _is_switch(word, question):
            continue
        else:
            _note_destination(words.take() if word == "to" else word, question, session)
    if question.to is None:
        raise ToolExit(1, "need at least a destination address\n")
    known = session.netns.devices
    question.iif = device_named(devices["iif"], known) if devices["iif"] else None
    question.oif = device_named(devices["oif"], known) if devices["oif"] else None
    return question


def _number_option(word: str) -> tuple[str, Callable[[str], int | None], str] | None:
    if word == "tos" or matches(word, "dsfield"):
        return "tos", dsfield, "TOS value is invalid\n"
    for name, parse, said in _NUMBERS:
        if matches(word, name):
            return name, parse, said
    return None


def _port(word: str) -> int | None:
    return unsigned(word, 16)


_NUMBERS: Final[tuple[tuple[str, Callable[[str], int | None], str], ...]] = (
    ("mark", unsigned, "invalid mark value"),
    ("uid", unsigned, "invalid UID\n"),
    ("sport", _port, "invalid sport\n"),
    ("dport", _port, "invalid dport\n"),
    ("ipproto", ip_protocol, 'Invalid "ipproto" value\n'),
)


def _is_switch(word: str, question: _Question) -> bool:
    for name in ("notify", "connected", "fibmatch"):
        if matches(word, name):
            setattr(question, name, True)
            return True
    question.explain |= word == "explain"
    return word == "explain"


def _note_source(words: Words, question: _Question) -> None:
    word = words.take()
    if matches(word, "help"):
        raise explained(ROUTE_USAGE)
    question.source_prefix = prefix(word, question.family)
    question.source = question.source_prefix.address
    question.family = question.family or question.source_prefix.family


def _note_new_destination(words: Words, question: _Question) -> None:
    word = words.take()
    address(words.take() if word == "to" else word, question.family)
    question.has_new_destination = True


def _note_destination(word: str, question: _Question, session: Session) -> None:
    if matches(word, "help"):
        raise explained(ROUTE_USAGE)
    question.to = prefix(word, question.family)
    question.family = question.family or question.to.family
    if question.family and question.to.length != 32:
        text = f"Warning: /{question.to.length} as prefix is invalid, only /32 (or none) is supported.\n"
        session.io.err.write(text)


def _check(question: _Question) -> None:
    """Linux: net/ipv4/route.c inet_rtm_valid_getroute_req()"""
    source = question.source_prefix
    if source is not None and source.length not in (0, 32):
        raise NetError(EINVAL, "ipv4: Invalid values in header for route get request")
    if source is not None and source.has_octets and not source.length:
        raise NetError(EINVAL, "ipv4: rtm_src_len and rtm_dst_len must be 32 for IPv4")
    if question.has_new_destination:
        raise NetError(EINVAL, "ipv4: Unsupported attribute in route get request")
    if question.ipproto not in (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP):
        raise NetError(EOPNOTSUPP, "Unsupported ip proto")


def _answer(question: _Question, session: Session) -> Rtable:
    """The decision. Raises NetError."""
    assert question.to is not None
    router, daddr = session.netns.ipv4.router, question.to.address
    if question.iif is not None:
        found = router.route_input(
            daddr, question.source, question.tos, question.mark, question.iif, _packet(question, question.iif)
        )
        if isinstance(found, DropReason):
            raise NetError(EINVAL)  # which martian it is, nobody is told
    else:
        asked = router.route_output(_flow(question))
        if not isinstance(asked, Rtable):
            raise NetError(asked)
        found = asked
    if found.error:
        raise NetError(found.error)
    if question.fibmatch and found.answer is None:
        raise NetError(EHOSTUNREACH)
    return found


def _explain(question: _Question, session: Session) -> None:
    """The rules, tables and addresses behind the answer."""
    if not question.explain or question.to is None:
        return
    scene, flow = Scene(session.netns, session.host.origins.of), _flow(question)
    if question.iif is None:
        reasons = why_asked(scene, flow)
    else:
        pkt = _packet(question, question.iif)
        arrival = Arrival(flow.daddr, flow.saddr, flow.tos, flow.mark, question.iif, pkt)
        decision = session.netns.ipv4.router.route_input(
            flow.daddr, flow.saddr, flow.tos, flow.mark, question.iif, pkt
        )
        reasons = iter(arrived(scene, arrival, decision).reasons)
    for line in reason_lines(reasons):
        session.io.out.line(line)


def _flow(question: _Question) -> Flow:
    assert question.to is not None
    return Flow(
        question.to.address,
        question.source,
        oif=0 if question.oif is None else question.oif.ifindex,
        tos=question.tos,
        mark=question.mark,
        proto=question.ipproto,
        sport=question.sport,
        dport=question.dport,
        uid=question.uid or 0,
    )


def _packet(question: _Question, dev: Link) -> Packet:
    """What could have come in. Linux: net/ipv4/route.c inet_rtm_getroute_build_skb()"""
    assert question.to is not None
    payload = question.sport.to_bytes(2, "big") + question.dport.to_bytes(2, "big")
    if question.ipproto == IPPROTO_ICMP:
        payload = bytes((ICMP_ECHO,))
    payload += bytes(_PORTS_LENGTH - len(payload))
    header = Ipv4Header(question.source, question.to.address, question.ipproto)
    pkt = Packet(ipv4.build(header, len(payload)) + payload, dev)
    pkt.ip = header
    return pkt


def _print(printer: Printer, options: Options, session: Session, question: _Question, route: Rtable) -> None:
    answer = route.answer
    if question.fibmatch and answer is not None:
        fib, everything = session.netns.ipv4.fib, RouteFilter(table=0)
        print_route(printer, options, answer.route, fib, everything, table=answer.table, type_=route.type)
    else:
        _print_way(printer, options, question, route)


def _print_way(printer: Printer, options: Options, question: _Question, route: Rtable) -> None:
    """Linux: iproute2 ip/iproute.c print_route(), net/ipv4/route.c rt_fill_info()"""
    assert question.to is not None
    answer = route.answer
    printer.open_object()
    print_type(printer, options, route.type)
    destination = format_ipv4(question.to.address)
    printer.put("dst", destination, f"{destination} ", MAGENTA)
    if question.source:
        source = format_ipv4(question.source)
        printer.put("from", source, f"from {source} ", MAGENTA)
    if answer is not None and answer.route.tos:
        tos = dsfield_name(answer.route.tos)
        printer.put("tos", tos, f"tos {tos} ")
    if route.gateway:
        print_gateway(printer, route.gateway)
    print_device(printer, "dev", route.dev.name)
    print_table(printer, options, 0 if answer is None else answer.table)
    if not route.is_input and route.saddr != question.source:
        print_source(printer, route.saddr)
    _print_flags(printer, question, route)
    _print_sender(printer, question, route)
    users = (2 if _is_cached(route) else 1) if options.stats else 0
    metrics = {} if route.result is None else route.result.info.metrics
    print_cache(printer, route.flags, route.exception, metrics, notify=question.notify, users=users)
    if route.is_input and question.iif is not None:
        print_device(printer, "iif", question.iif.name)
    printer.text("\n")
    printer.close_object()


def _print_flags(printer: Printer, question: _Question, route: Rtable) -> None:
    words = ["notify"] if question.notify else []
    # Linux has one bit for two things: iproute2 takes the flag of a multicast route for RTM_F_OFFLOAD_FAILED.
    words += ["rt_offload_failed"] if route.flags & RTCF_MULTICAST else []
    printer.words("flags", words, joined="".join(f"{word} " for word in words))


def _print_sender(printer: Printer, question: _Question, route: Rtable) -> None:
    if question.mark:
        shown = f"{question.mark:#x}" if question.mark >= 16 else str(question.mark)
        printer.put("mark", question.mark, f"mark {shown} ")
    uid = question.uid
    if uid is None:
        uid = _NOBODY if route.is_input else 0
    if uid != _NOBODY:
        printer.put("uid", uid, f"uid {uid} ")


def _is_cached(route: Rtable) -> bool:
    """Whether Linux keeps the decision with the next hop, where it has one more user.

    Linux differs: of packets that came in, it counts one user less while one like it is kept already.
    """
    if route.is_input:
        return route.answer is not None
    if route.result is None or (route.type == RTN_MULTICAST and route.flags & RTCF_LOCAL):
        return False
    return route.type != RTN_LOCAL or route.iif == route.dev.ifindex
