"""A cable with two ends, which may lie in different namespaces."""

from __future__ import annotations

from typing import Final

from pystack.drop import HDR_TRUNC, NO_PEER, PKT_TOO_BIG
from pystack.l2.devices import Link
from pystack.l2.ingress import eth_type_trans
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.vlan import TAG_LENGTH, tag_length

_MARGIN: Final = TAG_LENGTH  # a tagged frame may be longer than the MTU by its tag


class Veth(Link):
    """Linux: drivers/net/veth.c"""

    kind = "veth"

    def __init__(self, name: str, address: bytes) -> None:
        super().__init__(name, address)
        self.peer: Veth | None = None

    @staticmethod
    def join(left: Veth, right: Veth) -> None:
        """Make two registered devices the ends of one cable. Linux: drivers/net/veth.c veth_newlink()"""
        left.peer, right.peer = right, left
        for end in (right, left):
            end.devices.set_carrier(end, False)

    @property
    def lower_is_down(self) -> bool:
        """The other end, seen only from within the same namespace."""
        return self.peer is not None and self.peer.net is self.net and not self.peer.carrier

    def open(self) -> None:
        """The cable carries once both ends are up. Linux: drivers/net/veth.c veth_open()"""
        if self.peer is not None and self.peer.up:
            self._set_carrier(True)

    def stop(self) -> None:
        """Linux: drivers/net/veth.c veth_close()"""
        self._set_carrier(False)

    def _set_carrier(self, carrier: bool) -> None:
        for end in (self, self.peer):
            if end is not None:
                end.devices.set_carrier(end, carrier)

    def uninit(self) -> None:
        """One end takes the other along. Linux: drivers/net/veth.c veth_dellink()"""
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer = None
            peer.devices.unregister(peer)

    def transmit(self, pkt: Packet) -> None:
        """Linux: drivers/net/veth.c veth_xmit()"""
        peer = self.peer
        if peer is None:
            self.stats.tx_dropped += 1
            return self.net.drop(pkt, NO_PEER)
        length = len(pkt) - tag_length(pkt.protocol)
        if length < ETH_HLEN:
            self.stats.tx_dropped += 1
            return self.net.drop(pkt, HDR_TRUNC)
        if not self._is_forwardable(pkt, peer, length):
            return
        _scrub(pkt, crosses=peer.net is not self.net)
        pkt.dev = peer
        eth_type_trans(pkt)
        if not self.net.backlog.enqueue(pkt, peer.net.drop):
            self.stats.tx_dropped += 1
            return
        self.stats.tx_packets += 1
        self.stats.tx_bytes += length
        peer.stats.rx_packets += 1
        peer.stats.rx_bytes += length

    def _is_forwardable(self, pkt: Packet, peer: Veth, length: int) -> bool:
        """Linux: include/linux/netdevice.h ____dev_forward_skb()"""
        if not peer.up:
            reason = NO_PEER
        elif length > peer.mtu + peer.hard_header_len + _MARGIN and not pkt.offload.is_gso:
            reason = PKT_TOO_BIG
        else:
            return True
        self.stats.tx_dropped += 1
        peer.stats.rx_dropped += 1
        self.net.drop(pkt, reason)
        return False


def _scrub(pkt: Packet, *, crosses: bool) -> None:
    """Take off what the other end must not know; the mark is kept within one namespace.

    Linux: net/core/skbuff.c skb_scrub_packet()
    """
    pkt.ip = pkt.ip6 = pkt.route = pkt.ct = pkt.trace = None
    pkt.physin = pkt.physout = pkt.bridge_cb = None
    pkt.priority = pkt.ctinfo = 0
    if crosses:
        pkt.mark = 0
        pkt.sock = None
