"""Which link address a packet gets, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import IFF_LOOPBACK, IFF_NOARP
from pystack.explain.stage import Reason, Told
from pystack.l2.devices import Link
from pystack.l2.neigh_table import NeighTable
from pystack.l2.nud import NAMES, NUD_CONNECTED, NUD_DELAY, NUD_INCOMPLETE, NUD_PROBE, NUD_STALE, NUD_VALID
from pystack.wire.ethernet import BROADCAST, mac_text
from pystack.wire.ipv4 import INADDR_BROADCAST, address_text, is_multicast

_FUNCTION: Final = "net/core/neighbour.c neigh_resolve_output()"
_SENT: Final = {
    NUD_STALE: "it is believed for now; somebody is to confirm it soon",
    NUD_DELAY: "it is believed while somebody may still confirm it",
    NUD_PROBE: "it is believed while it is being asked",
}


def waits_for(table: NeighTable, dev: Link, nexthop: int, is_broadcast: bool) -> str:
    """What keeps a packet from leaving at once; empty if nothing does."""
    if dev.flags & (IFF_LOOPBACK | IFF_NOARP) or is_broadcast or is_multicast(nexthop):
        return ""
    known = table.lookup(dev, nexthop)
    if known is not None and known.state & NUD_VALID:
        return ""
    return f"waits for the link address of {address_text(nexthop)} on {dev.name}"


def resolves(
    table: NeighTable, dev: Link, nexthop: int, is_broadcast: bool, config_of: Callable[[object], str]
) -> Told:
    """How the link address of a next hop is found; asked just before the packet goes there."""
    if dev.flags & IFF_LOOPBACK:
        return Told("no link address is needed on lo", _FUNCTION)
    if dev.flags & IFF_NOARP:
        return Told(f"{dev.name} does without link addresses (NOARP)", _FUNCTION)
    if is_broadcast or nexthop == INADDR_BROADCAST:
        return Told(f"to {mac_text(BROADCAST)}: an IP broadcast", _FUNCTION)
    if is_multicast(nexthop):
        return Told("to the group's own link address (RFC 1112)", _FUNCTION)
    known = table.lookup(dev, nexthop)
    if known is None:
        why = Reason(f"nobody is known as {address_text(nexthop)} on {dev.name}")
        return Told("waits: the neighbour is asked for by ARP", _FUNCTION, (why,))
    state, config = NAMES.get(known.state, str(known.state)), config_of(known)
    if known.state & (NUD_CONNECTED | NUD_STALE | NUD_DELAY | NUD_PROBE):
        more = (Reason(_SENT[known.state]),) if known.state in _SENT else ()
        return Told(f"{address_text(nexthop)} is at {mac_text(known.ha)} ({state})", _FUNCTION, more, config)
    if known.state == NUD_INCOMPLETE:
        why = Reason(f"{address_text(nexthop)} was asked for already, {len(known.queue)} packets wait")
        return Told("waits for the answer to an ARP request", _FUNCTION, (why,))
    return Told(f"asks again for {address_text(nexthop)} ({state})", _FUNCTION)
