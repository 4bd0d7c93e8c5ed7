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
    """To whoever reads the log."""

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


class LogToGroup(Match):
    """`log group 2`: whoever listens to it gets the packet. Linux: net/netfilter/nfnetlink_log.c"""

    __slots__ = ("_nflog", "group", "prefix", "size")

    def __init__(
        self,
        nflog: Callable[[int, int, str, View, int | None], None],
        group: int,
        prefix: str,
        size: int | None,
    ) -> None:
        self._nflog = nflog
        self.group = group
        self.prefix = prefix
        self.size = size  # octets; None: all

    def __call__(self, view: View) -> bool:
        """Hand it over, as it is now."""
        self._nflog(view.family, self.group, self.prefix, view, self.size)
        return True


class ToAudit(Match):
    """`log level audit`: nobody keeps an audit's log here. Linux: nft_log_eval_audit()"""

    __slots__ = ()

    def __call__(self, view: View) -> bool:
        """As a kernel whose audit is off."""
        return True
