"""Packet sockets: frames as they pass a device, and frames put on it as they are. What tcpdump and arping
open.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.clock import Clock
from pystack.device import IFF_UP, NetDevice
from pystack.drop import Outcomes
from pystack.errors import EINVAL, EMSGSIZE, ENETDOWN, ENODEV, NetError
from pystack.l2.devices import DeviceTable, Link
from pystack.l2.egress import Egress
from pystack.l2.ingress import eth_type_trans
from pystack.packet import PACKET_OUTGOING, Packet
from pystack.wire.checksum import Buffer
from pystack.wire.ethernet import ETH_P_ALL
from pystack.wire.virtio import Offload

DEFAULT_QUEUE_FRAMES: Final = 4096


@dataclass(slots=True)
class Seen:
    """One frame that passed. Linux: struct sockaddr_ll and tpacket_hdr"""

    frame: Buffer
    dev: NetDevice
    pkt_type: int
    protocol: int
    offload: Offload
    stamp: float  # calendar time


class PacketTable:
    """All packet sockets of a namespace. Linux: net/packet/af_packet.c"""

    def __init__(self, *, clock: Clock, devices: DeviceTable, egress: Egress, outcomes: Outcomes) -> None:
        self.clock = clock
        self.devices = devices
        self.egress = egress
        self.outcomes = outcomes

    def open(self, dev: NetDevice | None = None, protocol: int = ETH_P_ALL) -> PacketSocket:
        """socket(AF_PACKET, SOCK_RAW, protocol) bound to a device, or to all present ones."""
        return PacketSocket(self, dev, protocol)


class PacketSocket:
    """Linux: net/packet/af_packet.c packet_rcv(), packet_snd()"""

    def __init__(self, table: PacketTable, dev: NetDevice | None, protocol: int) -> None:
        self._table = table
        self._protocol = protocol
        self._devices = [dev] if dev is not None else list(table.devices)
        self._queue: deque[Seen] = deque()
        self.limit = DEFAULT_QUEUE_FRAMES
        # A filter, run before anything is copied; it is told whether the packet is leaving.
        self.wants: Callable[[Packet, bool], bool] | None = None
        self.received = 0
        self.dropped = 0
        self.on_event: Callable[[], None] = _nobody_waits
        for device in self._devices:
            if protocol == ETH_P_ALL:
                device.add_tap(self._see)
            else:  # what a bridge takes from its port, such a socket does not see; nor what leaves
                device.add_watcher(protocol, self._see)

    def close(self) -> None:
        """Stop looking."""
        for device in self._devices:
            if self._protocol == ETH_P_ALL:
                device.remove_tap(self._see)
            else:
                device.remove_watcher(self._protocol, self._see)
        self._devices = []

    def _see(self, pkt: Packet, outgoing: bool) -> None:
        if self.wants is not None and not self.wants(pkt, outgoing):
            return
        self.received += 1
        if len(self._queue) >= self.limit:
            self.dropped += 1
            return
        frame = bytes(pkt.frame())  # the bytes may change further down the path
        pkt_type = PACKET_OUTGOING if outgoing else pkt.pkt_type
        stamp = self._table.clock.wall
        self._queue.append(Seen(frame, pkt.dev, pkt_type, pkt.protocol, pkt.offload, stamp))
        self.on_event()

    def recv(self) -> Seen | None:
        """The next frame, None if there is none."""
        return self._queue.popleft() if self._queue else None

    def send(self, dev: NetDevice, frame: bytes) -> None:
        """Put a whole frame, link header included, on a device. Linux: net/packet/af_packet.c packet_snd()"""
        if not isinstance(dev, Link) or dev.ifindex == 0:
            raise NetError(ENODEV)
        if not dev.flags & IFF_UP:
            raise NetError(ENETDOWN)
        if len(frame) < dev.hard_header_len:
            raise NetError(EINVAL)
        if len(frame) > dev.mtu + dev.hard_header_len:
            raise NetError(EMSGSIZE)
        pkt = Packet(frame, dev)
        eth_type_trans(pkt)
        pkt.pkt_type = PACKET_OUTGOING
        self._table.outcomes.generated += 1
        self._table.egress.send(pkt)


def _nobody_waits() -> None:
    pass
