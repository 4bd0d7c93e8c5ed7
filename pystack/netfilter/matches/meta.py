"""What is noted about a packet besides its octets: mark, kind of address, devices, sender."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.device import NetDevice
from pystack.netfilter.matches.header import is_named
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.packet import PACKET_BROADCAST, PACKET_LOOPBACK, PACKET_MULTICAST
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import is_multicast


@dataclass(frozen=True, slots=True)
class Mark(Match):
    """`-m mark`"""

    value: int
    mask: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_mark.c mark_mt()"""
        return (view.pkt.mark & self.mask == self.value) != self.inverted


@dataclass(frozen=True, slots=True)
class Comment(Match):
    """`-m comment`: says something to the reader only."""

    is_plain = True

    def __call__(self, view: View) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, slots=True)
class PacketType(Match):
    """`-m pkttype`: whom the frame was addressed to."""

    type: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """What came over lo is judged by its IP address. Linux: net/netfilter/xt_pkttype.c pkttype_mt()"""
        found = view.pkt.pkt_type
        if found == PACKET_LOOPBACK:
            found = PACKET_MULTICAST if is_multicast(view.daddr) else PACKET_BROADCAST
        return (found == self.type) != self.inverted


@dataclass(frozen=True, slots=True)
class MacSource(Match):
    """`-m mac`"""

    address: bytes
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Only what came in over Ethernet has one. Linux: net/netfilter/xt_mac.c mac_mt()"""
        pkt = view.pkt
        if view.indev is None or pkt.network_header - pkt.mac_header < ETH_HLEN:
            return False
        source = bytes(pkt.data[pkt.mac_header + 6 : pkt.mac_header + 12])
        return (source == self.address) != self.inverted


@dataclass(frozen=True, slots=True)
class Cpu(Match):
    """`-m cpu`: all our work is done on the first."""

    number: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether the first is meant."""
        return (self.number == 0) != self.inverted


@dataclass(frozen=True, slots=True)
class Realm(Match):
    """`-m realm`: our routes have none (`ip route` refuses them), and none is 0 under any mask."""

    value: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_realm.c realm_mt()"""
        return (self.value == 0) != self.inverted


@dataclass(frozen=True, slots=True)
class DeviceGroup(Match):
    """`-m devgroup`: None asks nothing; else value, mask, inverted."""

    source: tuple[int, int, bool] | None
    destination: tuple[int, int, bool] | None
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_devgroup.c devgroup_mt()"""
        for asked, dev in ((self.source, view.indev), (self.destination, view.outdev)):
            if asked is None:
                continue
            value, mask, inverted = asked
            if ((0 if dev is None else dev.group) & mask == value) == inverted:
                return False
        return True


@dataclass(frozen=True, slots=True)
class PhysDev(Match):
    """`-m physdev`: by which port of a bridge; each of the two names or None, with its inversion."""

    indev: tuple[str, bool] | None = None
    outdev: tuple[str, bool] | None = None
    is_in: bool | None = None  # must have a port, must have none, or whatever
    is_out: bool | None = None
    is_bridged: bool | None = None
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_physdev.c physdev_mt()"""
        physin, physout = view.pkt.physin, view.pkt.physout
        if physin is None and physout is None:
            return self._of_no_bridge()
        for asked, found in (
            (self.is_bridged, physout),
            (self.is_in, physin),
            (self.is_out, physout),
        ):
            if asked is not None and asked != (found is not None):
                return False
        if self.indev is not None and physin is not None and not _is_port(physin, self.indev):
            return False
        return self.outdev is None or (physout is not None and _is_port(physout, self.outdev))

    def _of_no_bridge(self) -> bool:
        """Only what is asked in the negative holds then."""
        if True in (self.is_in, self.is_out, self.is_bridged):
            return False
        return all(asked is None or asked[1] for asked in (self.indev, self.outdev))


def _is_port(dev: NetDevice, asked: tuple[str, bool]) -> bool:
    name, inverted = asked
    return is_named(dev.name, name) != inverted
