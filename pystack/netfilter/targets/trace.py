"""`-j TRACE`"""

from __future__ import annotations

from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.view import View


class Trace(Target):
    """Linux: net/netfilter/xt_TRACE.c"""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """From here on the packet is followed (trace.py)."""
        view.pkt.nf_trace = True
        return CONTINUE
