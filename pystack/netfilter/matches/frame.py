"""What rules of the bridge family ask of a frame's header, of its ports, and of what stands in it at a fixed
place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.device import NetDevice
from pystack.netfilter.matches.header import is_named
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.ethernet import ETH_P_802_3_MIN
from pystack.wire.vlan import TAG_LENGTH

_SNAP: Final = b"\xaa\xaa"  # both service access points, where a protocol's type follows
_IS_UI: Final = 0x03  # Linux: include/uapi/linux/netfilter_bridge/ebt_802_3.h


@dataclass(frozen=True, slots=True)
class EtherType(Match):
    """`-p IPv4`"""

    type: int
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Whether the frame says that it carries this."""
        return (view.ethertype == self.type) != self.inverted


@dataclass(frozen=True, slots=True)
class HasLength(Match):
    """`-p Length`: an 802.3 frame, whose length stands where others have their type."""

    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Linux: include/linux/etherdevice.h eth_proto_is_802_3()"""
        return (view.ethertype < ETH_P_802_3_MIN) != self.inverted


@dataclass(frozen=True, slots=True)
class FrameSource(Match):
    """`-s`"""

    address: int
    mask: int
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Whether the frame is from there."""
        return (view.source & self.mask == self.address) != self.inverted


@dataclass(frozen=True, slots=True)
class FrameDestination(Match):
    """`-d`"""

    address: int
    mask: int
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Whether the frame is for there."""
        return (view.destination & self.mask == self.address) != self.inverted


@dataclass(frozen=True, slots=True)
class Logical(Match):
    """`--logical-in`, `--logical-out`: the bridge of the port by which the frame comes or goes."""

    name: str
    inverted: bool = False
    is_out: bool = False
    otherwise: bool = False  # what is said of a frame that has no such port: legacy tables say yes, nft no

    def __call__(self, view: View) -> bool:
        """Linux: ebt_basic_match(); net/bridge/netfilter/nft_meta_bridge.c nft_meta_bridge_get_eval()"""
        dev = view.outdev if self.is_out else view.indev
        bridge = None if dev is None else dev.master
        if not isinstance(bridge, NetDevice):
            return self.otherwise
        return is_named(bridge.name, self.name) != self.inverted


@dataclass(frozen=True, slots=True)
class Field(Match):
    """A number that stands at a fixed place behind the frame's header, and between which it has to be."""

    offset: int
    size: int
    low: int
    high: int
    inverted: bool = False
    mask: int = -1
    need: int = 0  # octets that have to be there in any case

    def __call__(self, view: View) -> bool:
        """What is too short has no such field, and so neither has it another value."""
        octets = view.octets(0, max(self.need, self.offset + self.size))
        if octets is None:
            return False
        value = int.from_bytes(octets[self.offset : self.offset + self.size], "big") & self.mask
        return (self.low <= value <= self.high) != self.inverted


@dataclass(frozen=True, slots=True)
class SnapType(Match):
    """`--802_3-type`"""

    type: int
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Linux: net/bridge/netfilter/ebt_802_3.c ebt_802_3_mt()"""
        llc = view.octets(0, 3)
        if llc is None or llc[:2] != _SNAP:
            return False
        found = view.octets(6 if llc[2] & _IS_UI else 7, 2)
        return found is not None and (int.from_bytes(found, "big") == self.type) != self.inverted


@dataclass(frozen=True, slots=True)
class VlanField(Match):
    """`--vlan-id`, `--vlan-prio`, `--vlan-encap`: some bits of the tag and of the type behind it."""

    shift: int
    mask: int
    value: int
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Linux: net/bridge/netfilter/ebt_vlan.c ebt_vlan_mt()"""
        tagged = view.start > view.pkt.network_header
        octets = view.octets(-TAG_LENGTH if tagged else 0, TAG_LENGTH)
        if octets is None:
            return False
        return (int.from_bytes(octets, "big") >> self.shift & self.mask == self.value) != self.inverted


@dataclass(frozen=True, slots=True)
class FrameType(Match):
    """`--pkttype-type`: whom the frame was addressed to."""

    type: int
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Linux: net/bridge/netfilter/ebt_pkttype.c ebt_pkttype_mt()"""
        return (view.pkt.pkt_type == self.type) != self.inverted


@dataclass(frozen=True, slots=True)
class IsConfigBpdu(Match):
    """`--stp-…`: spanning tree of 802.1D.

    Linux counts the protocol's two octets for one, and so takes the version for the type and looks for all
    further fields one octet too early; so the type can only be 0.

    Linux: net/bridge/netfilter/ebt_stp.c ebt_stp_mt()
    """

    def __call__(self, view: View) -> bool:
        """Whether it begins like one."""
        return view.octets(0, 6) == b"\x42\x42\x03\x00\x00\x00"
