"""The kernel's hops: what its probes report, as records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.kernel_side_numbers import PacketNumbers
from pystack.compare.points import NUMBERED, Point
from pystack.compare.probes import point_of
from pystack.compare.records import NO_LINK_HEADER, Hop
from pystack.hooks.nflog import LoggedPacket, NflogReader, Overrun, parse_packet
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.malformed import Malformed

TAG_AT: Final = 12  # where a VLAN tag stands in a frame

# Where packets begin their way: the first point of each of these hooks.
ORIGINS: Final = tuple(
    next(point for point in NUMBERED if (point.family, point.hook) == origin)
    for origin in (("netdev", "INGRESS"), ("ip", "OUTPUT"), ("arp", "OUTPUT"), ("ip6", "OUTPUT"))
)

# At these a packet begins with its link header; everywhere else NFLOG gives that apart.
WHOLE_FRAME: Final = (("netdev", "EGRESS"), ("arp", "OUTPUT"))


Name = str | None
Devices = tuple[Name, Name, Name, Name]  # in, out, physin, physout
Fields = tuple[str, str, int, None, None, None, Name, Name, Name, Name]  # of a Hop, from family to physout


class HopReader:
    """Makes hops of what comes from the probes; one a lab, told when another scenario begins."""

    def __init__(
        self,
        log: NflogReader,
        names: Callable[[], Mapping[int, str]],
        *,
        remembered: int = 0,
        known_by: int | None = None,
    ) -> None:
        self._log = log
        self._remembered = remembered  # packets by which others are known; 0: all
        self._known_by = known_by  # octets that a probe shows of each
        self._last = 0  # report
        self._read_names = names
        self._names: Mapping[int, str] = {0: ""}
        self._last_place = 0
        self._places: dict[tuple[bytes, int, int, int, int], _Place | None] = {}
        self._numbers = PacketNumbers(remembered=remembered)
        self._ports: frozenset[int] = frozenset()

    def begin(self, ports: frozenset[int]) -> None:
        """Forget what was reported, and count packets from 1 again."""
        self._log.messages()
        self._numbers = PacketNumbers(remembered=self._remembered)
        self._ports = ports

    def enter_by(self, ports: frozenset[int]) -> None:
        """Packets enter by these from now on, and devices may have other names."""
        self._ports = ports
        self._names = {0: ""}
        self._places.clear()

    def fileno(self) -> int:
        """For poll."""
        return self._log.fileno()

    def read(self, step: int) -> list[Hop]:
        """The hops since the last call."""
        try:
            return [self._hop(step, packet) for packet in self._log.drain()]
        except Overrun as error:
            raise LabBroken(str(error)) from error

    def take(self, step: int, most: int) -> tuple[list[Hop], int]:
        """Some of the hops since the last call, and how many reports are missing among them."""
        hops, lost = [], 0
        for message in self._log.take(most):
            packet = parse_packet(message)
            if isinstance(packet, Malformed):
                lost += 1
                continue
            if self._last:
                lost += packet.sequence - self._last - 1 & 0xFFFFFFFF
            self._last = packet.sequence
            hops.append(self._hop(step, packet))
        return hops, lost + self._log.is_cut_off  # one at least, whose number nobody has seen

    def _hop(self, step: int, packet: LoggedPacket | Malformed) -> Hop:
        if isinstance(packet, Malformed):
            raise LabBroken(f"the kernel's report of a packet makes no sense: {packet.value}")
        key = (packet.prefix, packet.indev, packet.outdev, packet.physin, packet.physout)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = self._place(packet)
        frame, network = place.bytes_of(packet)
        entered = place.ingress and packet.indev in self._ports
        known = network[: self._known_by]
        number = self._numbers.of(packet.protocol, known, entered=entered, origin=place.origin)
        return Hop(step, number, *place.fields, packet.mark, frame)

    def _place(self, packet: LoggedPacket) -> _Place:
        point = point_of(packet.prefix)
        if point is None:
            raise LabBroken(f"a report with the prefix {packet.prefix!r} came to the probes' group")
        devices = (packet.indev, packet.outdev, packet.physin, packet.physout)
        if point.family == "bridge":  # its devices are ports, and there is nothing below them
            devices = (packet.physin, packet.physout, 0, 0)
        self._last_place += 1
        origin = self._last_place if point in ORIGINS else 0
        indev, outdev, physin, physout = map(self._name, devices)
        return _Place(point, origin, (indev, outdev, physin, physout))

    def _name(self, index: int) -> str | None:
        if index not in self._names:
            self._names = {0: "", **self._read_names()}
        return self._names.get(index, f"if{index}") or None

    def close(self) -> None:
        """Stop listening."""
        self._log.close()


class _Place:
    """What all hops at one point between the same devices have in common."""

    __slots__ = ("fields", "ingress", "origin", "shows_link", "whole_frame")

    def __init__(self, point: Point, origin: int, devices: Devices) -> None:
        hook = point.family, point.hook
        self.origin = origin
        self.ingress = hook == ("netdev", "INGRESS")
        self.whole_frame = hook in WHOLE_FRAME
        self.shows_link = point.link
        self.fields: Fields = (point.family, point.hook, point.priority, None, None, None, *devices)

    def bytes_of(self, packet: LoggedPacket) -> tuple[bytes, bytes]:
        """What a hop here shows, and the packet from its network header on."""
        link, rest = packet.link, packet.payload
        if self.whole_frame:
            size = len(link) or ETH_HLEN
            link, rest = rest[:size], rest[size:]
        if link and link == rest[: len(link)]:  # there is none, so NFLOG takes the packet for one
            link = NO_LINK_HEADER
        if not self.shows_link:
            return rest, rest
        if packet.tag:
            link = link[:TAG_AT] + packet.tag + link[TAG_AT:]
        return link + rest, rest
