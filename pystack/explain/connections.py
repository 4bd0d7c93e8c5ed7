"""How a packet stands to its connection, and if to none, why not."""

from __future__ import annotations

from typing import Final

from pystack.applets.conntrack.text import flow_line
from pystack.explain.stage import Reason, Told, Traveller
from pystack.explain.watcher import Crossing
from pystack.netfilter import hooks as nf
from pystack.netfilter.conntrack.conn import tracked
from pystack.netfilter.conntrack.helper import helper_name
from pystack.netfilter.conntrack.info import (
    IP_CT_ESTABLISHED,
    IP_CT_IS_REPLY,
    IP_CT_NEW,
    IP_CT_RELATED,
    IP_CT_UNTRACKED,
)
from pystack.netfilter.conntrack.snapshot import snapshot

_FUNCTION: Final = "net/netfilter/nf_conntrack_core.c nf_conntrack_in()"
_STATES: Final = {IP_CT_NEW: "NEW", IP_CT_ESTABLISHED: "ESTABLISHED", IP_CT_RELATED: "RELATED"}
_NOTHING: Final = "it belongs to no connection, and none begins so"


def classified(crossing: Crossing, traveller: Traveller) -> Told | None:
    """What was found behind PREROUTING or OUTPUT; None where nothing tracks connections."""
    if crossing.family != nf.NFPROTO_IPV4 or crossing.hook not in (nf.PREROUTING, nf.OUTPUT):
        return None
    tracking, pkt = crossing.netns.conntrack, crossing.pkt
    if not tracking.is_on:
        return None
    conn = tracked(pkt)
    if conn is None:
        if pkt.ctinfo == IP_CT_UNTRACKED:
            return Told("UNTRACKED, as a rule said", _FUNCTION)
        return Told("INVALID", _FUNCTION, (Reason(traveller.misfit or _NOTHING),))
    state = _STATES[pkt.ctinfo % IP_CT_IS_REPLY]
    way = ", in reply" if pkt.ctinfo >= IP_CT_IS_REPLY else ""
    flow = snapshot(conn, tracking.context)
    reasons: tuple[Reason, ...] = () if state == "NEW" else (Reason(flow_line(flow)),)
    if conn.master is not None:
        master = flow_line(snapshot(conn.master, tracking.context))
        reasons += (Reason(f"{helper_name(conn.master)} expected it: {master}"),)
    return Told(f"{state}{way}", _FUNCTION, reasons)
