"""`-j TRACE`"""

from __future__ import annotations

import zlib

from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.view import View


class Trace(Target):
    """Linux: net/netfilter/xt_TRACE.c"""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """From here on the packet is followed (trace.py, trace_nft.py).

        Linux differs: its number comes from where the packet lies in memory.
        """
        view.pkt.nf_trace = view.pkt.nf_trace or zlib.crc32(bytes(view.pkt.payload())) or 1
        return CONTINUE
