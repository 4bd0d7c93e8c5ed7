"""The way into a bridge: what a port receives.

reserved groups -> bridge BROUTING -> bridge PREROUTING -> learn -> up the stack, to a port, or to all

An established frame costs two look-ups: who sent it, who gets it.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.device import IFF_PROMISC, NetDevice
from pystack.drop import BR_LOCKED, BR_MAC_SOURCE, BR_PORT_STATE, BR_RESERVED, LINK_GONE
from pystack.l2.bridge_forward import BROADCAST, MULTICAST, UNICAST, BridgeForward
from pystack.l2.bridge_port import (
    BR_STATE_DISABLED,
    BR_STATE_FORWARDING,
    BR_STATE_LEARNING,
    BridgePort,
)
from pystack.l2.bridge_state import BridgeState
from pystack.l2.context import LinkContext
from pystack.l2.fdb import Fdb
from pystack.netfilter.hooks import BROUTING, INPUT, PREROUTING
from pystack.packet import PACKET_HOST, PACKET_LOOPBACK, Packet
from pystack.wire import ethernet
from pystack.wire.ethernet import ZERO
from pystack.wire.vlan import tag_length

_ADDRESSES: Final = Struct("!6s6s")  # destination, source

# IEEE 802.1D table 7-10: 01:80:c2:00:00:0X
_RESERVED_PREFIX: Final = b"\x01\x80\xc2\x00\x00"
_RESERVED_COUNT: Final = 16
_GROUP_BRIDGE: Final = 0x00  # spanning tree
_GROUP_PAUSE: Final = 0x01  # 802.3 MAC control
_GROUP_LLDP: Final = 0x0E


class BridgeInput:
    """Linux: net/bridge/br_input.c"""

    __slots__ = (
        "_bridge",
        "_broute_point",
        "_clock",
        "_drop",
        "_fdb",
        "_forward",
        "_input_point",
        "_net",
        "_ports",
        "_pre_point",
    )

    def __init__(self, bridge: BridgeState, net: LinkContext, fdb: Fdb, forward: BridgeForward) -> None:
        self._bridge = bridge
        self._net = net
        self._clock = net.clock
        self._drop = net.drop
        self._fdb = fdb
        self._forward = forward
        self._ports: dict[NetDevice, BridgePort] = bridge.port_of
        self._broute_point = net.hooks.bridge[BROUTING]
        self._pre_point = net.hooks.bridge[PREROUTING]
        self._input_point = net.hooks.bridge[INPUT]

    def handle_frame(self, pkt: Packet) -> bool:
        """The rx_handler of every port: whether the frame was taken. Linux: br_handle_frame()"""
        if pkt.pkt_type == PACKET_LOOPBACK:
            return False
        destination, source = _ADDRESSES.unpack_from(pkt.data, pkt.mac_header)
        if source[0] & 1 or source == ZERO:
            self._drop(pkt, BR_MAC_SOURCE)
            return True
        port = self._ports[pkt.dev]
        if (
            destination[0] == 1
            and destination[:5] == _RESERVED_PREFIX
            and destination[5] < _RESERVED_COUNT
            and not self._may_forward_reserved(port, destination[5])
        ):
            return self._handle_reserved(pkt, port, destination[5])
        state = port.state
        if state != BR_STATE_FORWARDING and state != BR_STATE_LEARNING:
            self._drop(pkt, BR_PORT_STATE)
            return True
        if self._broute_point.entries and state == BR_STATE_FORWARDING:
            self._broute_point.run(pkt, pkt.dev, None, self._pre_routing)
            return True
        if self._pre_point.entries:
            self._pre_routing(pkt)
            return True
        check = self._net.checks_bridged.get(pkt.protocol)
        if check is not None and not check(pkt):
            return True
        if destination == self._bridge.address:
            pkt.pkt_type = PACKET_HOST
        self._finish(pkt, port, destination, source)
        return True

    def broute(self, pkt: Packet) -> None:
        """Route a frame instead of bridging it; what a BROUTING function calls before it answers STOLEN.

        Linux: net/bridge/netfilter/ebtable_broute.c ebt_broute()
        """
        self._net.ingress.deliver(pkt)

    def _pre_routing(self, pkt: Packet) -> None:
        """Linux: nf_hook_bridge_pre()"""
        at = pkt.mac_header
        if pkt.data[at : at + 6] == self._bridge.address:
            pkt.pkt_type = PACKET_HOST
        if self._pre_point.entries:
            return self._pre_point.run(pkt, pkt.dev, None, self.handle_frame_finish)
        self.handle_frame_finish(pkt)

    # --- reserved groups --------------------------------------------------------------------------------

    def _may_forward_reserved(self, port: BridgePort, group: int) -> bool:
        if group == _GROUP_BRIDGE:  # without STP it is forwarded, so that others can still find loops
            return not self._bridge.stp_enabled or bool(port.group_fwd_mask & 1)
        if group == _GROUP_PAUSE:
            return False
        return bool((port.group_fwd_mask | self._bridge.group_fwd_mask) >> group & 1)

    def _handle_reserved(self, pkt: Packet, port: BridgePort, group: int) -> bool:
        """A frame for the neighbour on this cable: never forwarded, the port's own protocols may see it."""
        if group == _GROUP_PAUSE:
            self._drop(pkt, BR_RESERVED)
            return True
        if group not in (_GROUP_BRIDGE, _GROUP_LLDP) and self._input_point.entries:
            self._input_point.run(pkt, pkt.dev, None, self._local_finish)
            return True
        self._learn_reserved(pkt, port)
        return False

    def _local_finish(self, pkt: Packet) -> None:
        """Linux: br_handle_local_finish()"""
        port = self._ports.get(pkt.dev)
        if port is not None:
            self._learn_reserved(pkt, port)
        self._net.ingress.deliver(pkt)

    def _learn_reserved(self, pkt: Packet, port: BridgePort) -> None:
        """Linux: __br_handle_local_finish()"""
        if port.learning and port.may_learn and not self._bridge.no_linklocal_learn:
            _, source = _ADDRESSES.unpack_from(pkt.data, pkt.mac_header)
            self._learn(port, source, 0)

    # --- all others -------------------------------------------------------------------------------------

    def handle_frame_finish(self, pkt: Packet) -> None:
        """After PREROUTING, whose functions may have changed the addresses.

        Linux: br_handle_frame_finish()
        """
        port = self._ports.get(pkt.dev)
        if port is None:
            return self._drop(pkt, LINK_GONE)
        destination, source = _ADDRESSES.unpack_from(pkt.data, pkt.mac_header)
        self._finish(pkt, port, destination, source)

    def _finish(self, pkt: Packet, port: BridgePort, destination: bytes, source: bytes) -> None:
        state = port.state
        if state == BR_STATE_DISABLED:
            return self._drop(pkt, BR_PORT_STATE)
        vid = 0  # VLAN filtering will take it from the frame. Linux: br_allowed_ingress()
        entries = self._fdb.entries
        known = entries.get((source, vid))
        if port.locked and (known is None or known.port is not port or known.local):
            return self._drop(pkt, BR_LOCKED)
        if port.learning:
            if known is not None and known.port is port and not known.local:
                known.updated = self._clock.now
            else:
                self._learn(port, source, vid)
        if state == BR_STATE_LEARNING:
            return self._drop(pkt, BR_PORT_STATE)
        if destination[0] & 1:
            return self._group(pkt, port, destination)
        promiscuous = bool(self._bridge.flags & IFF_PROMISC)
        entry = entries.get((destination, vid))
        if entry is None:
            self._forward.flood(pkt, UNICAST, port, local_rcv=promiscuous)
        elif entry.local:
            return self.pass_frame_up(pkt)
        else:
            entry.used = self._clock.now
            self._forward.forward(entry.port, pkt, port, local_rcv=promiscuous)
        if promiscuous:
            self.pass_frame_up(pkt)

    def _group(self, pkt: Packet, port: BridgePort, destination: bytes) -> None:
        """Ports first, then this host.

        Linux differs: it snoops IGMP and MLD, and once it has seen a querier it sends a group's frames only
        to the ports that asked for them. Until then it floods them, as here.
        """
        if destination == ethernet.BROADCAST:
            self._forward.flood(pkt, BROADCAST, port, local_rcv=True)
        else:
            self._bridge.stats.multicast += 1
            self._forward.flood(pkt, MULTICAST, port, local_rcv=True)
        self.pass_frame_up(pkt)

    def _learn(self, port: BridgePort, source: bytes, vid: int) -> None:
        if not self._fdb.learn(port, source, vid):
            self._net.printk_ratelimited(
                f"{self._bridge.name}: received packet on {port.dev.name} with own address as source address "
                f"(addr:{ethernet.mac_text(source)}, vlan:{vid})"
            )

    def pass_frame_up(self, pkt: Packet) -> None:
        """The bridge device receives. Linux: br_pass_frame_up()"""
        bridge = self._bridge
        bridge.stats.rx_packets += 1
        bridge.stats.rx_bytes += len(pkt.data) - pkt.network_header - tag_length(pkt.protocol)
        indev, pkt.dev = pkt.dev, bridge
        if self._input_point.entries:
            return self._input_point.run(pkt, indev, None, bridge.netif_receive_skb)
        bridge.netif_receive_skb(pkt)
