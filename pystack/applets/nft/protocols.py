"""The headers that the language knows by name: their fields, and what follows what.

Linux: nftables src/proto.c
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.types import INTEGER, DataType


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Some bits of a header. Where several have the same place, the first one is printed of a raw payload."""

    name: str
    type: DataType
    offset: int  # bits from the header's begin
    bits: int
    needs: tuple[int, ...] = ()  # ICMP types of which one must be there for the field to have a meaning


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """A header, or what stands in for one at a hook where several are possible."""

    name: str
    layer: str  # ll nh th
    fields: Mapping[str, Field] = field(default_factory=dict)
    upper: Mapping[int, str] = field(default_factory=dict)  # which protocol a number of the next field means
    next_field: str = ""  # of this header: the one that says what follows
    next_meta: str = ""  # the meta key that says so, where no field does
    length: int = 0  # bits, where that is fixed and needed: of link layers
    checksum: str = ""  # the field that must be mended when another one is written

    def number_of(self, upper: str) -> int | None:
        """What the next field says when such a header follows."""
        return next((number for number, name in self.upper.items() if name == upper), None)

    def field_at(self, offset: int, bits: int) -> Field | None:
        """The field that a raw payload is."""
        return next((one for one in self.fields.values() if (one.offset, one.bits) == (offset, bits)), None)


def _fields(
    *fields: tuple[str, DataType, int, int] | tuple[str, DataType, int, int, tuple[int, ...]],
) -> dict[str, Field]:
    return {one[0]: Field(*one) for one in fields}


LAYERS: Final = ("ll", "nh", "th", "ih")

# --- the link layer -----------------------------------------------------------------------------------------

_BY_ETHER_TYPE: Final = {0x0800: "ip", 0x0806: "arp", 0x86DD: "ip6", 0x8100: "vlan", 0x88A8: "vlan"}

ETHER: Final = Protocol(
    "ether",
    "ll",
    _fields(
        ("daddr", types.ETHER_ADDR, 0, 48),
        ("saddr", types.ETHER_ADDR, 48, 48),
        ("type", types.ETHER_TYPE, 96, 16),
    ),
    _BY_ETHER_TYPE,
    next_field="type",
    length=112,
)
VLAN: Final = Protocol(
    "vlan",
    "ll",
    _fields(
        ("pcp", INTEGER, 0, 3),
        ("dei", INTEGER, 3, 1),
        ("cfi", INTEGER, 3, 1),
        ("id", INTEGER, 4, 12),
        ("type", types.ETHER_TYPE, 16, 16),
    ),
    _BY_ETHER_TYPE,
    next_field="type",
    length=32,
)
INET: Final = Protocol("inet", "ll", {}, {2: "ip", 10: "ip6"}, next_meta="nfproto")
NETDEV: Final = Protocol("netdev", "ll", {}, _BY_ETHER_TYPE, next_meta="protocol")

# --- the network layer --------------------------------------------------------------------------------------

_ABOVE_AH: Final = {
    50: "esp",
    51: "ah",
    108: "comp",
    17: "udp",
    136: "udplite",
    6: "tcp",
    33: "dccp",
    132: "sctp",
}
_TRANSPORTS: Final = {**_ABOVE_AH, 1: "icmp", 2: "igmp", 58: "icmpv6"}

IP: Final = Protocol(
    "ip",
    "nh",
    _fields(
        ("version", INTEGER, 0, 4),
        ("hdrlength", INTEGER, 4, 4),
        ("dscp", types.DSCP, 8, 6),
        ("ecn", types.ECN, 14, 2),
        ("length", INTEGER, 16, 16),
        ("id", INTEGER, 32, 16),
        ("frag-off", INTEGER, 48, 16),
        ("ttl", INTEGER, 64, 8),
        ("protocol", types.INET_PROTO, 72, 8),
        ("checksum", INTEGER, 80, 16),
        ("saddr", types.IPV4_ADDR, 96, 32),
        ("daddr", types.IPV4_ADDR, 128, 32),
    ),
    _TRANSPORTS,
    next_meta="l4proto",
    checksum="checksum",
)
IP6: Final = Protocol(
    "ip6",
    "nh",
    _fields(
        ("version", INTEGER, 0, 4),
        ("dscp", types.DSCP, 4, 6),
        ("ecn", types.ECN, 10, 2),
        ("flowlabel", INTEGER, 12, 20),
        ("length", INTEGER, 32, 16),
        ("nexthdr", types.INET_PROTO, 48, 8),
        ("hoplimit", INTEGER, 56, 8),
        ("saddr", types.IPV6_ADDR, 64, 128),
        ("daddr", types.IPV6_ADDR, 192, 128),
    ),
    _TRANSPORTS,
    next_meta="l4proto",
)
ARP: Final = Protocol(
    "arp",
    "nh",
    _fields(
        ("htype", INTEGER, 0, 16),
        ("ptype", types.ETHER_TYPE, 16, 16),
        ("hlen", INTEGER, 32, 8),
        ("plen", INTEGER, 40, 8),
        ("operation", types.ARP_OP, 48, 16),
        ("saddr ether", types.ETHER_ADDR, 64, 48),
        ("saddr ip", types.IPV4_ADDR, 112, 32),
        ("daddr ether", types.ETHER_ADDR, 144, 48),
        ("daddr ip", types.IPV4_ADDR, 192, 32),
    ),
)
INET_SERVICE: Final = Protocol("inet-service", "th", {}, _TRANSPORTS, next_meta="l4proto")

# --- the transport layer ------------------------------------------------------------------------------------

_PORTS: Final = (("sport", types.INET_SERVICE, 0, 16), ("dport", types.INET_SERVICE, 16, 16))
_ECHO: Final = (8, 0)
_ECHO6: Final = (128, 129)

AH: Final = Protocol(
    "ah",
    "th",
    _fields(
        ("nexthdr", types.INET_PROTO, 0, 8),
        ("hdrlength", INTEGER, 8, 8),
        ("reserved", INTEGER, 16, 16),
        ("spi", INTEGER, 32, 32),
        ("sequence", INTEGER, 64, 32),
    ),
    _ABOVE_AH,
    next_field="nexthdr",
)
ESP: Final = Protocol("esp", "th", _fields(("spi", INTEGER, 0, 32), ("sequence", INTEGER, 32, 32)))
COMP: Final = Protocol(
    "comp",
    "th",
    _fields(("nexthdr", types.INET_PROTO, 0, 8), ("flags", types.BITMASK, 8, 8), ("cpi", INTEGER, 16, 16)),
    _ABOVE_AH,
    next_field="nexthdr",
)
ICMP: Final = Protocol(
    "icmp",
    "th",
    _fields(
        ("type", types.ICMP_TYPE, 0, 8),
        ("code", types.ICMP_CODE, 8, 8),
        ("checksum", INTEGER, 16, 16),
        ("id", INTEGER, 32, 16, _ECHO),
        ("sequence", INTEGER, 48, 16, _ECHO),
        ("gateway", INTEGER, 32, 32, (5,)),
        ("mtu", INTEGER, 48, 16, (3,)),
    ),
    checksum="checksum",
)
IGMP: Final = Protocol(
    "igmp",
    "th",
    _fields(
        ("type", types.IGMP_TYPE, 0, 8),
        ("checksum", INTEGER, 16, 16),
        ("mrt", INTEGER, 8, 8),
        ("group", INTEGER, 32, 32),
    ),
    checksum="checksum",
)
ICMPV6: Final = Protocol(
    "icmpv6",
    "th",
    _fields(
        ("type", types.ICMPV6_TYPE, 0, 8),
        ("code", types.ICMPV6_CODE, 8, 8),
        ("checksum", INTEGER, 16, 16),
        ("parameter-problem", INTEGER, 32, 32, (4,)),
        ("mtu", INTEGER, 32, 32, (2,)),
        ("id", INTEGER, 32, 16, _ECHO6),
        ("sequence", INTEGER, 48, 16, _ECHO6),
        ("max-delay", INTEGER, 32, 16, (130,)),
    ),
    checksum="checksum",
)
UDP: Final = Protocol(
    "udp",
    "th",
    _fields(*_PORTS, ("length", INTEGER, 32, 16), ("checksum", INTEGER, 48, 16)),
    checksum="checksum",
)
UDPLITE: Final = Protocol(
    "udplite", "th", _fields(*_PORTS, ("csumcov", INTEGER, 32, 16), ("checksum", INTEGER, 48, 16))
)
TCP: Final = Protocol(
    "tcp",
    "th",
    _fields(
        *_PORTS,
        ("sequence", INTEGER, 32, 32),
        ("ackseq", INTEGER, 64, 32),
        ("doff", INTEGER, 96, 4),
        ("reserved", INTEGER, 100, 4),
        ("flags", types.TCP_FLAG, 104, 8),
        ("window", INTEGER, 112, 16),
        ("checksum", INTEGER, 128, 16),
        ("urgptr", INTEGER, 144, 16),
    ),
    checksum="checksum",
)
DCCP: Final = Protocol("dccp", "th", _fields(*_PORTS, ("type", types.DCCP_PKTTYPE, 67, 4)))
SCTP: Final = Protocol(
    "sctp",
    "th",
    _fields(*_PORTS, ("vtag", INTEGER, 32, 32), ("checksum", INTEGER, 64, 32)),
    checksum="checksum",
)
TH: Final = Protocol("th", "th", _fields(*_PORTS))

PROTOCOLS: Final[Mapping[str, Protocol]] = {
    protocol.name: protocol
    for protocol in (
        *(ETHER, VLAN, INET, NETDEV, IP, IP6, ARP, INET_SERVICE),
        *(AH, ESP, COMP, ICMP, IGMP, ICMPV6, UDP, UDPLITE, TCP, DCCP, SCTP, TH),
    )
}

# What is known of a packet at the hooks of a family before a rule looks at it.
FAMILY_PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "ip": IP,
    "ip6": IP6,
    "inet": INET,
    "arp": ARP,
    "bridge": ETHER,
    "netdev": NETDEV,
}
