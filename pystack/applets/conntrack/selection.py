"""Which connections a command is about."""

from __future__ import annotations

from pystack.applets.conntrack.options import Options
from pystack.netfilter.conntrack.snapshot import Snapshot


def is_meant(flow: Snapshot, options: Options) -> bool:
    """Linux: libnetfilter_conntrack nfct_cmp() with NFCT_CMP_MASK, conntrack-tools nfct_filter()"""
    if options.family not in (0, flow.original.family):
        return False
    if options.protocol not in (None, flow.original.protocol):
        return False
    return _tuples_match(flow, options) and _rest_matches(flow, options)


def _tuples_match(flow: Snapshot, options: Options) -> bool:
    for (direction, field), (network, mask) in options.addresses.items():
        if getattr(getattr(flow, direction), field) & mask != network:
            return False
    for (direction, field), port in options.ports.items():
        if getattr(getattr(flow, direction), field) != port:
            return False
    of_icmp = {
        "icmp-type": flow.original.dport >> 8,
        "icmp-code": flow.original.dport & 255,
        "icmp-id": flow.original.sport,
    }
    return all(of_icmp[name] == wanted for name, wanted in options.icmp.items())


def _rest_matches(flow: Snapshot, options: Options) -> bool:
    if options.state not in (None, flow.state):
        return False
    if flow.status & options.status != options.status or flow.status & options.unset:
        return False
    if options.nat and not flow.status & options.nat:
        return False
    if options.mark is not None and flow.mark & options.mark[1] != options.mark[0]:
        return False
    zones = {"zone": flow.zone, "orig": flow.original.zone, "reply": flow.reply.zone}
    return all(zones[name] == wanted for name, wanted in options.zones.items())
