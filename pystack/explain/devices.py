"""Frames at the doors of devices: for whom they came, where they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import IFF_LOOPBACK, IFF_NOARP, IFF_UP, NetDevice
from pystack.explain.bridging import bridge_of
from pystack.explain.stage import Reason, Told
from pystack.l2.bridge_state import BridgeState
from pystack.l2.veth import Veth
from pystack.l2.vlan_device import VlanDevice
from pystack.packet import (
    PACKET_BROADCAST,
    PACKET_HOST,
    PACKET_LOOPBACK,
    PACKET_MULTICAST,
    PACKET_OTHERHOST,
    Packet,
)
from pystack.wire.ethernet import ETH_P_ARP
from pystack.wire.vlan import TAG, TAGGED, VID_MASK

ConfigOf = Callable[[object], str]

_RECEIVED: Final = "net/core/dev.c __netif_receive_skb_core()"
_VETH: Final = "drivers/net/veth.c veth_xmit()"
_VLAN: Final = "net/8021q/vlan_dev.c vlan_dev_hard_start_xmit()"
_SENT: Final = "net/core/dev.c __dev_queue_xmit()"
_FOR_WHOM: Final = {
    PACKET_HOST: "received, addressed to this device",
    PACKET_BROADCAST: "received, a broadcast",
    PACKET_MULTICAST: "received, addressed to a group",
    PACKET_OTHERHOST: "received, addressed to another station",
    PACKET_LOOPBACK: "received, our own copy of what we sent",
}


def received(dev: NetDevice, pkt: Packet, config_of: ConfigOf) -> Told:
    """A frame came in by a device."""
    reasons: tuple[Reason, ...] = ()
    bridge = bridge_of(dev)
    if dev.vlans and pkt.protocol in TAGGED:
        reasons = (_whose_tag(dev, pkt, config_of),)
    elif bridge is not None:
        port = f"{dev.name} is a port of {bridge.name}, which gets every frame"
        reasons = (Reason(f"{port}; addresses of {dev.name} are not asked", config_of(bridge.port_of[dev])),)
    elif dev.flags & IFF_NOARP and pkt.protocol == ETH_P_ARP:
        reasons = (Reason(f"{dev.name} does without ARP (NOARP): it neither asks nor answers"),)
    elif pkt.pkt_type == PACKET_OTHERHOST:
        reasons = (Reason("seen by captures only: IP drops what is for another station"),)
    return Told(_FOR_WHOM.get(pkt.pkt_type, "received"), _RECEIVED, reasons)


def _whose_tag(dev: NetDevice, pkt: Packet, config_of: ConfigOf) -> Reason:
    """VLAN devices come before the bridge that the real device may be a port of."""
    tci, _ = TAG.unpack_from(pkt.data, pkt.network_header)
    vid = tci & VID_MASK
    vlan = dev.vlans.get((pkt.protocol, vid))
    if vlan is None:
        return Reason(f"no VLAN device of {dev.name} has the tag of VLAN {vid}")
    if not vlan.flags & IFF_UP:
        return Reason(f"the tag of VLAN {vid} is that of {vlan.name}, which is down", config_of(vlan))
    return Reason(f"the tag of VLAN {vid} is that of {vlan.name}, which gets it without", config_of(vlan))


def sent(dev: NetDevice, pkt: Packet) -> tuple[Told, str]:
    """A frame leaves by a device, and how its way ends by that: empty if it goes on."""
    if not (dev.flags & IFF_UP and dev.carrier):
        return Told(f"not taken: {dev.name} is down, or has no carrier", _SENT), ""
    if dev.flags & IFF_LOOPBACK:
        return Told("looped back: received again by lo", "drivers/net/loopback.c loopback_xmit()"), ""
    if isinstance(dev, Veth) and dev.peer is not None:
        where = dev.peer.net.drop.netns
        place = f" in namespace {where}" if where and dev.peer.net is not dev.net else ""
        return Told(f"crosses to {dev.peer.name}{place}", _VETH), f"crossed to {dev.peer.name}{place}"
    if isinstance(dev, VlanDevice):
        return Told(f"gets the tag of VLAN {dev.vid}, leaves by {dev.real.name}", _VLAN), ""
    if isinstance(dev, BridgeState):
        return Told("the bridge sends it by its ports", _SENT), ""
    if dev.kind == "dummy":
        told = Told("swallowed, as dummy devices do", "drivers/net/dummy.c dummy_xmit()")
        return told, f"swallowed by {dev.name}"
    return Told("sent", _SENT), f"sent by {dev.name}"
