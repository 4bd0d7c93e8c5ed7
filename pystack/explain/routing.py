"""Where a packet is routed, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import NetDevice
from pystack.errors import NetError
from pystack.explain.stage import Told
from pystack.l2.devices import Link
from pystack.l3.route import Rtable
from pystack.netns import Netns
from pystack.packet import Packet
from pystack.wire.ipv4 import Ipv4Header, address_text

ConfigOf = Callable[[object], str]

_INPUT: Final = "net/ipv4/route.c ip_route_input_slow()"
_OUTPUT: Final = "net/ipv4/route.c ip_route_output_key_hash_rcu()"


def routed_in(netns: Netns, pkt: Packet, header: Ipv4Header, config_of: ConfigOf) -> Told:
    """The decision about a packet that came in; asked just before it is made."""
    if isinstance(pkt.route, Rtable):
        return Told("kept: what comes over lo has its sender's route", _INPUT)
    dev = pkt.dev
    assert isinstance(dev, Link)
    found = netns.ipv4.router.route_input(header.daddr, header.saddr, header.tos, pkt.mark, dev)
    if not isinstance(found, Rtable):
        return Told(f"refused: {found.sentence}", _INPUT)
    return Told(_way(found, netns.loopback), _INPUT)


def routed_out(netns: Netns, pkt: Packet, header: Ipv4Header, config_of: ConfigOf) -> Told:
    """The decision that a packet made here came with."""
    route = pkt.route
    if not isinstance(route, Rtable):
        return Told("without a route", _OUTPUT)
    return Told(f"{_way(route, netns.loopback)}, source {address_text(header.saddr)}", _OUTPUT)


def _way(route: Rtable, loopback: NetDevice) -> str:
    if route.error:
        return f"nowhere: {NetError(route.error).text}"
    if route.is_input and route.dev is loopback:
        return "for this host"
    via = f" via {address_text(route.gateway)}" if route.gateway else ""
    return f"by {route.dev.name}{via}"
