"""What rules of the bridge and arp families may ask of the bridge, and of ARP above it."""

from __future__ import annotations

from pystack.device import NetDevice
from pystack.l2.context import LinkContext
from pystack.l2.devices import Link
from pystack.l3.arp import Arp
from pystack.l3.netfilter_path import NetfilterPath
from pystack.packet import Packet
from pystack.wire.arp import ARPOP_REPLY


class BridgePath:
    """A netfilter.needs.BridgePath."""

    def __init__(self, link: LinkContext, arp: Arp, path: NetfilterPath) -> None:
        self.clock = link.clock
        self.printk = link.printk
        self.nflog = path.nflog
        self._ingress = link.ingress
        self._arp = arp

    def route_instead(self, pkt: Packet) -> None:
        """Linux: net/bridge/br_input.c nf_hook_bridge_pre() for br_netfilter_broute"""
        self._ingress.deliver(pkt)

    def answer_arp(self, dev: NetDevice, mac: bytes, address: int, asking_mac: bytes, asking: int) -> None:
        """Linux: net/ipv4/arp.c arp_send()"""
        assert isinstance(dev, Link), "a bridge's port"
        self._arp.send(dev, ARPOP_REPLY, address, asking, asking_mac, asking_mac, sender=mac)
