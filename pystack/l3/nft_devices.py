"""How rules of nftables let frames leave by other devices."""

from __future__ import annotations

from typing import Final

from pystack.device import NetDevice
from pystack.drop import NETFILTER_DROP
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_port import BridgePort
from pystack.l2.context import LinkContext
from pystack.l2.devices import DeviceTable, Link
from pystack.l2.ingress import eth_type_trans
from pystack.l3.ipv4 import Ipv4
from pystack.packet import Packet

_RECURSION_LIMIT: Final = 2
_TTL_AT: Final = 8
_CHECK_AT: Final = 10


class NftDevices:
    """A netfilter.nft.needs.Devices."""

    __slots__ = ("_arp", "_confs", "_depth", "_link", "by_index")

    def __init__(self, link: LinkContext, devices: DeviceTable, ipv4: Ipv4) -> None:
        self._link = link
        self._arp = ipv4.arp
        self._confs = ipv4.confs
        self._depth = 0  # frames that are on their way out because of others
        self.by_index = devices.by_index

    def copy(self, pkt: Packet, dev: NetDevice) -> None:
        """Linux: net/netfilter/nf_dup_netdev.c nf_dup_netdev_egress()"""
        self._link.outcomes.cloned += 1
        self.send(pkt.clone(), dev)

    def send(self, pkt: Packet, dev: NetDevice) -> None:
        """Two devices that forward to each other would never end. Linux: nf_do_netdev_egress()"""
        if self._depth > _RECURSION_LIMIT:
            return self.lose(pkt)
        pkt.dev = dev
        self._depth += 1
        self._link.egress.dev_queue_xmit(pkt)
        self._depth -= 1

    def send_to_neighbour(self, pkt: Packet, dev: NetDevice, address: int) -> None:
        """Linux: net/netfilter/nft_fwd_netdev.c nft_fwd_neigh_eval(), net/core/neighbour.c neigh_xmit()"""
        _decrease_ttl(pkt)
        neighbour = self._arp.neighbour(dev, address) if isinstance(dev, Link) else None
        if neighbour is None:
            return self.lose(pkt)
        pkt.dev = dev
        neighbour.output(pkt)

    def make(self, frame: bytes, dev: NetDevice) -> Packet:
        """It belongs to nobody."""
        self._link.outcomes.generated += 1
        pkt = Packet(frame, dev)
        eth_type_trans(pkt)
        return pkt

    def send_by_port(self, pkt: Packet, dev: NetDevice) -> None:
        """Linux: net/bridge/netfilter/nft_reject_bridge.c"""
        bridge, port = dev.master, dev.port
        if isinstance(bridge, Bridge) and isinstance(port, BridgePort):
            bridge.forwarding.forward(port, pkt, None, local_rcv=False)
        else:
            self.lose(pkt)

    def default_ttl(self) -> int:
        """Linux: net.ipv4.ip_default_ttl"""
        return self._confs.ipv4.ip_default_ttl

    def lose(self, pkt: Packet) -> None:
        """A rule wanted it to go where nothing is."""
        self._link.drop(pkt, NETFILTER_DROP)


def _decrease_ttl(pkt: Packet) -> None:
    """Of a packet whose header nobody has parsed. Linux: include/net/ip.h ip_decrease_ttl()"""
    data, at = pkt.writable(), pkt.network_header
    check = int.from_bytes(data[at + _CHECK_AT : at + _CHECK_AT + 2], "big") + 0x100
    data[at + _CHECK_AT : at + _CHECK_AT + 2] = (check + (check >= 0xFFFF) & 0xFFFF).to_bytes(2, "big")
    data[at + _TTL_AT] -= 1
