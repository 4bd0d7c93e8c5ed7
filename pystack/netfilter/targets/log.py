"""`-j LOG`: a line of the kernel's log."""

from __future__ import annotations

from pystack.netfilter.log_text import ip_line
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.view import View


class Log(Target):
    """Linux: net/netfilter/xt_LOG.c"""

    __slots__ = ("_path", "flags", "prefix")

    def __init__(self, path: Path, prefix: str, flags: int) -> None:
        self._path = path
        self.prefix = prefix
        self.flags = flags

    def apply(self, view: View) -> int:
        """Write it, and let the packet go on."""
        self._path.printk(ip_line(self.prefix, self.flags, view.pkt, view.indev, view.outdev))
        return CONTINUE
