"""How one namespace numbers others: small numbers, given when first needed.

Linux: net/core/net_namespace.c
"""

from __future__ import annotations

from pystack.host import Host
from pystack.l2.devices import Link
from pystack.l2.veth import Veth
from pystack.l2.vlan_device import VlanDevice
from pystack.netns import Netns


def netns_of(host: Host, dev: Link) -> Netns | None:
    """The namespace a device lives in."""
    for netns in host.namespaces.values():
        if netns.link is dev.net:
            return netns
    return None


def nsid(host: Host, netns: Netns, other: Netns) -> int:
    """The number of another namespace, given now if it has none yet. Linux: peernet2id_alloc()"""
    known = netns.nsids
    for stale in [peer for peer in known if host.namespaces.get(peer.name) is not peer]:
        del known[stale]
    if other not in known:
        taken = set(known.values())
        known[other] = next(number for number in range(len(taken) + 1) if number not in taken)
    return known[other]


def linked_device(dev: Link) -> Link | None:
    """The device behind the `@`."""
    if isinstance(dev, VlanDevice):
        return dev.real
    return dev.peer if isinstance(dev, Veth) else None


def remember_peers(host: Host) -> None:
    """Give numbers to all namespaces that a cable leads to, as Linux does when it announces a link."""
    for netns in host.namespaces.values():
        for dev in netns.devices:
            peer = linked_device(dev)
            if peer is None or peer.net is dev.net:
                continue
            other = netns_of(host, peer)
            if other is not None:
                nsid(host, netns, other)
