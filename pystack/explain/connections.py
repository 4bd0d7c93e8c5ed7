"""How a packet stands to its connection, and if to none, why not."""

from __future__ import annotations

from typing import Final

from pystack.applets.conntrack.text import address_text, flow_line
from pystack.explain.stage import Reason, Told, Traveller
from pystack.explain.watcher import Crossing
from pystack.netfilter import hooks as nf
from pystack.netfilter.conntrack.conn import tracked
from pystack.netfilter.conntrack.helper import helper_name
from pystack.netfilter.conntrack.icmp_errors import is_of_neighbours
from pystack.netfilter.conntrack.info import (
    IP_CT_ESTABLISHED,
    IP_CT_IS_REPLY,
    IP_CT_NEW,
    IP_CT_RELATED,
    IP_CT_UNTRACKED,
)
from pystack.netfilter.conntrack.snapshot import snapshot
from pystack.wire import ipv6

_FUNCTION: Final = "net/netfilter/nf_conntrack_core.c nf_conntrack_in()"
_STATES: Final = {IP_CT_NEW: "NEW", IP_CT_ESTABLISHED: "ESTABLISHED", IP_CT_RELATED: "RELATED"}
_OF_NEIGHBOURS: Final = "UNTRACKED, as all that neighbours say to each other"
_NOTHING: Final = "it belongs to no connection, and none begins so"


def classified(crossing: Crossing, traveller: Traveller) -> Told | None:
    """What was found behind PREROUTING or OUTPUT; None where nothing tracks connections."""
    tracking, pkt = crossing.netns.conntrack, crossing.pkt
    if crossing.hook not in (nf.PREROUTING, nf.OUTPUT) or not tracking.tracks(crossing.family):
        return None
    conn = tracked(pkt)
    if conn is None:
        if pkt.ctinfo == IP_CT_UNTRACKED:
            return Told(_OF_NEIGHBOURS if is_of_neighbours(pkt) else "UNTRACKED, as a rule said", _FUNCTION)
        return Told("INVALID", _FUNCTION, (Reason(traveller.misfit or _NOTHING),))
    state = _STATES[pkt.ctinfo % IP_CT_IS_REPLY]
    way = ", in reply" if pkt.ctinfo >= IP_CT_IS_REPLY else ""
    flow = snapshot(conn, tracking.context)
    reasons: tuple[Reason, ...] = () if state == "NEW" else (Reason(flow_line(flow)),)
    if conn.master is not None:
        master = flow_line(snapshot(conn.master, tracking.context))
        reasons += (Reason(f"{helper_name(conn.master)} expected it: {master}"),)
    return Told(f"{state}{way}", _FUNCTION, reasons)


def waits_for(crossing: Crossing) -> str:
    """A fragment is kept until the others are there, if connections are tracked; empty: it goes on.

    Linux: net/ipv4/netfilter/nf_defrag_ipv4.c, net/ipv6/netfilter/nf_defrag_ipv6_hooks.c
    """
    pkt, tracking = crossing.pkt, crossing.netns.conntrack
    if crossing.hook not in (nf.PREROUTING, nf.OUTPUT) or not tracking.tracks(crossing.family):
        return ""
    if pkt.ip is not None:
        return _fragments(pkt.ip.id, crossing.family, pkt.ip.saddr) if pkt.ip.is_fragment else ""
    found = ipv6.find_header(pkt.data, pkt.network_header, ipv6.NEXTHDR_FRAGMENT)
    if pkt.ip6 is None or not isinstance(found, ipv6.Found):
        return ""
    own = bytes(pkt.data[found.offset + 4 : found.offset + 8])
    return _fragments(int.from_bytes(own, "big"), crossing.family, pkt.ip6.saddr)


def _fragments(number: int, family: int, sender: int) -> str:
    return f"waits for the other fragments of datagram {number} from {address_text(family, sender)}"
