"""lo: what is sent is received."""

from __future__ import annotations

from pystack.device import ARPHRD_LOOPBACK, IFF_LOOPBACK
from pystack.l2.devices import Link
from pystack.l2.ingress import eth_type_trans
from pystack.packet import Packet
from pystack.wire.ethernet import ZERO


class Loopback(Link):
    """Linux: drivers/net/loopback.c"""

    type = ARPHRD_LOOPBACK
    min_mtu = 0
    max_mtu = 0  # unlimited
    netns_local = True

    def __init__(self) -> None:
        super().__init__("lo", ZERO, mtu=65536)
        self.flags = IFF_LOOPBACK
        self.broadcast = ZERO

    def transmit(self, pkt: Packet) -> None:
        """Linux: drivers/net/loopback.c loopback_xmit()"""
        pkt.sock = None  # Linux: skb_orphan(); mark, connection and route stay
        eth_type_trans(pkt)
        octets = len(pkt.data) - pkt.network_header
        if not self.net.backlog.enqueue(pkt, self.net.drop):
            return
        stats = self.stats
        stats.tx_packets += 1
        stats.rx_packets += 1
        stats.tx_bytes += octets
        stats.rx_bytes += octets
