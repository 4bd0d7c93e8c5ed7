"""A packet, or a copy of it, goes elsewhere: `dup to`, `fwd to`.

Linux: net/ipv4/netfilter/nft_dup_ipv4.c, net/netfilter/nft_dup_netdev.c, nft_fwd_netdev.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.needs import Path
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.needs import Devices
from pystack.netfilter.nft.view import carried
from pystack.netfilter.rule import CONTINUE, Match, Target
from pystack.netfilter.verdict import NF_DROP, NF_STOLEN
from pystack.netfilter.view import View
from pystack.wire.ethernet import ETH_P_IP

_TTL_AT: Final = 8


class Dup(Match):
    """`dup to 10.0.0.2 device eth1`, of IPv4."""

    __slots__ = ("device", "devices", "gateway", "path")

    def __init__(self, path: Path, devices: Devices, gateway: Expression, device: Expression | None) -> None:
        self.path = path
        self.devices = devices
        self.gateway = gateway
        self.device = device

    def __call__(self, view: View) -> bool:
        """Linux: nft_dup_ipv4_eval()"""
        gateway = self.gateway(view)
        index = None if self.device is None else self.device(view)
        if gateway is None or (self.device is not None and index is None):
            return False
        dev = None if index is None else self.devices.by_index(int.from_bytes(index, "big"))
        name = "" if dev is None else dev.name
        self.path.duplicate(view.pkt, view.hook, int.from_bytes(gateway, "big"), name)
        return True


class DupFrame(Match):
    """`dup to eth1`, where a device receives or sends."""

    __slots__ = ("device", "devices")

    def __init__(self, devices: Devices, device: Expression) -> None:
        self.devices = devices
        self.device = device

    def __call__(self, view: View) -> bool:
        """Linux: nf_dup_netdev_egress()"""
        index = self.device(view)
        if index is None:
            return False
        dev = self.devices.by_index(int.from_bytes(index, "big"))
        if dev is not None:
            self.devices.copy(view.pkt, dev)
        return True


class Fwd(Target):
    """`fwd to eth1`"""

    __slots__ = ("device", "devices")

    def __init__(self, devices: Devices, device: Expression) -> None:
        self.devices = devices
        self.device = device

    def apply(self, view: View) -> int:
        """Linux: nft_fwd_netdev_eval(), nf_fwd_netdev_egress()"""
        index = self.device(view)
        if index is None:
            return CONTINUE
        dev = self.devices.by_index(int.from_bytes(index, "big"))
        if dev is None:
            self.devices.lose(view.pkt)
        else:
            self.devices.send(view.pkt, dev)
        return NF_STOLEN


class FwdToNeighbour(Target):
    """`fwd ip to 10.0.0.2 device eth1`: the device's neighbour gets it."""

    __slots__ = ("address", "device", "devices")

    def __init__(self, devices: Devices, device: Expression, address: Expression) -> None:
        self.devices = devices
        self.device = device
        self.address = address

    def apply(self, view: View) -> int:
        """Linux: nft_fwd_neigh_eval()"""
        index, address = self.device(view), self.address(view)
        if index is None or address is None or carried(view) != ETH_P_IP:
            return CONTINUE
        ttl = view.octets(_TTL_AT, 1)
        if ttl is None or ttl[0] <= 1:
            return NF_DROP
        dev = self.devices.by_index(int.from_bytes(index, "big"))
        if dev is None:
            return CONTINUE
        self.devices.send_to_neighbour(view.pkt, dev, int.from_bytes(address, "big"))
        return NF_STOLEN
