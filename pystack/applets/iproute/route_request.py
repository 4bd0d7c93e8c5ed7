"""What a user says of a route to add, change or delete: `10.0.0.0/8 via 10.0.0.1 metric 5 nexthop …`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.iproute.names import PROTOCOLS, SCOPES, TABLES, dsfield, route_type
from pystack.applets.iproute.numbers import Prefix, address, prefix, unsigned
from pystack.applets.iproute.route_metrics import ABBREVIATED, SPELLED_OUT, parse_metric
from pystack.applets.iproute.usage_of_objects import ROUTE_USAGE, explained
from pystack.applets.iproute.words import (
    USAGE_CODE,
    ToolExit,
    Words,
    device_named,
    garbage,
    matches,
    wrong,
)
from pystack.errors import NotModelled
from pystack.l2.devices import DeviceTable, Link
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE
from pystack.l3.fib_types import (
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_ANYCAST,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_NAT,
    RTN_UNICAST,
    RTN_UNSPEC,
    RTNH_F_ONLINK,
    Nexthop,
)

_FAMILIES: Final = frozenset("inet inet6 mpls bridge link".split())
_MOST_WEIGHT: Final = 256
_NOT_MODELLED: Final = ("realms", "vrf", "encap")
KNOWN: Final = (
    *("via", "dev", "nexthop", "nhid", "src", "tos", "metric", "scope", "onlink", "proto", "table"),
    *SPELLED_OUT,
    *ABBREVIATED,
)


@dataclass(slots=True)
class RouteRequest:
    """Linux: struct rtmsg and its attributes, as iproute2 fills them in"""

    to: Prefix = field(default_factory=Prefix)
    type: int = RTN_UNSPEC
    via: int | None = None
    dev: Link | None = None
    source: int = 0
    tos: int = 0
    metric: int = 0
    scope: int | None = None
    protocol: int | None = None
    table: int | None = None
    nhid: int | None = None  # of a nexthop object
    onlink: bool = False
    metrics: dict[str, int] = field(default_factory=dict)
    multipath: list[Nexthop] = field(default_factory=list)

    @property
    def table_number(self) -> int:
        """What `ip` and the kernel make of the table that was named, or not."""
        return usual_table(self.type) if self.table is None else self.table or RT_TABLE_MAIN

    def scope_number(self, *, deletes: bool) -> int:
        """What `ip` makes of the scope that was named, or not."""
        if self.scope is not None:
            return self.scope
        if deletes and self.type in (RTN_UNSPEC, RTN_UNICAST):
            return RT_SCOPE_NOWHERE
        has_gateway = self.via is not None or self.nhid is not None or bool(self.multipath)
        usual = usual_scope(self.type, has_gateway=has_gateway)
        return RT_SCOPE_NOWHERE if deletes and usual == RT_SCOPE_UNIVERSE else usual


def usual_table(type_: int) -> int:
    """What `ip` fills in where the user names no table."""
    return RT_TABLE_LOCAL if type_ in (RTN_LOCAL, RTN_BROADCAST, RTN_NAT, RTN_ANYCAST) else RT_TABLE_MAIN


def usual_scope(type_: int, *, has_gateway: bool) -> int:
    """What `ip` fills in where the user names no scope for a new route."""
    if type_ in (RTN_LOCAL, RTN_NAT):
        return RT_SCOPE_HOST
    if type_ in (RTN_BROADCAST, RTN_MULTICAST, RTN_ANYCAST):
        return RT_SCOPE_LINK
    return RT_SCOPE_LINK if type_ == RTN_UNICAST and not has_gateway else RT_SCOPE_UNIVERSE


class RouteParser:
    """Linux: iproute2 ip/iproute.c iproute_modify()"""

    def __init__(self, words: Words, family: str, devices: DeviceTable) -> None:
        self._words = words
        self._family = family
        self._devices = devices
        self._request = RouteRequest()
        self._dev = ""
        self._has_destination = False

    def parse(self, *, deletes: bool) -> RouteRequest:
        """All words."""
        request, words = self._request, self._words
        while words and not words.is_now("nexthop"):
            word = words.take()
            option = None if word[:1].isdigit() else _option(word)
            if option is None:
                self._destination(word)
            else:
                self._take(option, word)
        if not self._has_destination:
            raise explained(ROUTE_USAGE)
        if self._dev:
            request.dev = device_named(self._dev, self._devices)
        while words:
            request.multipath.append(self._nexthop())
        if not deletes and request.type == RTN_UNSPEC:
            request.type = RTN_UNICAST
        return request

    def _take(self, option: str, word: str) -> None:
        request = self._request
        if option == "via":
            if request.via is not None:
                raise wrong("use nexthop syntax to specify multiple via\n", word)
            request.via = self._gateway()
        elif option == "dev":
            self._dev = self._words.take()
        elif option == "src":
            request.source = self._address(self._words.take())
        elif option == "onlink":
            request.onlink = True
        elif option in _NUMBERS:
            attribute, parse, said = _NUMBERS[option]
            setattr(request, attribute, self._number(parse, said))
        elif option in _OF_NO_EFFECT:
            self._pass_over(option)
        elif option in _NOT_MODELLED:
            raise NotModelled(f"ip route … {word}", KNOWN)
        else:
            parse_metric(option, self._words, request.metrics)

    def _number(self, parse: Callable[[str], int | None], said: str) -> int:
        value = self._words.take()
        number = parse(value)
        if number is None:
            raise wrong(said, value)
        return number

    def _pass_over(self, option: str) -> None:
        """What `ip` checks and sends, and the kernel takes no notice of for IPv4."""
        words = self._words
        word = words.take()
        if option == "as":
            self._address(words.take() if word == "to" else word)
        elif option == "from":
            found = prefix(word, self._family)
            self._family = self._family or found.family
        elif option == "expires" and unsigned(word) is None:
            raise wrong('"expires" value is invalid\n', word)
        elif option == "pref" and word not in ("low", "medium", "high") and unsigned(word, 8) is None:
            raise wrong('"pref" value is invalid\n', word)
        elif option == "ttl-propagate" and not (matches(word, "enabled") or matches(word, "disabled")):
            raise wrong('"ttl-propagate" value is invalid\n', word)

    def _address(self, word: str) -> int:
        """The first address decides about the family of the others."""
        found = address(word, self._family)
        self._family = "inet"
        return found.address

    def _gateway(self) -> int:
        value = self._words.take()
        if value in _FAMILIES:
            if value != "inet":
                raise NotModelled(f"via {value}", ("inet",))
            value = self._words.take()
        return self._address(value)

    def _destination(self, word: str) -> None:
        if word == "to":
            word = self._words.take()
        kind = None if word[:1].isdigit() else route_type(word)
        if kind is not None:
            self._request.type = kind
            word = self._words.take()
        if matches(word, "help"):
            raise explained(ROUTE_USAGE)
        if self._has_destination:
            raise garbage("to", word)
        self._request.to = prefix(word, self._family)
        self._has_destination = True
        if not self._request.to.is_any:
            self._family = "inet"

    def _nexthop(self) -> Nexthop:
        """Linux: iproute2 ip/iproute.c parse_nexthops(), parse_one_nh()"""
        words = self._words
        word = words.take()
        if word != "nexthop":
            text = f'Error: "nexthop" or end of line is expected instead of "{word}"\n'
            raise ToolExit(USAGE_CODE, text)
        if not words:
            raise ToolExit(USAGE_CODE, 'Error: unexpected end of line after "nexthop"\n')
        hop = Nexthop(None)
        while words and words.word in _OF_A_HOP:
            option = words.take()
            if option == "via":
                hop.gateway = self._gateway()
            elif option == "dev":
                hop.dev = self._hop_device()
            elif option == "weight":
                hop.weight = self._weight()
            elif option == "onlink":
                hop.flags |= RTNH_F_ONLINK
            else:
                raise NotModelled(f"ip route … nexthop {option}", _OF_A_HOP[:4])
        return hop

    def _hop_device(self) -> Link:
        try:
            return device_named(self._words.take(), self._devices)
        except ToolExit as end:
            if not end.leaves:
                end = ToolExit(USAGE_CODE, f"{end.text}Error: cannot parse nexthop\n")
            raise end from None

    def _weight(self) -> int:
        value = self._words.take()
        weight = unsigned(value)
        if not weight or weight > _MOST_WEIGHT:
            raise wrong('"weight" is invalid\n', value)
        return weight


_OF_A_HOP: Final = ("via", "dev", "weight", "onlink", "realms", "encap", "as")
_OF_NO_EFFECT: Final = ("as", "from", "expires", "pref", "ttl-propagate")
_NUMBERS: Final[dict[str, tuple[str, Callable[[str], int | None], str]]] = {
    "tos": ("tos", dsfield, '"tos" value is invalid\n'),
    "metric": ("metric", unsigned, '"metric" value is invalid\n'),
    "scope": ("scope", SCOPES.number, 'invalid "scope" value\n'),
    "protocol": ("protocol", PROTOCOLS.number, '"protocol" value is invalid\n'),
    "table": ("table", TABLES.number, '"table" value is invalid\n'),
    "nhid": ("nhid", unsigned, '"id" value is invalid\n'),
}
# In iproute2's order, which decides what an abbreviation means.
_ABBREVIATIONS: Final = (
    ("dsfield", "tos"),
    ("metric", "metric"),
    ("priority", "metric"),
    *((name, name) for name in ABBREVIATED[:-1]),
    ("realms", "realms"),
    ("protocol", "protocol"),
    ("table", "table"),
    ("vrf", "vrf"),
    ("pref", "pref"),
    (ABBREVIATED[-1], ABBREVIATED[-1]),
)
_SPELLED_OUT: Final = {
    **dict(_ABBREVIATIONS),
    **{word: word for word in ("src", "as", "via", "from", "tos", "expires", "scope", "onlink", "dev")},
    **{word: word for word in ("nhid", "encap", "ttl-propagate", *SPELLED_OUT)},
    "preference": "metric",
    "oif": "dev",
}


def _option(word: str) -> str | None:
    """What a word announces; None where it is the destination itself."""
    if word in _SPELLED_OUT:
        return _SPELLED_OUT[word]
    return next((option for name, option in _ABBREVIATIONS if matches(word, name)), None)
