"""The points at which both sides of a comparison are observed: before and after each table of each hook.

One table, for the NFLOG rules in the kernel and for pystack's own hooks, so that hops compare one to one; the
last point that saw a packet says in which gap it was lost. A gap that no table or other function can fill has
no point, because every point costs the kernel a message for every packet.

What a hop carries follows from what NFLOG can show:

- `data` begins at the link header where `link` is true, else at the network header: IP hooks show no link
  header.
- in the bridge family `in` and `out` are ports, as a LOG line has them (NFLOG calls those physin and
  physout), and physin and physout are None; in the other families all four are what LOG prints as IN OUT
  PHYSIN PHYSOUT.
- a name that is empty in a LOG line is None; a mark of 0 is 0.
- `packet` counts from 1 in a scenario, in the order in which packets were first seen at a point: a frame that
  entered by a port, or something the stack made. Clones of a flood, and what one becomes by rewriting,
  routing, or reassembly of its last fragment, keep its number; an answer is a new packet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from pystack.compare.records import Hop
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, ETH_P_IPV6


@dataclass(frozen=True, slots=True)
class Point:
    """One place to look at packets from."""

    family: str  # netdev, bridge, arp, ip, ip6
    hook: str  # as LOG rules and chains name it: PREROUTING …, INGRESS, EGRESS
    priority: int
    after: str  # what has just happened to the packet
    link: bool  # whether its bytes begin at the link header

    @property
    def name(self) -> str:
        """How a chain, a log prefix or a report calls it: `bridge/FORWARD/-150`."""
        return f"{self.family}/{self.hook}/{self.priority}"


def _points(family: str, hook: str, link: bool, *gaps: tuple[int, str]) -> tuple[Point, ...]:
    return tuple(Point(family, hook, priority, after, link) for priority, after in gaps)


# Priorities of tables: ebtables nat -300 (OUTPUT 100, POSTROUTING 300), filter -200 (ebtables-legacy OUTPUT
# 200), br_netfilter 0 at PREROUTING and FORWARD, behind everything at POSTROUTING; arptables 0; ip: defrag
# -400, raw -300, conntrack -200, mangle -150, dnat -100, filter 0, security 50, snat 100.
# Linux: include/uapi/linux/netfilter_bridge.h, netfilter_ipv4.h
POINTS: Final = (
    *_points("netdev", "INGRESS", True, (-500, "the driver")),
    *_points("netdev", "EGRESS", True, (500, "the stack")),
    *_points("bridge", "PREROUTING", True, (-1000, "the port"), (-250, "nat"), (50, "br_netfilter")),
    *_points("bridge", "INPUT", True, (-1000, "the FDB"), (-150, "filter")),
    *_points("bridge", "FORWARD", True, (-1000, "the FDB"), (-150, "filter"), (50, "br_netfilter")),
    *_points(
        "bridge", "OUTPUT", True, (-1000, "the FDB"), (-150, "filter"), (150, "nat"), (250, "legacy filter")
    ),
    *_points("bridge", "POSTROUTING", True, (-1000, "OUTPUT or FORWARD"), (350, "nat")),
    *_points("arp", "INPUT", True, (-100, "the device"), (100, "filter")),
    *_points("arp", "OUTPUT", True, (-100, "the neighbour table"), (100, "filter")),
    *_points("ip", "PREROUTING", False, (-450, "the device"), (-250, "raw"), (-120, "mangle"), (-60, "nat")),
    *_points("ip", "INPUT", False, (-450, "routing"), (-120, "mangle"), (40, "filter"), (400, "nat")),
    *_points("ip", "FORWARD", False, (-450, "routing"), (-120, "mangle"), (40, "filter"), (400, "security")),
    *_points("ip", "OUTPUT", False, (-450, "routing"), (-250, "raw"), (-120, "mangle"), (-60, "nat")),
    *_points("ip", "OUTPUT", False, (40, "filter"), (400, "security")),
    *_points("ip", "POSTROUTING", False, (-450, "OUTPUT or FORWARD"), (-120, "mangle"), (400, "nat")),
    *_points("ip6", "PREROUTING", False, (-450, "the device"), (-250, "raw"), (-120, "mangle"), (-60, "nat")),
    *_points("ip6", "FORWARD", False, (-450, "the FDB"), (-120, "mangle"), (40, "filter"), (400, "security")),
    *_points("ip6", "POSTROUTING", False, (-450, "FORWARD"), (-120, "mangle"), (400, "nat")),
)

# Where packets of IPv6 begin that somebody on a live host sends: they are seen there, and not modelled here.
SENT_IPV6: Final = Point("ip6", "OUTPUT", -450, "routing", link=False)
NUMBERED: Final = (*POINTS, SENT_IPV6)  # as reports name them

# Which hook families show the packets of a scenario's `family`; of IPv6 there is only what crosses bridges.
SHOWN_BY: Final = {"ip": ("netdev", "bridge", "arp", "ip"), "ip6": ("netdev", "bridge", "ip6")}


def points_of(families: Collection[str]) -> Iterator[Point]:
    """The points that a scenario of these protocol families is observed at, in the table's order."""
    shown = {family for protocol in families for family in SHOWN_BY[protocol]}
    return (point for point in POINTS if point.family in shown)


_TYPES: Final = {4: ETH_P_IP, 6: ETH_P_IPV6}
_SHOWS_LINK: Final = {(point.family, point.hook): point.link for point in NUMBERED}


def framed(hop: Hop) -> bytes:
    """A hop's bytes with a link header in front, blank where the hop itself shows none."""
    if _SHOWS_LINK.get((hop.family, hop.hook), True):
        return hop.data
    version = hop.data[0] >> 4 if hop.data else 0
    return bytes(12) + _TYPES.get(version, ETH_P_ARP).to_bytes(2, "big") + hop.data
