"""`-j REJECT`: dropped, and the sender is told."""

from __future__ import annotations

from typing import Final

from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Target
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View

TCP_RESET: Final = -1


class Reject(Target):
    """Linux: net/ipv4/netfilter/ipt_REJECT.c"""

    __slots__ = ("_path", "code")

    def __init__(self, path: Path, code: int) -> None:
        self._path = path
        self.code = code  # of ICMP's destination unreachable, or TCP_RESET

    def apply(self, view: View) -> int:
        """Tell, and drop."""
        if self.code == TCP_RESET:
            self._path.reset(view.pkt)
        else:
            self._path.unreachable(view.pkt, self.code)
        return NF_DROP
