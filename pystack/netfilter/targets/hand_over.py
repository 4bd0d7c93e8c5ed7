"""Targets that hand a packet, or a copy of it, to somebody else: NFLOG, NFQUEUE, TEE; and CHECKSUM."""

from __future__ import annotations

from pystack.netfilter.needs import Path
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View


class Nflog(Target):
    """`-j NFLOG`: whoever listens to the group gets the packet. Linux: net/netfilter/xt_NFLOG.c"""

    __slots__ = ("_path", "family", "group", "prefix", "size")

    def __init__(self, path: Path, family: int, group: int, prefix: str, size: int | None) -> None:
        self._path = path
        self.family = family
        self.group = group
        self.prefix = prefix
        self.size = size  # octets; None: all

    def apply(self, view: View) -> int:
        """Tell, and let the packet go on."""
        self._path.nflog(self.family, self.group, self.prefix, view, self.size)
        return CONTINUE


class Queue(Target):
    """`-j NFQUEUE`: nobody in a stack of ours listens to a queue.

    Linux: net/netfilter/nf_queue.c nf_queue(), __nf_queue() without a handler
    """

    __slots__ = ("bypass",)

    def __init__(self, *, bypass: bool) -> None:
        self.bypass = bypass

    def apply(self, view: View) -> int:
        """Dropped, unless the rule says that it may pass then."""
        return NF_ACCEPT if self.bypass else NF_DROP


class Tee(Target):
    """`-j TEE`: a copy goes to another host. Linux: net/netfilter/xt_TEE.c"""

    __slots__ = ("_path", "gateway", "oif")

    def __init__(self, path: Path, gateway: int, oif: str) -> None:
        self._path = path
        self.gateway = gateway
        self.oif = oif

    def apply(self, view: View) -> int:
        """Send it, and let the packet go on."""
        self._path.duplicate(view.pkt, view.hook, self.gateway, self.oif)
        return CONTINUE


class FillChecksum(Target):
    """`-j CHECKSUM --checksum-fill`: what a device would do is done now.

    Linux: net/netfilter/xt_CHECKSUM.c
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def apply(self, view: View) -> int:
        """Only a sum that is owed for a packet that is not large."""
        offload = view.pkt.offload
        if offload.needs_checksum and not offload.is_gso:
            self._path.finish_checksum(view.pkt)
        return CONTINUE
