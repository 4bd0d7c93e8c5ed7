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
from pystack.l2.devices import DeviceTable, Link, LinkEvent
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
        self._sockets: list[PacketSocket] = []
        devices.listen(self._on_link_event)

    def open(self, dev: NetDevice | None = None, protocol: int = ETH_P_ALL) -> PacketSocket:
        """socket(AF_PACKET, SOCK_RAW, protocol) bound to a device, or to all present ones."""
        sock = PacketSocket(self, dev, protocol)
        self._sockets.append(sock)
        return sock

    def forget(self, sock: PacketSocket) -> None:
        """It was closed."""
        if sock in self._sockets:
            self._sockets.remove(sock)

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        """Linux: net/packet/af_packet.c packet_notifier()"""
        for sock in list(self._sockets):
            if event is LinkEvent.UP:
                sock.device_up(dev)
            elif event in (LinkEvent.DOWN, LinkEvent.UNREGISTER):
                sock.device_down(dev, forever=event is LinkEvent.UNREGISTER)


class PacketSocket:
    """Linux: net/packet/af_packet.c packet_rcv(), packet_snd()"""

    def __init__(self, table: PacketTable, dev: NetDevice | None, protocol: int) -> None:
        self._table = table
        self._protocol = protocol
        self._bound = dev  # None: to all devices, also to those that come later
        self._heard: list[NetDevice] = []
        self._queue: deque[Seen] = deque()
        self.limit = DEFAULT_QUEUE_FRAMES
        # A filter, run before anything is copied; it is told whether the packet is leaving.
        self.wants: Callable[[Packet, bool], bool] | None = None
        self.received = 0
        self.dropped = 0
        self.on_event: Callable[[], None] = _nobody_waits
        for device in table.devices if dev is None else (dev,):
            if dev is None or device.flags & IFF_UP:
                self._hear(device)

    def close(self) -> None:
        """Stop looking."""
        self._table.forget(self)
        for device in list(self._heard):
            self._ignore(device)

    def device_up(self, dev: NetDevice) -> None:
        """What the device sent while it came up was not seen."""
        if self._bound in (None, dev) and dev not in self._heard:
            self._hear(dev)

    def device_down(self, dev: NetDevice, *, forever: bool) -> None:
        """A socket that is bound to it sees nothing until it is up again."""
        if dev in self._heard and (forever or self._bound is dev):
            self._ignore(dev)

    def _hear(self, device: NetDevice) -> None:
        self._heard.append(device)
        if self._protocol == ETH_P_ALL:
            device.add_tap(self._see)
        else:  # what a bridge takes from its port, such a socket does not see; nor what leaves
            device.add_watcher(self._protocol, self._see)

    def _ignore(self, device: NetDevice) -> None:
        self._heard.remove(device)
        if self._protocol == ETH_P_ALL:
            device.remove_tap(self._see)
        else:
            device.remove_watcher(self._protocol, self._see)

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
