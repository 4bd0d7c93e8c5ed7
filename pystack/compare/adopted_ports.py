"""From where a port is looked for, so that the search ends where the other side's ended."""

from __future__ import annotations

from pystack.netfilter.conntrack.tuples import WITH_ID, read
from pystack.netfilter.nat.ranges import MANIP_SRC


def draw_for(reply: bytes, manip: int, low: int) -> int:
    """What to draw, given the other side's reply tuple. Linux: nf_nat_l4proto_unique_tuple()"""
    answer = read(reply)
    is_id = answer.protocol in WITH_ID
    port = answer.dport if manip == MANIP_SRC and not is_id else answer.sport
    return port - low & 0xFFFF
