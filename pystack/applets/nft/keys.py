"""What is known of a packet besides its octets: the keys of meta, ct, rt, socket and fib.

Linux: nftables src/meta.c, src/ct.c, src/rt.c, src/socket.c, src/fib.c
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.types import INTEGER, DataType


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """`meta mark`: what kind of value it is, and how long."""

    name: str
    type: DataType
    bits: int
    host_order: bool = True  # of the kernel's register


def _keys(keys: Iterable[Key]) -> Mapping[str, Key]:
    return {key.name: key for key in keys}


META_KEYS: Final = _keys(
    (
        Key("length", INTEGER, 32),
        Key("protocol", types.ETHER_TYPE, 16, host_order=False),
        Key("priority", types.CLASSID, 32),
        Key("mark", types.MARK, 32),
        Key("iif", types.IFACE_INDEX, 32),
        Key("oif", types.IFACE_INDEX, 32),
        Key("iifname", types.IFNAME, 128),
        Key("oifname", types.IFNAME, 128),
        Key("iiftype", types.IFACE_TYPE, 16),
        Key("oiftype", types.IFACE_TYPE, 16),
        Key("skuid", types.UID, 32),
        Key("skgid", types.GID, 32),
        Key("nftrace", INTEGER, 1),
        Key("rtclassid", types.REALM, 32),
        Key("secmark", INTEGER, 32),
        Key("nfproto", types.NF_PROTO, 8),
        Key("l4proto", types.INET_PROTO, 8),
        Key("ibrname", types.IFNAME, 128),
        Key("obrname", types.IFNAME, 128),
        Key("pkttype", types.PKT_TYPE, 8),
        Key("cpu", INTEGER, 32),
        Key("iifgroup", types.DEVGROUP, 32),
        Key("oifgroup", types.DEVGROUP, 32),
        Key("cgroup", INTEGER, 32),
        Key("random", INTEGER, 32, host_order=False),
        Key("ipsec", types.BOOLEAN, 8),
        Key("iifkind", types.IFNAME, 128),
        Key("oifkind", types.IFNAME, 128),
        Key("ibrpvid", INTEGER, 16),
        Key("ibrvproto", types.ETHER_TYPE, 16, host_order=False),
        Key("time", types.DATE, 64),
        Key("day", types.DAY, 8),
        Key("hour", types.HOUR, 32),
        Key("sdif", types.IFACE_INDEX, 32),
        Key("sdifname", types.IFNAME, 128),
    )
)
# Older words that mean one of these.
META_SYNONYMS: Final[Mapping[str, str]] = {"ibriport": "ibrname", "obriport": "obrname", "secpath": "ipsec"}
# Printed without `meta` in front.
BARE_META_KEYS: Final = frozenset(("iif", "oif", "iifname", "oifname", "iifgroup", "oifgroup"))

CT_KEYS: Final = _keys(
    (
        Key("state", types.CT_STATE, 32),
        Key("direction", types.CT_DIR, 8),
        Key("status", types.CT_STATUS, 32),
        Key("mark", types.MARK, 32),
        Key("expiration", types.TIME, 32),
        Key("helper", types.STRING, 128),
        Key("l3proto", types.NF_PROTO, 8),
        Key("saddr", types.INVALID, 0, host_order=False),
        Key("daddr", types.INVALID, 0, host_order=False),
        Key("protocol", types.INET_PROTO, 8, host_order=False),
        Key("proto-src", types.INVALID, 16, host_order=False),
        Key("proto-dst", types.INVALID, 16, host_order=False),
        Key("label", types.CT_LABEL, 128),
        Key("bytes", INTEGER, 64),
        Key("packets", INTEGER, 64),
        Key("avgpkt", INTEGER, 64),
        Key("zone", INTEGER, 16),
        Key("event", types.CT_EVENT, 32),
        Key("ip saddr", types.IPV4_ADDR, 32, host_order=False),
        Key("ip daddr", types.IPV4_ADDR, 32, host_order=False),
        Key("ip6 saddr", types.IPV6_ADDR, 128, host_order=False),
        Key("ip6 daddr", types.IPV6_ADDR, 128, host_order=False),
        Key("secmark", INTEGER, 32),
        Key("id", INTEGER, 32, host_order=False),
    )
)
RT_KEYS: Final = _keys(
    (
        Key("classid", types.REALM, 32),
        Key("nexthop", types.INVALID, 0, host_order=False),  # of the family that the rule is about
        Key("ip nexthop", types.IPV4_ADDR, 32, host_order=False),
        Key("ip6 nexthop", types.IPV6_ADDR, 128, host_order=False),
        Key("mtu", INTEGER, 16),
        Key("ipsec", types.BOOLEAN, 8),
    )
)
SOCKET_KEYS: Final = _keys(
    (
        Key("transparent", INTEGER, 8),
        Key("mark", types.MARK, 32),
        Key("wildcard", INTEGER, 8),
        Key("cgroupv2", types.CGROUPV2, 64),
    )
)
FIB_RESULTS: Final = _keys(
    (
        Key("oif", types.IFACE_INDEX, 32),
        Key("oifname", types.STRING, 128),
        Key("type", types.FIB_ADDRTYPE, 32),
    )
)
FIB_FLAGS: Final = ("saddr", "daddr", "mark", "iif", "oif")  # in the order in which they are printed
