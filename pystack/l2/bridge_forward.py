"""The way out of a bridge: one port, or all of them, newest first.

bridge FORWARD (or OUTPUT, for what this host sends) -> bridge POSTROUTING -> the port's own transmit path
"""

from __future__ import annotations

from typing import Final

from pystack.device import IFF_UP
from pystack.drop import BR_NO_EGRESS, DEV_READY, PKT_TOO_BIG
from pystack.l2.bridge_port import BR_STATE_FORWARDING, BridgePort
from pystack.l2.bridge_state import BridgeState
from pystack.l2.context import LinkContext
from pystack.netfilter.hooks import FORWARD, OUTPUT, POSTROUTING
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_P_ARP
from pystack.wire.vlan import TAG_LENGTH, tag_length

# What a destination is, for flooding. Linux: enum br_pkt_type
UNICAST: Final = 0
MULTICAST: Final = 1
BROADCAST: Final = 2


class BridgeForward:
    """Linux: net/bridge/br_forward.c

    `source` is the port by which a frame came in, None for one that this host sends. With `local_rcv` the
    frame is still needed afterwards, so that even its last port gets a clone.
    """

    __slots__ = (
        "_bridge",
        "_drop",
        "_egress",
        "_forward_point",
        "_net",
        "_outcomes",
        "_output_point",
        "_post_point",
    )

    def __init__(self, bridge: BridgeState, net: LinkContext) -> None:
        self._bridge = bridge
        self._net = net
        self._drop = net.drop
        self._outcomes = net.outcomes
        self._egress = net.egress
        self._forward_point = net.hooks.bridge[FORWARD]
        self._output_point = net.hooks.bridge[OUTPUT]
        self._post_point = net.hooks.bridge[POSTROUTING]

    def forward(
        self, port: BridgePort | None, pkt: Packet, source: BridgePort | None, *, local_rcv: bool
    ) -> None:
        """Send to the one port that leads to the destination. Linux: br_forward()"""
        if port is not None and _should_deliver(port, source):
            if local_rcv:
                return self._deliver_clone(port, pkt, source)
            return self._deliver(port, pkt, source)
        if not local_rcv:
            self._drop(pkt, BR_NO_EGRESS)

    def flood(self, pkt: Packet, kind: int, source: BridgePort | None, *, local_rcv: bool) -> None:
        """Send to every port that may have it; the last one gets the packet itself. Linux: br_flood()"""
        previous: BridgePort | None = None
        for port in self._bridge.ports:
            if not _wants_flood(port, kind, source) or not _should_deliver(port, source):
                continue
            if previous is not None:
                self._deliver_clone(previous, pkt, source)
            previous = port
        if previous is None:
            if not local_rcv:
                self._drop(pkt, BR_NO_EGRESS)
        elif local_rcv:
            self._deliver_clone(previous, pkt, source)
        else:
            self._deliver(previous, pkt, source)

    def _deliver_clone(self, port: BridgePort, pkt: Packet, source: BridgePort | None) -> None:
        """Linux: deliver_clone()"""
        self._outcomes.cloned += 1
        self._deliver(port, pkt.clone(), source)

    def _deliver(self, port: BridgePort, pkt: Packet, source: BridgePort | None) -> None:
        """Linux: __br_forward()"""
        dev = pkt.dev = port.dev
        if source is None:
            if self._output_point.entries:
                return self._output_point.run(pkt, None, dev, self._forward_finish)
        elif self._forward_point.entries:
            return self._forward_point.run(pkt, source.dev, dev, self._forward_finish)
        elif pkt.protocol == ETH_P_ARP and (check := self._net.check_bridged_arp) and not check(pkt):
            return
        self._forward_finish(pkt)

    def _forward_finish(self, pkt: Packet) -> None:
        """Linux: br_forward_finish()"""
        if self._post_point.entries:
            return self._post_point.run(pkt, None, pkt.dev, self._push_xmit)
        self._push_xmit(pkt)

    def _push_xmit(self, pkt: Packet) -> None:
        """Linux: br_dev_queue_push_xmit()"""
        dev = pkt.dev
        excess = len(pkt.data) - pkt.mac_header - dev.mtu - dev.hard_header_len - TAG_LENGTH
        if excess > 0 and excess > tag_length(pkt.protocol) and not pkt.offload.is_gso:
            return self._drop(pkt, PKT_TOO_BIG)
        if not dev.flags & IFF_UP:
            return self._drop(pkt, DEV_READY)
        self._egress.dev_queue_xmit(pkt)


def _should_deliver(port: BridgePort, source: BridgePort | None) -> bool:
    """Not back to where it came from, not between two isolated ports. Linux: should_deliver()"""
    return (
        (port is not source or port.hairpin)
        and port.state == BR_STATE_FORWARDING
        and not (port.isolated and source is not None and source.isolated)
    )


def _wants_flood(port: BridgePort, kind: int, source: BridgePort | None) -> bool:
    """A port may refuse a kind of flood, but no group frame that this host itself sends. Linux: br_flood()"""
    if kind == UNICAST:
        return port.flood
    if source is None:
        return True
    return port.mcast_flood if kind == MULTICAST else port.bcast_flood
