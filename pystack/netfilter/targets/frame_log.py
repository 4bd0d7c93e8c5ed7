"""`--log` and `--nflog`: watchers, which tell of a frame and decide nothing.

In a rule of nft they stand among the tests, and tell where they stand; in one of a legacy table all tests
come before them.
"""

from __future__ import annotations

from pystack.netfilter.hooks import NFPROTO_BRIDGE
from pystack.netfilter.log_frame import frame_line
from pystack.netfilter.needs import BridgePath
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


class LogFrame(Match):
    """Linux: net/bridge/netfilter/ebt_log.c"""

    __slots__ = ("_path", "flags", "prefix")

    def __init__(self, path: BridgePath, prefix: str, flags: int) -> None:
        self._path = path
        self.prefix = prefix
        self.flags = flags

    def __call__(self, view: View) -> bool:
        """Write a line to the kernel's log."""
        self._path.printk(frame_line(self.prefix, self.flags, view))
        return True


class NflogFrame(Match):
    """Linux: net/bridge/netfilter/ebt_nflog.c"""

    __slots__ = ("_path", "group", "prefix", "size")

    def __init__(self, path: BridgePath, group: int, prefix: str, size: int | None) -> None:
        self._path = path
        self.group = group
        self.prefix = prefix
        self.size = size  # octets; None: all

    def __call__(self, view: View) -> bool:
        """Hand it to whoever listens to the group."""
        self._path.nflog(NFPROTO_BRIDGE, self.group, self.prefix, view, self.size)
        return True
