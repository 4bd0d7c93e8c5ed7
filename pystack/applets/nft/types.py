"""The kinds of values that the language knows, with the words for their numbers.

Linux: nftables src/datatype.c
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.nft import symbols


@dataclass(frozen=True, slots=True, eq=False)
class DataType:
    """Linux's nft calls them ipv4_addr, inet_service, ct_state, …; `describe` shows them."""

    name: str
    bits: int  # 0: as many as there are
    description: str
    host_order: bool = False  # how the kernel's register has it; a Value is big-endian all the same
    base: DataType | None = None
    symbols: Mapping[str, int] = field(default_factory=dict)
    hex_digits: int = -1  # numbers without a word are printed 0x… with as many digits at least; -1: decimal
    hex_symbols: bool = False  # `describe` shows the numbers of words in hexadecimal
    masks_as_prefix: bool = False  # a mask of leading ones is printed as a prefix

    @property
    def octets(self) -> int:
        """How long a Value of this kind is; 0 if that depends."""
        return (self.bits + 7) // 8

    def is_a(self, kind: DataType) -> bool:
        """Whether this is a kind, or built on it."""
        at: DataType | None = self
        while at is not None:
            if at is kind:
                return True
            at = at.base
        return False


INVALID: Final = DataType("invalid", 0, "invalid")
VERDICT: Final = DataType("verdict", 0, "netfilter verdict")
INTEGER: Final = DataType("integer", 0, "integer")
RAW_INTEGER: Final = DataType("integer", 0, "integer", base=INTEGER, hex_digits=0)  # of `@th,16,16`
STRING: Final = DataType("string", 0, "string", host_order=True)
BITMASK: Final = DataType("bitmask", 0, "bitmask", base=INTEGER, hex_digits=0)
BOOLEAN: Final = DataType("boolean", 1, "boolean type", base=INTEGER, symbols={"exists": 1, "missing": 0})

# --- addresses and names of the link ------------------------------------------------------------------------

LL_ADDR: Final = DataType("ll_addr", 0, "link layer address", base=INTEGER)
ETHER_ADDR: Final = DataType("ether_addr", 48, "Ethernet address", base=LL_ADDR)
ETHER_TYPE: Final = DataType(
    "ether_type",
    16,
    "Ethernet protocol",
    base=INTEGER,
    symbols=symbols.ETHER_TYPES,
    hex_digits=4,
    hex_symbols=True,
)
ARP_OP: Final = DataType(
    "arp_op", 16, "ARP operation", base=INTEGER, symbols=symbols.ARP_OPERATIONS, hex_symbols=True
)
IFACE_INDEX: Final = DataType("iface_index", 32, "network interface index", host_order=True, base=INTEGER)
IFACE_TYPE: Final = DataType(
    "iface_type",
    16,
    "network interface type",
    host_order=True,
    base=INTEGER,
    symbols=symbols.DEVICE_TYPES,
    hex_symbols=True,
)
IFNAME: Final = DataType("ifname", 128, "network interface name", host_order=True, base=STRING)
DEVGROUP: Final = DataType(
    "devgroup", 32, "devgroup name", host_order=True, base=INTEGER, masks_as_prefix=True
)

# --- the network layer --------------------------------------------------------------------------------------

NF_PROTO: Final = DataType("nf_proto", 8, "netfilter protocol", base=INTEGER, symbols={"ipv4": 2, "ipv6": 10})
IPV4_ADDR: Final = DataType("ipv4_addr", 32, "IPv4 address", base=INTEGER, masks_as_prefix=True)
IPV6_ADDR: Final = DataType("ipv6_addr", 128, "IPv6 address", base=INTEGER, masks_as_prefix=True)
INET_PROTO: Final = DataType("inet_proto", 8, "Internet protocol", base=INTEGER)
DSCP: Final = DataType(
    "dscp",
    6,
    "Differentiated Services Code Point",
    base=INTEGER,
    symbols=symbols.DSCPS,
    hex_digits=2,
    hex_symbols=True,
)
ECN: Final = DataType(
    "ecn",
    2,
    "Explicit Congestion Notification",
    base=INTEGER,
    symbols={"not-ect": 0, "ect1": 1, "ect0": 2, "ce": 3},
    hex_digits=1,
    hex_symbols=True,
)
FIB_ADDRTYPE: Final = DataType(
    "fib_addrtype",
    32,
    "fib address type",
    host_order=True,
    base=INTEGER,
    symbols=symbols.ADDRESS_TYPES,
)
REALM: Final = DataType("realm", 32, "routing realm", host_order=True, base=INTEGER, masks_as_prefix=True)
MH_TYPE: Final = DataType("mh_type", 8, "Mobility Header Type", base=INTEGER, symbols=symbols.MOBILITY_TYPES)

# --- the transport layer ------------------------------------------------------------------------------------

INET_SERVICE: Final = DataType("inet_service", 16, "internet network service", base=INTEGER)
TCP_FLAG: Final = DataType(
    "tcp_flag", 8, "TCP flag", base=BITMASK, symbols=symbols.TCP_FLAGS, hex_symbols=True
)
DCCP_PKTTYPE: Final = DataType(
    "dccp_pkttype", 4, "DCCP packet type", base=INTEGER, symbols=symbols.DCCP_TYPES, hex_symbols=True
)
ICMP_TYPE: Final = DataType("icmp_type", 8, "ICMP type", base=INTEGER, symbols=symbols.ICMP_TYPES)
ICMP_CODE: Final = DataType("icmp_code", 8, "icmp code", base=INTEGER, symbols=symbols.ICMP_CODES)
ICMPV6_TYPE: Final = DataType("icmpv6_type", 8, "ICMPv6 type", base=INTEGER, symbols=symbols.ICMPV6_TYPES)
ICMPV6_CODE: Final = DataType("icmpv6_code", 8, "icmpv6 code", base=INTEGER, symbols=symbols.ICMPV6_CODES)
ICMPX_CODE: Final = DataType("icmpx_code", 8, "icmpx code", base=INTEGER, symbols=symbols.ICMPX_CODES)
IGMP_TYPE: Final = DataType("igmp_type", 8, "IGMP type", base=INTEGER, symbols=symbols.IGMP_TYPES)

# --- connections --------------------------------------------------------------------------------------------

CT_STATE: Final = DataType(
    "ct_state",
    32,
    "conntrack state",
    host_order=True,
    base=BITMASK,
    symbols=symbols.CT_STATES,
    hex_symbols=True,
)
CT_DIR: Final = DataType(
    "ct_dir", 8, "conntrack direction", base=INTEGER, symbols={"original": 0, "reply": 1}
)
CT_STATUS: Final = DataType(
    "ct_status",
    32,
    "conntrack status",
    host_order=True,
    base=BITMASK,
    symbols=symbols.CT_STATUSES,
    hex_symbols=True,
)
CT_EVENT: Final = DataType(
    "ct_event",
    32,
    "conntrack event bits",
    host_order=True,
    base=BITMASK,
    symbols=symbols.CT_EVENTS,
    hex_symbols=True,
)
CT_LABEL: Final = DataType("ct_label", 128, "conntrack label", host_order=True, base=BITMASK)

# --- what is noted about a packet ---------------------------------------------------------------------------

MARK: Final = DataType(
    "mark", 32, "packet mark", host_order=True, base=INTEGER, hex_digits=8, masks_as_prefix=True
)
CLASSID: Final = DataType("classid", 32, "TC classid", host_order=True, base=INTEGER)
UID: Final = DataType("uid", 32, "user ID", host_order=True, base=INTEGER)
GID: Final = DataType("gid", 32, "group ID", host_order=True, base=INTEGER)
PKT_TYPE: Final = DataType(
    "pkt_type", 8, "packet type", host_order=True, base=INTEGER, symbols=symbols.PACKET_TYPES
)
CGROUPV2: Final = DataType("cgroupsv2", 64, "cgroupsv2 path", host_order=True, base=INTEGER)
TIME: Final = DataType("time", 32, "relative time", host_order=True, base=INTEGER)
DATE: Final = DataType("time", 64, "Relative time of packet reception", host_order=True, base=INTEGER)
DAY: Final = DataType(
    "day", 8, "Day of week of packet reception", host_order=True, base=INTEGER, symbols=symbols.DAYS
)
HOUR: Final = DataType("hour", 32, "Hour of day of packet reception", host_order=True, base=INTEGER)

# Those that a set may be declared with; two are called `time`, and the first one is meant.
TYPES: Final[Mapping[str, DataType]] = {
    kind.name: kind
    for kind in (
        *(INVALID, VERDICT, NF_PROTO, BITMASK, INTEGER, STRING, LL_ADDR, IPV4_ADDR, IPV6_ADDR, ETHER_ADDR),
        *(ETHER_TYPE, ARP_OP, INET_PROTO, INET_SERVICE, ICMP_TYPE, TCP_FLAG, DCCP_PKTTYPE, MH_TYPE, TIME),
        *(MARK, IFACE_INDEX, IFACE_TYPE, REALM, CLASSID, UID, GID, CT_STATE, CT_DIR, CT_STATUS, ICMPV6_TYPE),
        *(PKT_TYPE, ICMP_CODE, ICMPV6_CODE, ICMPX_CODE, DEVGROUP, DSCP, ECN, FIB_ADDRTYPE, BOOLEAN, IFNAME),
        *(IGMP_TYPE, HOUR, DAY, CGROUPV2),
    )
}
