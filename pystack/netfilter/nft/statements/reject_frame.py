"""`reject` in a bridge, and where a device receives: answers go back the way the frame came.

Linux: net/bridge/netfilter/nft_reject_bridge.c, net/netfilter/nft_reject_netdev.c
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.device import NetDevice
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_NETDEV
from pystack.netfilter.nft.needs import Devices
from pystack.netfilter.nft.view import carried
from pystack.netfilter.reject_packets import reset, reset_ipv6, unreachable, unreachable_ipv6
from pystack.netfilter.rule import Target
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_ALEN, ETH_P_IP, ETH_P_IPV6
from pystack.wire.virtio import DATA_VALID, NEEDS_CSUM

_VOUCHED: Final = NEEDS_CSUM | DATA_VALID
_HOP_LIMIT: Final = 64


class RejectFrame(Target):
    """With a code of each family; None: by TCP."""

    __slots__ = ("codes", "devices", "send")

    def __init__(
        self, devices: Devices, send: Callable[[Packet, NetDevice], None], codes: Mapping[int, int] | None
    ) -> None:
        """`send`: how an answer leaves by the device by which the frame came"""
        self.devices = devices
        self.send = send
        self.codes = codes

    def apply(self, view: View) -> int:
        """What was for many gets no answer. Linux: nft_reject_bridge_eval(), nft_reject_netdev_eval()"""
        pkt, dev = view.pkt, view.indev
        link = bytes(pkt.data[pkt.mac_header : view.start])
        if dev is not None and not link[0] & 1:
            answer = self._answer(view)
            if answer is not None:
                ends = link[ETH_ALEN : 2 * ETH_ALEN] + link[:ETH_ALEN]
                self.send(self.devices.make(ends + _behind(view, link) + answer, dev), dev)
        return NF_DROP

    def _answer(self, view: View) -> bytes | None:
        packet, kind = bytes(view.pkt.data[view.start :]), carried(view)
        vouched = bool(view.pkt.offload.flags & _VOUCHED)
        if kind == ETH_P_IP:
            ttl = self.devices.default_ttl()
            if self.codes is None:
                return reset(packet, ttl, vouched=vouched)
            return unreachable(packet, self.codes[NFPROTO_IPV4], ttl, vouched=vouched)
        if kind != ETH_P_IPV6:
            return None
        if self.codes is None:
            return reset_ipv6(packet, _HOP_LIMIT, vouched=vouched)
        return unreachable_ipv6(packet, self.codes[NFPROTO_IPV6], _HOP_LIMIT, vouched=vouched)


def _behind(view: View, link: bytes) -> bytes:
    """What stands behind the addresses; a tag does not come back where a device receives."""
    if view.family == NFPROTO_NETDEV:
        return carried(view).to_bytes(2, "big")
    return link[2 * ETH_ALEN :]
