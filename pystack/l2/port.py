"""A device whose other end is outside: a driver puts frames in and drains what is to go out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from pystack.device import ARPHRD_NONE, IFF_MULTICAST, IFF_NOARP, IFF_POINTOPOINT
from pystack.drop import FULL_RING
from pystack.errors import EOPNOTSUPP, NetError
from pystack.l2.devices import Link
from pystack.packet import Packet
from pystack.wire.checksum import Buffer
from pystack.wire.ethernet import ETH_HLEN, ZERO
from pystack.wire.virtio import Offload

_BARE_TX_QUEUE_LEN: Final = 500


class PortDevice(Link):
    """Linux: drivers/net/tun.c"""

    kind = "tun"
    max_mtu = 65535 - ETH_HLEN
    default_qdisc = "pfifo_fast"

    def __init__(self, name: str, address: bytes, mtu: int = 1500) -> None:
        super().__init__(name, address, mtu)
        self.tx: deque[tuple[Buffer, Offload]] = deque()
        self.wake: Callable[[], None] = _nobody_waits  # called when tx stops being empty

    def transmit(self, pkt: Packet) -> None:
        """Queue for the driver; a full queue drops and counts. Linux: drivers/net/tun.c tun_net_xmit()"""
        tx, stats = self.tx, self.stats
        if len(tx) >= self.tx_queue_len:
            stats.tx_dropped += 1
            return self.net.drop(pkt, FULL_RING)
        frame = pkt.frame()
        stats.tx_packets += 1
        stats.tx_bytes += len(frame)
        self.net.outcomes.transmitted += 1
        if not tx:
            self.wake()
        tx.append((frame, pkt.offload))

    def stop(self) -> None:
        """What waited for the driver is void once the device is down."""
        self.tx.clear()


class BarePort(PortDevice):
    """One for packets without a link header, as those of a VPN; in here they have one of zeros, as on lo.

    Linux: drivers/net/tun.c IFF_TUN
    """

    type = ARPHRD_NONE
    hard_header_len = 0
    features = 0
    max_mtu = 65535

    def __init__(self, name: str, mtu: int = 1500) -> None:
        super().__init__(name, ZERO, mtu)
        self.broadcast = ZERO
        self.flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST
        self.tx_queue_len = _BARE_TX_QUEUE_LEN

    def transmit(self, pkt: Packet) -> None:
        """Queue the packet alone."""
        pkt.mac_header = pkt.network_header
        super().transmit(pkt)

    def set_mac_address(self, address: bytes) -> None:
        """It has none."""
        raise NetError(EOPNOTSUPP)


def _nobody_waits() -> None:
    pass
