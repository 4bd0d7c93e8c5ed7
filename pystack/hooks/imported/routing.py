"""Addresses, nexthop objects, routes and rules.

Routes that come with addresses are not said again: the listing of ours, once it has the addresses, is held
against the kernel's, and only the difference becomes commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from pystack.applets.iproute.names import ROUTE_TYPES
from pystack.applets.virtual import run
from pystack.hooks.imported.building import STDIN, Building, portions
from pystack.hooks.imported.seen import Row

ROUTES: Final = ("ip", "-4", "-N", "route", "show", "table", "all")
RULES: Final = ("ip", "-4", "-N", "rule")
_FOREVER: Final = 0xFFFFFFFF
_STATES: Final = frozenset(("linkdown", "dead", "offload", "rt_offload", "trap", "rt_trap", "notify"))
_LOOPBACK: Final = "lo"
_OF_LINUX_ALONE: Final = ("encap", "fdb")  # kinds of nexthop objects
_LOOKED_AT: Final = 1000  # routes at once, while others wait for their turn
_ADDED: Final = 100  # likewise
_MOST_NAMED: Final = 5  # of what is left out for one and the same reason


def give_addresses(building: Building, row: Row) -> None:
    """Those of one device, the eldest first."""
    for told in row.get("addr_info", []):
        if row["ifname"] == "lo" and told["local"] == "127.0.0.1" and told["prefixlen"] == 8:
            continue  # comes when it goes up
        argv = ["ip", "address", "add", *_address_words(told), "dev", row["ifname"]]
        building.do(argv, what=f"address {told['local']} of {row['ifname']}")


def _address_words(told: Row) -> Iterator[str]:
    if "address" in told:
        yield from (told["local"], "peer", f"{told['address']}/{told['prefixlen']}")
    else:
        yield f"{told['local']}/{told['prefixlen']}"
    if "broadcast" in told:
        yield from ("broadcast", told["broadcast"])
    yield from ("scope", str(told["scope"]))
    if "label" in told:
        yield from ("label", told["label"])
    if told.get("metric"):
        yield from ("metric", str(told["metric"]))
    for word, key in (("valid_lft", "valid_life_time"), ("preferred_lft", "preferred_life_time")):
        if told.get(key, _FOREVER) != _FOREVER:
            yield from (word, str(told[key]))
    if told.get("noprefixroute"):
        yield "noprefixroute"


def add_nexthops(building: Building, rows: list[Row]) -> None:
    """Groups behind what they are made of."""
    for row in sorted(rows, key=lambda row: "group" in row):
        words = list(_nexthop_words(row))
        if ":" in row.get("gateway", "") or _is_of_ipv6_by_scope(row):
            building.left_out.append(f"nexthop {row['id']}: IPv6 is bridged, not routed")
        elif not building.knows(row.get("dev", _LOOPBACK)):
            building.left_out.append(f"nexthop {row['id']}: its device is not modelled")
        else:
            building.do(["ip", "nexthop", "add", "id", str(row["id"]), *words], what=f"nexthop {row['id']}")


def _is_of_ipv6_by_scope(row: Row) -> bool:
    """Without a gateway, one of IPv4 reaches as far as the host itself: nobody else tells them apart."""
    return "dev" in row and "gateway" not in row and row.get("scope") != "host"


def _nexthop_words(row: Row) -> Iterator[str]:
    if "blackhole" in row:
        yield "blackhole"
    if "group" in row:
        members = (f"{member['id']},{member.get('weight', 1)}" for member in row["group"])
        yield from ("group", "/".join(members))
        yield from ("type", row.get("type", "mpath"))
    for word, key in (("via", "gateway"), ("dev", "dev"), ("protocol", "protocol")):
        if key in row:
            yield from (word, row[key])
    if "onlink" in row.get("flags", ()):
        yield "onlink"
    yield from (word for word in _OF_LINUX_ALONE if word in row)


def add_routes(building: Building, listing: str) -> Iterator[None]:
    """What is beyond the routes of addresses, in the order of the listing, gateways behind their networks."""
    wanted: list[str] = []
    for portion in portions(routes_of(listing), _LOOKED_AT):
        wanted += portion
        yield
    standing = Counter(_routes_of_ours(building))
    for route in (Counter(standing) - Counter(wanted)).elements():
        building.do(["ip", "route", "del", *route.split()], what=f"route {route}")
    missing = Counter(wanted) - standing
    known: list[str] = []
    strange: list[str] = []
    for portion in portions(dict.fromkeys(wanted), _LOOKED_AT):
        for route in portion:
            where = known if _names_known_devices(building, route) else strange
            where += [route] * missing[route]
        yield
    known.sort(key=lambda route: "via " in route)
    yield from _in_few_goes(building, [f"route append {route}" for route in known])
    _left_out(building, strange)


def routes_of(listing: str) -> Iterator[str]:
    """The words of each, without what the kernel only observes."""
    for line in listing.replace("\n\tnexthop", " nexthop").splitlines():
        words = _by_object([word for word in line.split() if word not in _STATES])
        if words and words[0].isdecimal():  # ip -N says numbers for types too, and takes none
            words[0] = ROUTE_TYPES.name(int(words[0]))
        if words:
            yield " ".join(words)


def _by_object(words: list[str]) -> list[str]:
    """A route that names a nexthop object names its hops too, which nobody may do who adds one."""
    if "nhid" not in words:
        return words
    kept = words[: words.index("nexthop")] if "nexthop" in words else list(words)
    for word in ("via", "dev"):
        if word in kept:
            del kept[kept.index(word) : kept.index(word) + 2]
    return kept


def _routes_of_ours(building: Building) -> list[str]:
    return list(routes_of(run(ROUTES, building.host, building.netns).out))


def _names_known_devices(building: Building, route: str) -> bool:
    words = route.split()
    devices = [name for word, name in pairwise(words) if word == "dev"]
    return all(map(building.knows, devices))


def _in_few_goes(building: Building, commands: list[str]) -> Iterator[None]:
    """As `ip -batch` does it; what is refused then is asked again alone, to be named."""
    doubtful: list[str] = []
    for portion in portions(commands, _ADDED):
        if not building.tries(["ip", "-force", "-batch", STDIN], "\n".join(portion) + "\n"):
            doubtful += portion
        yield
    standing = Counter(_routes_of_ours(building) if doubtful else ())
    for command in doubtful:
        route = command.removeprefix("route append ")
        if standing[route]:
            standing[route] -= 1
        else:
            building.do(["ip", *command.split()], what=f"route {route}")


def _left_out(building: Building, routes: list[str]) -> None:
    for route in routes[:_MOST_NAMED]:
        building.left_out.append(f"route {route}: its device is not modelled")
    if len(routes) > _MOST_NAMED:
        building.left_out.append(f"{len(routes) - _MOST_NAMED} more routes: their devices are not modelled")


def add_rules(building: Building, listing: str) -> None:
    """Rules that are not those of the beginning, and the beginning's that are gone."""
    wanted, standing = (
        list(_rules_of(listing)),
        list(_rules_of(run(RULES, building.host, building.netns).out)),
    )
    for preference, words in standing:
        if (preference, words) not in wanted:
            building.do(["ip", "rule", "del", "pref", preference], what=f"rule {preference}")
    for preference, words in wanted:
        if (preference, words) not in standing:
            building.do(["ip", "rule", "add", *words.split(), "pref", preference], what=f"rule {preference}")


def _rules_of(listing: str) -> Iterator[tuple[str, str]]:
    for line in listing.splitlines():
        preference, _, words = line.partition(":")
        yield preference, " ".join(words.replace("[detached]", "").replace("[unresolved]", "").split())
