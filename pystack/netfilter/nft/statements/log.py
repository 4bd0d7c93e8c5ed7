"""`log prefix "…"`: a line of the kernel's log.

Linux: net/netfilter/nft_log.c
"""

from __future__ import annotations

from collections.abc import Callable

from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.log_netdev import frame_line
from pystack.netfilter.log_text import ip_line
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


class Log(Match):
    """To whoever reads the log; to a group: Acting(Nflog)."""

    __slots__ = ("_printk", "flags", "prefix")

    def __init__(self, printk: Callable[[str], None], prefix: str, flags: int) -> None:
        self._printk = printk
        self.prefix = prefix
        self.flags = flags

    def __call__(self, view: View) -> bool:
        """Linux: nft_log_eval(), net/netfilter/nf_log.c nf_log_packet()"""
        pkt = view.pkt
        is_read = pkt.ip is not None or pkt.ip6 is not None
        if is_read and view.family in (NFPROTO_IPV4, NFPROTO_IPV6):
            line = ip_line(self.prefix, self.flags, pkt, view.indev, view.outdev)
        else:
            line = frame_line(self.prefix, self.flags, view)
        self._printk(line)
        return True
