"""`-j TRACE`"""

from __future__ import annotations

import zlib

from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.view import View
from pystack.packet import Packet


class Trace(Target):
    """Linux: net/netfilter/xt_TRACE.c"""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """From here on the packet is followed (trace.py, trace_nft.py)."""
        follow(view.pkt)
        return CONTINUE


def follow(pkt: Packet) -> None:
    """Give a packet a number, if it has none.

    Linux differs: its number comes from where the packet lies in memory.
    """
    pkt.nf_trace = pkt.nf_trace or zlib.crc32(bytes(pkt.payload())) or 1
