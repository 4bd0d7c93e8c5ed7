"""`ip route`: show, get, flush here by reference; add, del, change, replace, append, prepend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.iproute import route_get, route_show
from pystack.applets.iproute.names import PROTOCOLS, SCOPES, TABLES, dsfield, route_type
from pystack.applets.iproute.numbers import Prefix, address, prefix, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.usage_of_objects import ROUTE_USAGE, explained
from pystack.applets.iproute.words import (
    USAGE_CODE,
    ToolExit,
    Words,
    garbage,
    matches,
    no_device,
    refused,
    wrong,
)
from pystack.applets.session import Session
from pystack.errors import NetError, NotModelled
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE
from pystack.l3.fib import Fib
from pystack.l3.fib_table import FibMatch
from pystack.l3.fib_types import (
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_ANYCAST,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    RTN_UNSPEC,
    RTNH_F_ONLINK,
    RTPROT_BOOT,
    TYPE_NAMES,
    FibInfo,
    FibRoute,
    Nexthop,
)

_FAMILIES: Final = frozenset("inet inet6 mpls bridge link".split())

# Spelled out or abbreviated, taken by Linux, without a model here.
_NOT_MODELLED: Final = tuple(
    "as from expires hoplimit advmss reordering rtt rto_min window cwnd initcwnd initrwnd features quickack "
    "congctl rttvar ssthresh realms nexthop nhid vrf pref encap ttl-propagate fastopen_no_cookie".split()
)
KNOWN: Final = ("via", "dev", "src", "tos", "metric", "scope", "mtu", "onlink", "proto", "table")

_TYPES: Final = {kind: name for kind, name in TYPE_NAMES.items() if kind not in (RTN_ANYCAST, RTN_MULTICAST)}
_MAX_MTU: Final = 65535 - 15  # Linux: net/ipv4/metrics.c ip_metrics_convert()

_COMMANDS: Final = ("add", "change", "replace", "prepend", "append", "test", "delete")


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
    )
    for names, command in others:
        if words.begins(*names):
            words.take()
            return command(words, options, session)
    if words.begins("help"):
        raise explained(ROUTE_USAGE)
    if words.begins("save", "restore", "showdump"):
        raise NotModelled(f"ip route {word}", (*_COMMANDS, "show", "get", "flush"))
    raise ToolExit(USAGE_CODE, f'Command "{word}" is unknown, try "ip route help".\n')


@dataclass(slots=True)
class _Request:
    to: Prefix | None = None
    type: int = RTN_UNSPEC
    via: int | None = None
    dev: str = ""
    source: int = 0
    tos: int = 0
    metric: int = 0
    scope: int | None = None
    protocol: int | None = None
    table: int | None = None
    onlink: bool = False
    metrics: dict[str, int] = field(default_factory=dict)


class _Parser:
    """Linux: iproute2 ip/iproute.c iproute_modify()"""

    def __init__(self, words: Words, family: str) -> None:
        self.words = words
        self.family = family
        self.request = _Request()

    def parse(self) -> _Request:
        request, words = self.request, self.words
        while words:
            word = words.take()
            if word == "src":
                request.source = self._address(words.take())
            elif word == "via":
                self._via(word)
            elif word == "tos" or matches(word, "dsfield"):
                request.tos = self._number(dsfield, '"tos" value is invalid\n')
            elif matches(word, "metric") or matches(word, "priority") or word == "preference":
                request.metric = self._number(unsigned, '"metric" value is invalid\n')
            elif word == "scope":
                request.scope = self._number(SCOPES.number, 'invalid "scope" value\n')
            elif word == "mtu":
                self._mtu()
            elif word == "onlink":
                request.onlink = True
            elif matches(word, "protocol"):
                request.protocol = self._number(PROTOCOLS.number, '"protocol" value is invalid\n')
            elif matches(word, "table"):
                request.table = self._number(TABLES.number, '"table" value is invalid\n')
            elif word in ("dev", "oif"):
                request.dev = words.take()
            elif word in _NOT_MODELLED:
                raise NotModelled(f"ip route … {word}", KNOWN)
            else:
                self._destination(word)
        if request.to is None:
            raise explained(ROUTE_USAGE)
        return request

    def _number(self, parse: Callable[[str], int | None], said: str) -> int:
        value = self.words.take()
        number = parse(value)
        if number is None:
            raise wrong(said, value)
        return number

    def _address(self, word: str) -> int:
        """The first address decides about the family of the others."""
        found = address(word, self.family)
        self.family = "inet"
        return found.address

    def _via(self, word: str) -> None:
        if self.request.via is not None:
            raise wrong("use nexthop syntax to specify multiple via\n", word)
        value = self.words.take()
        if value in _FAMILIES:
            if value != "inet":
                raise NotModelled(f"via {value}", ("inet",))
            value = self.words.take()
        self.request.via = self._address(value)

    def _mtu(self) -> None:
        value = self.words.take()
        if value == "lock":
            raise NotModelled("mtu lock", ("mtu NUMBER",))
        number = unsigned(value)
        if number is None:
            raise wrong('"mtu" value is invalid\n', value)
        self.request.metrics["mtu"] = number

    def _destination(self, word: str) -> None:
        if word == "to":
            word = self.words.take()
        kind = None if word[:1].isdigit() else route_type(word)
        if kind is not None:
            if kind not in _TYPES:
                raise NotModelled(f"route type {word}", tuple(_TYPES.values()))
            self.request.type = kind
            word = self.words.take()
        if matches(word, "help"):
            raise explained(ROUTE_USAGE)
        if self.request.to is not None:
            raise garbage("to", word)
        self.request.to = prefix(word, self.family)
        if not self.request.to.is_any:
            self.family = "inet"


def _modify(command: str, words: Words, options: Options, session: Session) -> int:
    request = _Parser(words, options.family).parse()
    dev = None
    if request.dev:
        dev = session.netns.devices.get(request.dev)
        if dev is None:
            raise no_device(request.dev)
    deletes = command == "delete"
    if not deletes and request.type == RTN_UNSPEC:
        request.type = RTN_UNICAST
    fib = session.netns.ipv4.fib
    try:
        if deletes:
            _delete(request, dev, fib)
        else:
            _insert(command, request, dev, fib)
    except NetError as error:
        raise refused(error) from None
    return 0


def usual_table(type_: int) -> int:
    """What `ip` fills in where the user names no table."""
    return RT_TABLE_LOCAL if type_ in (RTN_LOCAL, RTN_BROADCAST) else RT_TABLE_MAIN


def usual_scope(type_: int, *, has_gateway: bool) -> int:
    """What `ip` fills in where the user names no scope for a new route."""
    if type_ == RTN_LOCAL:
        return RT_SCOPE_HOST
    if type_ == RTN_BROADCAST or (type_ == RTN_UNICAST and not has_gateway):
        return RT_SCOPE_LINK
    return RT_SCOPE_UNIVERSE


def _table(request: _Request) -> int:
    if request.table is None:
        return usual_table(request.type)
    return request.table or RT_TABLE_MAIN


def _scope(request: _Request, *, deletes: bool) -> int:
    if request.scope is not None:
        return request.scope
    if deletes and request.type not in (RTN_LOCAL, RTN_BROADCAST):
        return RT_SCOPE_NOWHERE
    return usual_scope(request.type, has_gateway=request.via is not None)


def _delete(request: _Request, dev: Link | None, fib: Fib) -> None:
    assert request.to is not None
    scope = _scope(request, deletes=True)
    wanted = FibMatch(
        type_=request.type or None,
        scope=None if scope == RT_SCOPE_NOWHERE else scope,
        protocol=request.protocol or None,
        prefsrc=request.source,
        priority=request.metric,
        dev=dev,
        gateway=request.via or 0,
        metrics=request.metrics,
    )
    fib.delete(_table(request), request.to.address, request.to.length, wanted, request.tos)


def _insert(command: str, request: _Request, dev: Link | None, fib: Fib) -> None:
    assert request.to is not None
    hops: tuple[Nexthop, ...] = ()
    flags = RTNH_F_ONLINK if request.onlink else 0
    if dev is not None or request.via:
        hops = (Nexthop(dev, request.via or 0, flags=flags),)
    info = FibInfo(
        request.type,
        hops,
        scope=_scope(request, deletes=False),
        protocol=RTPROT_BOOT if request.protocol is None else request.protocol,
        prefsrc=request.source,
        priority=request.metric,
        metrics={name: min(value, _MAX_MTU) for name, value in request.metrics.items()},
        flags=flags,
    )
    route = FibRoute(_table(request), request.to.address, request.to.length, info, request.tos)
    fib.add(
        route,
        create=command not in ("change", "test"),
        exclusive=command in ("add", "test"),
        append=command == "append",
        replace=command in ("change", "replace"),
    )
