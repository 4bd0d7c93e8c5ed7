"""`reject`: dropped, and the sender is told, in IPv4 and IPv6.

Linux: net/netfilter/nft_reject.c, nft_reject_inet.c
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Target
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View

# ICMP's codes, and ICMPv6's, by those of icmpx. Linux: nft_reject_icmp_code(), nft_reject_icmpv6_code()
ICMPX: Final[Mapping[int, tuple[int, ...]]] = {NFPROTO_IPV4: (0, 3, 1, 13), NFPROTO_IPV6: (0, 4, 3, 1)}


class Reject(Target):
    """With a code of each family; None: by TCP."""

    __slots__ = ("codes", "paths")

    def __init__(self, paths: Mapping[int, Path], codes: Mapping[int, int] | None) -> None:
        self.paths = paths
        self.codes = codes

    def apply(self, view: View) -> int:
        """Linux: nft_reject_inet_eval()"""
        path = self.paths.get(view.family)
        if path is not None and self.codes is None:
            path.reset(view.pkt)
        elif path is not None and self.codes is not None:
            path.unreachable(view.pkt, self.codes[view.family])
        return NF_DROP
