"""A device that swallows what it is given: a home for addresses."""

from __future__ import annotations

from pystack.device import IFF_BROADCAST, IFF_NOARP
from pystack.l2.devices import Link
from pystack.packet import Packet


class Dummy(Link):
    """Linux: drivers/net/dummy.c"""

    kind = "dummy"
    min_mtu = 0
    max_mtu = 0  # unlimited

    def __init__(self, name: str, address: bytes) -> None:
        super().__init__(name, address)
        self.flags = IFF_BROADCAST | IFF_NOARP

    def transmit(self, pkt: Packet) -> None:
        """Linux: drivers/net/dummy.c dummy_xmit()"""
        self.stats.tx_packets += 1
        self.stats.tx_bytes += len(pkt)
        self.net.outcomes.transmitted += 1
