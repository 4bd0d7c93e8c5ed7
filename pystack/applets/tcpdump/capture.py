"""Listening on a device or on all: a packet socket with a filter in it.

A tap stands before netfilter on the way in and behind it on the way out, so that a frame that a rule drops is
seen when it comes in.
"""

from __future__ import annotations

from pystack.applets.tcpdump import cooked
from pystack.applets.tcpdump.devices import ANY
from pystack.applets.tcpdump.filter import Subject, Test, matches
from pystack.applets.tcpdump.link import EN10MB, LINUX_SLL2, LinkType
from pystack.applets.tcpdump.options import Refused
from pystack.device import IFF_LOOPBACK, NetDevice
from pystack.l2.devices import Link
from pystack.netns import Netns
from pystack.packet import PACKET_OUTGOING, Packet
from pystack.sock.packet import PacketSocket, Seen
from pystack.wire.checksum import Buffer
from pystack.wire.ethernet import ETH_ALEN, ETH_HLEN
from pystack.wire.pcap import NANOSECONDS, Captured


class Capture:
    """One socket, given back by close()."""

    def __init__(self, netns: Netns, name: str, *, snaplen: int, direction: str, promiscuous: bool) -> None:
        self._netns = netns
        self._snaplen = snaplen
        self._direction = direction
        self._dev = None if name == ANY else _device(netns, name)
        self.link: LinkType = LINUX_SLL2 if self._dev is None else EN10MB
        self._test: Test | None = None
        self._arrived = False
        self.sock: PacketSocket = netns.packets.open(self._dev)
        self.sock.on_event = self._heard
        self._promiscuous = promiscuous and self._dev is not None
        if self._promiscuous and self._dev is not None:
            netns.devices.set_promiscuity(self._dev, 1)

    def close(self) -> None:
        """Stop looking, and let the device filter again."""
        self.sock.close()
        if self._promiscuous and self._dev is not None and not self.is_gone():
            self._netns.devices.set_promiscuity(self._dev, -1)
        self._promiscuous = False

    @property
    def received(self) -> int:
        """Frames that the filter let in."""
        return self.sock.received

    @property
    def dropped(self) -> int:
        """Frames for which there was no room."""
        return self.sock.dropped

    def use(self, test: Test) -> None:
        """Let only what passes come in; what came before is forgotten, as it is in libpcap."""
        self._test = test
        self.sock.wants = self._wants
        while self.sock.recv() is not None:
            pass
        self.sock.received = 0
        self._arrived = False

    def is_gone(self) -> bool:
        """Whether the device was taken away."""
        return self._dev is not None and self._netns.devices.get(self._dev.name) is not self._dev

    def has_news(self) -> bool:
        """Whether there is a frame, or nothing will come any more."""
        return self._arrived or self.is_gone()

    def take(self) -> Captured | None:
        """The next frame that is to be shown."""
        while (seen := self.sock.recv()) is not None:
            if self._passes(seen):
                return self._captured(seen)
        self._arrived = False
        return None

    def _heard(self) -> None:
        self._arrived = True

    def _wants(self, pkt: Packet, outgoing: bool) -> bool:
        frame: Buffer = pkt.frame()
        length = len(frame)
        if self._dev is None:
            frame = _cook(frame, pkt.dev, pkt.protocol, PACKET_OUTGOING if outgoing else pkt.pkt_type)
            length = len(frame)
        subject = Subject(frame, length, outgoing, pkt.dev.ifindex)
        return self._test is None or matches(self._test, subject)

    def _passes(self, seen: Seen) -> bool:
        """What loopback sends comes in again, so it is shown once. libpcap: linux_check_direction()"""
        if seen.pkt_type == PACKET_OUTGOING:
            return self._direction != "in" and not seen.dev.flags & IFF_LOOPBACK
        return self._direction != "out"

    def _captured(self, seen: Seen) -> Captured:
        frame = seen.frame
        if self._dev is None:
            frame = _cook(frame, seen.dev, seen.protocol, seen.pkt_type)
        kept = bytes(frame[: self._snaplen])
        return Captured(round(seen.stamp * 1e6) * (NANOSECONDS // 1_000_000), kept, len(frame))


def _device(netns: Netns, name: str) -> Link:
    dev = netns.devices.get(name)
    if dev is None:
        raise Refused(f"{name}: No such device exists\n(No such device exists)")
    if not dev.up:
        raise Refused(f"{name}: That device is not up")
    return dev


def _cook(frame: Buffer, dev: NetDevice, protocol: int, pkt_type: int) -> bytes:
    """The frame of `any`: where it was seen, and everything behind the Ethernet header."""
    source = bytes(frame[ETH_ALEN : 2 * ETH_ALEN])
    head = cooked.HEADER.pack(protocol, 0, dev.ifindex, dev.type, pkt_type, len(source), source)
    return head + bytes(frame[ETH_HLEN:])
