"""Where two frames differ, by the name of the field: what a cause is made of.

Reads a frame only as far as it makes sense; hostile or short bytes end the reading, never raise.
"""

from __future__ import annotations

from typing import Final

from pystack.wire import ipv6
from pystack.wire.ethernet import ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

Field = tuple[str, int, int]  # name, start, end

_ETHERNET: Final[tuple[Field, ...]] = (("eth.dst", 0, 6), ("eth.src", 6, 12), ("eth.type", 12, 14))
_VLAN: Final[tuple[Field, ...]] = (("vlan.tci", 0, 2), ("vlan.type", 2, 4))
_ARP: Final[tuple[Field, ...]] = (
    ("arp.header", 0, 6),
    ("arp.op", 6, 8),
    ("arp.hwsrc", 8, 14),
    ("arp.psrc", 14, 18),
    ("arp.hwdst", 18, 24),
    ("arp.pdst", 24, 28),
)
_IP: Final[tuple[Field, ...]] = (
    ("ip.version+ihl", 0, 1),
    ("ip.tos", 1, 2),
    ("ip.len", 2, 4),
    ("ip.id", 4, 6),
    ("ip.frag", 6, 8),
    ("ip.ttl", 8, 9),
    ("ip.proto", 9, 10),
    ("ip.chksum", 10, 12),
    ("ip.src", 12, 16),
    ("ip.dst", 16, 20),
)
_IP6: Final[tuple[Field, ...]] = (
    ("ip6.version+class+flow", 0, 4),
    ("ip6.len", 4, 6),
    ("ip6.next", 6, 7),
    ("ip6.hlim", 7, 8),
    ("ip6.src", 8, 24),
    ("ip6.dst", 24, 40),
)
_FRAGMENT6: Final[tuple[Field, ...]] = (("frag6.next", 0, 2), ("frag6.offset", 2, 4), ("frag6.id", 4, 8))
_ICMP: Final[tuple[Field, ...]] = (
    ("icmp.type", 0, 1),
    ("icmp.code", 1, 2),
    ("icmp.chksum", 2, 4),
    ("icmp.id", 4, 6),
    ("icmp.seq", 6, 8),
)
_UDP: Final[tuple[Field, ...]] = (
    ("udp.sport", 0, 2),
    ("udp.dport", 2, 4),
    ("udp.len", 4, 6),
    ("udp.chksum", 6, 8),
)
_TCP: Final[tuple[Field, ...]] = (
    ("tcp.sport", 0, 2),
    ("tcp.dport", 2, 4),
    ("tcp.seq", 4, 8),
    ("tcp.ack", 8, 12),
    ("tcp.offset", 12, 13),
    ("tcp.flags", 13, 14),
    ("tcp.window", 14, 16),
    ("tcp.chksum", 16, 18),
    ("tcp.urgptr", 18, 20),
)
_TRANSPORT: Final = {IPPROTO_ICMP: _ICMP, IPPROTO_UDP: _UDP, IPPROTO_TCP: _TCP}
_IP_HEADER: Final = 20


def layout(frame: bytes) -> list[Field]:
    """The fields of a frame, with their places; what is not understood is `payload`."""
    fields = list(_ETHERNET)
    if len(frame) < ETH_HLEN:
        return [("frame", 0, len(frame))]
    at = ETH_HLEN
    kind = int.from_bytes(frame[12:14], "big")
    while kind in (ETH_P_8021Q, ETH_P_8021AD) and len(frame) >= at + 4:
        fields += _moved(_VLAN, at)
        kind = int.from_bytes(frame[at + 2 : at + 4], "big")
        at += 4
    if kind == ETH_P_ARP and len(frame) >= at + 28:
        fields += _moved(_ARP, at)
        at += 28
    elif kind == ETH_P_IP and len(frame) >= at + _IP_HEADER:
        at = _ip_layout(frame, at, fields)
    elif kind == ETH_P_IPV6 and len(frame) >= at + ipv6.HEADER_LENGTH:
        at = _ipv6_layout(frame, at, fields)
    return [*fields, ("payload", at, max(len(frame), at))]


def _ipv6_layout(frame: bytes, at: int, fields: list[Field]) -> int:
    """As far as a fragment header, if there is one."""
    fields += _moved(_IP6, at)
    network, at = at, at + ipv6.HEADER_LENGTH
    found = ipv6.find_header(frame, network, ipv6.NEXTHDR_FRAGMENT)
    if not isinstance(found, ipv6.Found) or len(frame) < found.offset + _FRAGMENT6[-1][2]:
        return at
    if found.offset > at:
        fields.append(("ip6.options", at, found.offset))
    fields += _moved(_FRAGMENT6, found.offset)
    return found.offset + _FRAGMENT6[-1][2]


def _ip_layout(frame: bytes, at: int, fields: list[Field]) -> int:
    fields += _moved(_IP, at)
    header = max((frame[at] & 15) * 4, _IP_HEADER)
    if header > _IP_HEADER:
        fields.append(("ip.options", at + _IP_HEADER, at + header))
    is_first = not int.from_bytes(frame[at + 6 : at + 8], "big") & 0x1FFF
    transport = _TRANSPORT.get(frame[at + 9], ()) if is_first else ()
    at += header
    if transport and len(frame) >= at + transport[-1][2]:
        fields += _moved(transport, at)
        at += transport[-1][2]
    return at


def _moved(fields: tuple[Field, ...], offset: int) -> list[Field]:
    return [(name, start + offset, end + offset) for name, start, end in fields]


def differing(left: bytes, right: bytes) -> list[str]:
    """The names of the fields that differ, in the order of the first frame; `length` if only that does."""
    names = [name for name, start, end in layout(left) if left[start:end] != right[start:end]]
    if not names and left != right:
        return ["length"]
    return names


def place_of(frame: bytes, name: str) -> tuple[int, int] | None:
    """Where a field stands in a frame, None if the frame has none."""
    for known, start, end in layout(frame):
        if known == name:
            return start, end
    return None
