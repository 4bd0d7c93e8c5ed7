"""The routes of a namespace as commands: what its user added to those that its addresses bring, or took away.

A setup makes the addresses first, and their routes come with them. The rest is found by playing it through on
tables of its own: a route that cannot be added yet waits for the one that it leans on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from pystack.applets.iproute.names import PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES, dsfield_name
from pystack.applets.iproute.route_metrics import metric_words
from pystack.applets.iproute.route_print import destination_text, group_words
from pystack.applets.iproute.route_request import usual_scope, usual_table
from pystack.errors import NetError
from pystack.l2.devices import Link
from pystack.l3.address_routes import announce, implied_by
from pystack.l3.addresses import RT_SCOPE_HOST
from pystack.l3.fib import Fib
from pystack.l3.fib_types import (
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_LOCAL,
    RTN_UNICAST,
    RTNH_F_ONLINK,
    RTPROT_BOOT,
    FibInfo,
    FibRoute,
    Nexthop,
    NexthopObject,
)
from pystack.netns import Netns
from pystack.wire.ipv4 import address_text

HOST_LENGTH: Final = 32


class Rank(NamedTuple):
    """What routes share that stand in one place of a table; among them the first one counts."""

    table: int
    prefix: int
    prefixlen: int
    tos: int
    metric: int


class Step(NamedTuple):
    """A command about a route: add, append, prepend or del."""

    verb: str
    route: FibRoute


def route_lines(netns: Netns) -> list[str]:
    """The commands that follow those of addresses, in an order in which each of them works."""
    replay = Replay(netns)
    standing, wanted = _by_rank(replay.fib), _by_rank(netns.ipv4.fib)
    ranks = sorted(wanted, key=lambda rank: _turn(rank, wanted[rank]))
    replay.play([deque(_steps(standing.get(rank, []), wanted[rank])) for rank in ranks])
    for rank, routes in standing.items():  # at the end: what was added may have leaned on one of them
        for route in routes:
            if not _is_among(route, wanted.get(rank, [])):
                replay.do(Step("del", route))
    return [*map(_object_line, _singles_first(netns.ipv4.fib)), *replay.lines]


def _singles_first(fib: Fib) -> list[NexthopObject]:
    return sorted(fib.objects, key=lambda told: told.is_group)


def _object_line(told: NexthopObject) -> str:
    words = ["blackhole"] if told.is_blackhole else _hop_words(told.hop)
    if told.is_group:
        words = [f"group {group_words(told)}"]
    if told.hop.flags & RTNH_F_ONLINK:
        words.append("onlink")
    if told.protocol:
        words.append(f"protocol {PROTOCOLS.name(told.protocol)}")
    return f"ip nexthop add id {told.number} {' '.join(words)}"


def _by_rank(fib: Fib) -> dict[Rank, list[FibRoute]]:
    found: dict[Rank, list[FibRoute]] = {}
    for number in sorted(fib.tables):
        for route in fib.tables[number]:
            rank = Rank(number, route.prefix, route.prefixlen, route.tos, route.info.priority)
            found.setdefault(rank, []).append(route)
    return found


def _turn(rank: Rank, routes: list[FibRoute]) -> tuple[bool, bool, Rank]:
    """What is on the link comes before what is behind a gateway there; main comes before other tables."""
    has_gateway = any(hop.gateway for route in routes for hop in route.info.nexthops)
    return has_gateway, rank.table != RT_TABLE_MAIN, rank


def _steps(standing: list[FibRoute], wanted: list[FibRoute]) -> list[Step]:
    """From the routes of a rank that addresses bring to those that are there, each in its order."""
    kept = [route for route in standing if _is_among(route, wanted)]
    start = next((at for at, route in enumerate(wanted) if kept and _is_same(kept[0], route)), 0)
    end = start + len(kept)
    in_order = len(wanted) >= end and all(map(_is_same, kept, wanted[start:end]))
    if kept and in_order:
        before, behind = wanted[:start], wanted[end:]
        return [Step("prepend", route) for route in reversed(before)] + [
            Step("append", route) for route in behind
        ]
    verbs = ["append" if standing else "add"] + ["append"] * len(wanted)
    anew = [Step(verb, route) for verb, route in zip(verbs, wanted, strict=False)]
    return [Step("del", route) for route in kept] + anew


def _is_same(one: FibRoute, other: FibRoute) -> bool:
    return one.tos == other.tos and one.info.same_as(other.info)


def _is_among(route: FibRoute, others: list[FibRoute]) -> bool:
    return any(_is_same(route, other) for other in others)


class Replay:
    """The tables as they are once the lines so far have run where the same addresses are."""

    def __init__(self, netns: Netns) -> None:
        self.fib = Fib()
        self.lines: list[str] = []
        book = netns.ipv4.addresses
        for dev in netns.devices:
            brought = [implied_by(address, book.primary_for(address)) for address in book.of(dev)]
            own = [routes[0] for routes in brought]  # come before the device is up, and so before the others
            for route in (*own, *(route for routes in brought for route in routes)):
                announce(self.fib, dev, route)

    def play(self, pending: list[deque[Step]]) -> None:
        """Run what works until everything has run; what nothing here can carry any more gets a prop."""
        while pending:
            said = len(self.lines)
            pending = [steps for steps in pending if not self._advance(steps)]
            if pending and len(self.lines) == said:
                self._prop_up(pending[0].popleft())

    def _advance(self, steps: deque[Step]) -> bool:
        """Whether all steps are done; one that does not work stops those behind it."""
        while steps and self.do(steps[0]):
            steps.popleft()
        return not steps

    def do(self, step: Step) -> bool:
        """Whether the command works and does what is wanted; only then it is done, and said."""
        verb, route = step
        if verb == "del":
            self.fib.remove(route)
        elif not self._leads_there(verb, route):
            return False
        self.lines.append(f"ip route {verb} {_words(route)}")
        return True

    def _leads_there(self, verb: str, route: FibRoute) -> bool:
        twin = self._added(verb, route)
        if twin is None:
            return False
        if _ways(twin) == _ways(route):
            return True
        self.fib.remove(twin)  # the gateway was found elsewhere
        return False

    def _added(self, verb: str, route: FibRoute) -> FibRoute | None:
        twin = _twin(route)
        try:
            self.fib.add(twin, exclusive=verb == "add", append=verb == "append")
        except NetError:
            return None
        return twin

    def _prop_up(self, step: Step) -> None:
        """Its user took away what the route was added on, and the route stayed, as it does in Linux."""
        props = [prop for wish in _props(step.route) if (prop := self._added("prepend", wish)) is not None]
        self.lines += [f"ip route prepend {_words(prop)}" for prop in props]
        if not self.do(step):  # no way is known; whoever replays it shall see the line
            self.lines.append(f"ip route {step.verb} {_words(step.route)}")
        for prop in reversed(props):
            self.do(Step("del", prop))


def _props(route: FibRoute) -> Iterator[FibRoute]:
    """Routes that make gateways reachable, and an address ours, for as long as the check takes."""
    info = route.info
    for hop in () if info.object else info.nexthops:
        if hop.gateway:
            in_own_table = route.table != RT_TABLE_MAIN and not hop.flags & RTNH_F_ONLINK
            way = FibInfo(RTN_UNICAST, (Nexthop(hop.dev),), scope=hop.scope)
            yield FibRoute(route.table if in_own_table else RT_TABLE_LOCAL, hop.gateway, HOST_LENGTH, way)
    if info.prefsrc and info.nexthops:
        owner = FibInfo(RTN_LOCAL, (Nexthop(info.nexthops[0].dev),), scope=RT_SCOPE_HOST)
        yield FibRoute(RT_TABLE_LOCAL, info.prefsrc, HOST_LENGTH, owner)


def _ways(route: FibRoute) -> list[tuple[Link | None, int]]:
    return [(hop.dev, hop.scope) for hop in route.info.nexthops]


def _twin(route: FibRoute) -> FibRoute:
    return FibRoute(route.table, route.prefix, route.prefixlen, route.info.as_given(), route.tos)


def _words(route: FibRoute) -> str:
    """In the order of `ip route show`; what `ip` fills in by itself is left out."""
    info = route.info
    several = len(info.nexthops) > 1 and info.object is None
    words = [] if info.type == RTN_UNICAST else [ROUTE_TYPES.name(info.type)]
    words.append(destination_text(route.prefix, route.prefixlen))
    if route.tos:
        words.append(f"tos {dsfield_name(route.tos)}")
    if info.object is not None:
        words.append(f"nhid {info.object.number}")
    elif info.nexthops and not several:
        words += _hop_words(info.nexthops[0])
    if route.table != usual_table(info.type):
        words.append(f"table {TABLES.name(route.table)}")
    if info.protocol != RTPROT_BOOT:
        words.append(f"proto {PROTOCOLS.name(info.protocol)}")
    has_gateway = several or info.object is not None or any(hop.gateway for hop in info.nexthops)
    if info.scope != usual_scope(info.type, has_gateway=has_gateway):
        words.append(f"scope {SCOPES.name(info.scope)}")
    if info.prefsrc:
        words.append(f"src {address_text(info.prefsrc)}")
    if info.priority:
        words.append(f"metric {info.priority}")
    if info.flags & RTNH_F_ONLINK:
        words.append("onlink")
    words += metric_words(info.metrics)
    for hop in info.nexthops if several else ():
        onlink = ["onlink"] if hop.flags & RTNH_F_ONLINK else []
        words += ["nexthop", *_hop_words(hop), f"weight {hop.weight}", *onlink]
    return " ".join(words)


def _hop_words(hop: Nexthop) -> list[str]:
    words = [f"via {address_text(hop.gateway)}"] if hop.gateway else []
    return words if hop.dev is None else [*words, f"dev {hop.dev.name}"]
