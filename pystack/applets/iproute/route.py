"""`ip route`: add, del, change, replace, append, prepend here; the rest by reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.iproute import route_get, route_save, route_show
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.route_request import RouteParser, RouteRequest
from pystack.applets.iproute.usage_of_objects import ROUTE_USAGE, explained
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words, matches, refused
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.errors import EINVAL, NetError
from pystack.l3.addresses import RT_SCOPE_NOWHERE
from pystack.l3.fib import Fib
from pystack.l3.fib_table import FibMatch
from pystack.l3.fib_types import RTNH_F_ONLINK, RTPROT_BOOT, FibInfo, FibRoute, Nexthop, NexthopObject
from pystack.l3.metrics import converted

_COMMANDS: Final = ("add", "change", "replace", "prepend", "append", "test", "delete")


def reads_dump(word: str) -> bool:
    """Whether the command needs standard input; what `show` and `replace` begin with means those."""
    if matches(word, "restore"):
        return not matches(word, "replace")
    return matches(word, "showdump") and not matches(word, "show")


def read_dump(words: Words, options: Options, session: Session) -> Steps:
    """`ip route restore` and `showdump`, which read standard input."""
    if matches(words.take(), "restore"):
        return (yield from route_save.restore(session))
    return (yield from route_save.showdump(options, session))


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iproute.c do_iproute()"""
    if not words:
        return route_show.show(words, options, session)
    word = words.word
    for name in _COMMANDS:
        if matches(word, name) or (name == "change" and word == "chg"):
            words.take()
            return _modify(name, words, options, session)
    others: tuple[tuple[tuple[str, ...], Callable[[Words, Options, Session], int]], ...] = (
        (("list", "show", "lst"), route_show.show),
        (("get",), route_get.get),
        (("flush",), route_show.flush),
        (("save",), route_save.save),
    )
    for names, command in others:
        if words.begins(*names):
            words.take()
            return command(words, options, session)
    if words.begins("help"):
        raise explained(ROUTE_USAGE)
    raise ToolExit(USAGE_CODE, f'Command "{word}" is unknown, try "ip route help".\n')


def _modify(command: str, words: Words, options: Options, session: Session) -> int:
    deletes = command == "delete"
    request = RouteParser(words, options.family, session.netns.devices).parse(deletes=deletes)
    fib = session.netns.ipv4.fib
    try:
        if deletes:
            _delete(request, fib)
        else:
            session.host.origins.note(_insert(command, request, fib))
    except NetError as error:
        raise refused(error) from None
    return 0


def _delete(request: RouteRequest, fib: Fib) -> None:
    scope = request.scope_number(deletes=True)
    wanted = FibMatch(
        type_=request.type or None,
        scope=None if scope == RT_SCOPE_NOWHERE else scope,
        protocol=request.protocol or None,
        prefsrc=request.source,
        priority=request.metric,
        dev=request.dev,
        gateway=request.via or 0,
        multipath=tuple(request.multipath),
        metrics={name: max(value, 0) for name, value in request.metrics.items()},
        of_object=_object(request, fib, creates=False),
    )
    fib.delete(request.table_number, request.to.address, request.to.length, wanted, request.tos)


def _insert(command: str, request: RouteRequest, fib: Fib) -> FibRoute:
    flags = RTNH_F_ONLINK if request.onlink else 0
    info = FibInfo(
        request.type,
        _nexthops(request, flags),
        scope=request.scope_number(deletes=False),
        protocol=RTPROT_BOOT if request.protocol is None else request.protocol,
        prefsrc=request.source,
        priority=request.metric,
        metrics=converted(request.metrics),
        flags=flags,
        of_object=_object(request, fib, creates=True),
    )
    route = FibRoute(request.table_number, request.to.address, request.to.length, info, request.tos)
    fib.add(
        route,
        create=command not in ("change", "test"),
        exclusive=command in ("add", "test"),
        append=command == "append",
        replace=command in ("change", "replace"),
    )
    return route


def _object(request: RouteRequest, fib: Fib, *, creates: bool) -> NexthopObject | None:
    """Linux: net/ipv4/fib_frontend.c rtm_to_fib_config()"""
    if not request.nhid:
        return None
    if request.dev is not None or request.via or request.multipath:
        raise NetError(EINVAL, "Nexthop specification and nexthop id are mutually exclusive")
    if creates:
        fib.table(request.table_number)  # comes into being before the object is looked for
    return fib.objects.named(request.nhid)


def _nexthops(request: RouteRequest, flags: int) -> tuple[Nexthop, ...]:
    """Linux: net/ipv4/fib_semantics.c fib_get_nhs()"""
    dev, gateway = request.dev, request.via or 0
    if request.multipath:
        first = request.multipath[0]
        if dev is not None and first.dev is not dev:
            raise NetError(EINVAL, "Nexthop device index does not match RTA_OIF")
        if gateway and first.gateway != gateway:
            raise NetError(EINVAL, "Nexthop gateway does not match RTA_GATEWAY or RTA_VIA")
        return tuple(request.multipath)
    return (Nexthop(dev, gateway, flags=flags),) if dev is not None or gateway else ()
