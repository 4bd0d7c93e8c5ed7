"""What happens to a received frame before any protocol sees it.

driver -> taps -> netdev ingress hook -> rx_handler (bridge) -> protocol (ip_rcv, arp_rcv)
"""

from __future__ import annotations

from collections.abc import Callable

from pystack.device import IFF_UP, NetDevice
from pystack.drop import DEV_HDR, DEV_READY, HDR_TRUNC, LLC_NO_SAP, UNHANDLED_PROTO, Drop, Outcomes
from pystack.l2.offload import is_believable
from pystack.netfilter.hooks import NETDEV_INGRESS, Hooks
from pystack.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, Packet
from pystack.wire.checksum import Buffer
from pystack.wire.ethernet import BROADCAST, ETH_HLEN, ETH_P_802_2, ETH_P_802_3, ETH_P_802_3_MIN, HEADER
from pystack.wire.virtio import NONE, Offload

ProtocolHandler = Callable[[Packet], None]


class Ingress:
    """The receive path of one namespace."""

    __slots__ = ("_drop", "_hooks", "_outcomes", "protocols")

    def __init__(self, hooks: Hooks, drop: Drop, outcomes: Outcomes) -> None:
        self._hooks = hooks
        self._drop = drop
        self._outcomes = outcomes
        # By EtherType. Linux: dev_add_pack()
        self.protocols: dict[int, ProtocolHandler] = {ETH_P_802_2: self._llc_rcv}

    def receive(self, dev: NetDevice, frame: Buffer, offload: Offload = NONE) -> None:
        """Take a frame that came in from outside. Linux: drivers/net/tun.c tun_get_user()"""
        pkt = Packet(frame, dev, offload)
        self._outcomes.received += 1
        stats = dev.stats
        if len(frame) < ETH_HLEN:  # counted nowhere: Linux refuses the write
            return self._drop(pkt, HDR_TRUNC)
        if offload is not NONE and not is_believable(frame, offload):
            stats.rx_frame_errors += 1
            return self._drop(pkt, DEV_HDR)
        if not dev.flags & IFF_UP:
            stats.rx_dropped += 1
            return self._drop(pkt, DEV_READY)
        stats.rx_packets += 1
        stats.rx_bytes += len(frame)
        eth_type_trans(pkt)
        self.netif_receive_skb(pkt)

    def netif_receive_skb(self, pkt: Packet) -> None:
        """Show a frame to everybody who asked for it. Linux: net/core/dev.c __netif_receive_skb_core()"""
        dev = pkt.dev
        for tap in dev.taps:
            tap(pkt, False)
        if self._hooks.netdev and dev.name in self._hooks.netdev:
            return self._hooks.netdev[dev.name][NETDEV_INGRESS].run(pkt, dev, None, self._handle)
        self._handle(pkt)

    def _handle(self, pkt: Packet) -> None:
        rx_handler = pkt.dev.rx_handler
        if rx_handler is not None and rx_handler(pkt):
            return
        self.deliver(pkt)

    def deliver(self, pkt: Packet) -> None:
        """Hand a frame that no rx_handler took to its protocol."""
        watchers = pkt.dev.watchers.get(pkt.protocol, ()) if pkt.dev.watchers else ()
        for watcher in watchers:
            watcher(pkt, False)
        protocol = self.protocols.get(pkt.protocol)
        if protocol is not None:
            return protocol(pkt)
        if watchers:
            self._outcomes.consumed += 1
            return
        pkt.dev.stats.rx_dropped += 1
        self._drop(pkt, UNHANDLED_PROTO)

    def _llc_rcv(self, pkt: Packet) -> None:
        """802.2 is spoken here, so the device counts nothing; but no service listens.

        Linux: net/llc/llc_input.c llc_rcv()
        """
        self._drop(pkt, LLC_NO_SAP)


def eth_type_trans(pkt: Packet) -> None:
    """Read the link header: for whom, and which protocol.

    Preconditions: at least ETH_HLEN octets from mac_header on.
    Linux: net/ethernet/eth.c eth_type_trans()
    """
    at = pkt.mac_header
    destination, _, protocol = HEADER.unpack_from(pkt.data, at)
    pkt.network_header = at + ETH_HLEN
    if destination == pkt.dev.address:
        pkt.pkt_type = PACKET_HOST
    elif not destination[0] & 1:
        pkt.pkt_type = PACKET_OTHERHOST
    else:
        pkt.pkt_type = PACKET_BROADCAST if destination == BROADCAST else PACKET_MULTICAST
    if protocol >= ETH_P_802_3_MIN:
        pkt.protocol = protocol
    else:  # a length: raw 802.3 if the payload starts as Novell's did, else LLC
        raw = pkt.data[at + ETH_HLEN : at + ETH_HLEN + 2] == b"\xff\xff"
        pkt.protocol = ETH_P_802_3 if raw else ETH_P_802_2
