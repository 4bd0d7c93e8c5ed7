"""What happens to a received frame before any protocol sees it.

driver -> taps -> netdev ingress hook -> VLAN device -> rx_handler (bridge) -> protocol (ip_rcv, arp_rcv)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import IFF_UP, NetDevice
from pystack.drop import (
    DEV_HDR,
    DEV_READY,
    HDR_TRUNC,
    IPV6DISABLED,
    LLC_NO_SAP,
    UNHANDLED_PROTO,
    Drop,
    Outcomes,
)
from pystack.l2.offload import is_believable
from pystack.l2.tags import protocol_of_length, take_tag_off
from pystack.netfilter.hooks import NETDEV_INGRESS, Hooks
from pystack.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, Packet
from pystack.wire.checksum import Buffer
from pystack.wire.ethernet import BROADCAST, ETH_HLEN, ETH_P_802_2, ETH_P_802_3_MIN, ETH_P_IPV6, HEADER
from pystack.wire.virtio import NONE, Offload
from pystack.wire.vlan import TAG, TAG_LENGTH, TAGGED, VID_MASK

_TAG_AND_A_WORD: Final = TAG_LENGTH + 2  # Linux looks at what follows a tag before it takes it off

ProtocolHandler = Callable[[Packet], None]


class Ingress:
    """The receive path of one namespace."""

    __slots__ = ("_drop", "_hooks", "_outcomes", "protocols")

    def __init__(self, hooks: Hooks, drop: Drop, outcomes: Outcomes) -> None:
        self._hooks = hooks
        self._drop = drop
        self._outcomes = outcomes
        # By EtherType. Linux: dev_add_pack()
        self.protocols: dict[int, ProtocolHandler] = {
            ETH_P_802_2: self._llc_rcv,
            ETH_P_IPV6: self._ipv6_rcv,
        }

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
        if pkt.protocol in TAGGED and len(pkt.data) - pkt.network_header < _TAG_AND_A_WORD:
            return self._drop(pkt, HDR_TRUNC)
        for tap in dev.taps:
            tap(pkt, False)
        if self._hooks.netdev and dev.name in self._hooks.netdev:
            return self._hooks.netdev[dev.name][NETDEV_INGRESS].run(pkt, dev, None, self._handle)
        self._handle(pkt)

    def _handle(self, pkt: Packet) -> None:
        dev = pkt.dev
        if dev.vlans and pkt.protocol in TAGGED and self._vlan_do_receive(pkt):
            return
        rx_handler = dev.rx_handler
        if rx_handler is not None and rx_handler(pkt):
            return
        self.deliver(pkt)

    def deliver(self, pkt: Packet) -> None:
        """Hand a frame that no rx_handler took to its protocol."""
        tagged = pkt.protocol in TAGGED
        if tagged and not self._take_tags_off(pkt):
            return
        dev = pkt.dev
        watchers = dev.watchers.get(pkt.protocol, ()) if dev.watchers else ()
        for watcher in watchers:
            watcher(pkt, False)
        protocol = self.protocols.get(pkt.protocol)
        if protocol is not None:
            return protocol(pkt)
        if watchers or (dev.taps and not tagged and self._keeps_a_tap_waiting(dev)):
            self._outcomes.consumed += 1
            return
        dev.stats.rx_dropped += 1
        self._drop(pkt, UNHANDLED_PROTO)

    def _keeps_a_tap_waiting(self, dev: NetDevice) -> bool:
        """Linux hands a frame to its last tap only after it has looked for a protocol, and then it is no loss
        that there is none; save where somebody else (or a tag) comes in between and makes it hurry.

        Linux: pt_prev in net/core/dev.c __netif_receive_skb_core()
        """
        hooks = self._hooks.netdev.get(dev.name)
        return dev.rx_handler is None and not (hooks and hooks[NETDEV_INGRESS].entries)

    def _vlan_do_receive(self, pkt: Packet) -> bool:
        """Whether a VLAN device took the frame; for it, that is a frame without the tag.

        Linux: net/8021q/vlan_core.c vlan_do_receive()
        """
        tci, _ = TAG.unpack_from(pkt.data, pkt.network_header)
        vlan = pkt.dev.vlans.get((pkt.protocol, tci & VID_MASK))
        if vlan is None:
            return False
        vlan.take_in(pkt, take_tag_off(pkt))
        return True

    def _take_tags_off(self, pkt: Packet) -> bool:
        """No VLAN device wants it: a tag of VLAN 0 only tells a priority, any other is not meant for us.

        False if the frame ends within a tag, and so here, or if behind such a tag was that of a VLAN device.
        """
        while pkt.protocol in TAGGED:
            if len(pkt.data) - pkt.network_header < _TAG_AND_A_WORD:
                self._drop(pkt, HDR_TRUNC)
                return False
            if take_tag_off(pkt) & VID_MASK:
                pkt.pkt_type = PACKET_OTHERHOST
                return True
            if pkt.protocol in TAGGED and pkt.dev.vlans and self._takes_inner_tag(pkt):
                return False
        return True

    def _takes_inner_tag(self, pkt: Packet) -> bool:
        return len(pkt.data) - pkt.network_header >= _TAG_AND_A_WORD and self._vlan_do_receive(pkt)

    def _llc_rcv(self, pkt: Packet) -> None:
        """802.2 is spoken here, so the device counts nothing; but no service listens.

        Linux: net/llc/llc_input.c llc_rcv()
        """
        self._drop(pkt, LLC_NO_SAP)

    def _ipv6_rcv(self, pkt: Packet) -> None:
        """Spoken by every kernel, if only to say no: the device counts nothing.

        Linux: net/ipv6/ip6_input.c ip6_rcv_core()
        """
        self._drop(pkt, IPV6DISABLED)


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
    pkt.protocol = protocol if protocol >= ETH_P_802_3_MIN else protocol_of_length(pkt)
