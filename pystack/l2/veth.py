"""A cable with two ends, which may lie in different namespaces."""

from __future__ import annotations

from typing import Final

from pystack.drop import NO_PEER, PKT_TOO_BIG
from pystack.l2.context import Link
from pystack.l2.ingress import eth_type_trans
from pystack.packet import Packet
from pystack.wire.vlan import TAG_LENGTH

_MARGIN: Final = TAG_LENGTH  # a tagged frame may be longer than the MTU by its tag


class Veth(Link):
    """Linux: drivers/net/veth.c"""

    kind = "veth"

    def __init__(self, name: str, address: bytes) -> None:
        super().__init__(name, address)
        self.peer: Veth | None = None
        self.carrier = False

    @staticmethod
    def join(left: Veth, right: Veth) -> None:
        """Make two devices the ends of one cable."""
        left.peer, right.peer = right, left

    @property
    def link_ifindex(self) -> int | None:
        """The peer."""
        return None if self.peer is None else self.peer.ifindex

    def transmit(self, pkt: Packet) -> None:
        """Linux: drivers/net/veth.c veth_xmit()"""
        peer, net = self.peer, self.net
        if peer is None or not peer.up:
            self.stats.tx_dropped += 1
            return net.drop(pkt, NO_PEER)
        length = len(pkt)
        if not pkt.offload.is_gso and length > peer.mtu + peer.hard_header_len + _MARGIN:
            self.stats.tx_dropped += 1
            return net.drop(pkt, PKT_TOO_BIG)
        pkt.dev = peer
        pkt.route = None  # Linux: skb_scrub_packet()
        pkt.physin = pkt.physout = None
        pkt.bridge_cb = None
        if peer.net is not net:
            pkt.mark, pkt.ct, pkt.sock = 0, None, None
        eth_type_trans(pkt)
        if not net.backlog.enqueue(pkt, net.drop):
            self.stats.tx_dropped += 1
            return
        self.stats.tx_packets += 1
        self.stats.tx_bytes += length
        peer.stats.rx_packets += 1
        peer.stats.rx_bytes += length
