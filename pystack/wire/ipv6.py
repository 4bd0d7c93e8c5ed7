"""The IPv6 header, and the headers that may stand between it and what it carries (RFC 8200)."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address
from struct import Struct
from typing import Final, NamedTuple

from pystack.wire.checksum import Buffer
from pystack.wire.ipv4 import address_text as ipv4_text
from pystack.wire.malformed import Malformed

HEADER: Final = Struct("!IHBB16s16s")
HEADER_LENGTH: Final = HEADER.size
ADDRESS_BITS: Final = 128

IN6ADDR_LOOPBACK: Final = 1

NEXTHDR_HOP: Final = 0
NEXTHDR_ROUTING: Final = 43
NEXTHDR_FRAGMENT: Final = 44
NEXTHDR_AUTH: Final = 51
IPPROTO_ICMPV6: Final = 58
NEXTHDR_NONE: Final = 59
NEXTHDR_DEST: Final = 60
EXTENSION_HEADERS: Final = frozenset(
    (NEXTHDR_HOP, NEXTHDR_ROUTING, NEXTHDR_FRAGMENT, NEXTHDR_AUTH, NEXTHDR_NONE, NEXTHDR_DEST)
)

IP6_MF: Final = 0x0001
IP6_OFFSET: Final = 0xFFF8  # of a fragment, in octets

_TRAFFIC_CLASS_AT: Final = 20  # bits from the right end of the first word
_FLOW_LABEL: Final = 0xFFFFF
_FRAGMENT_LENGTH: Final = 8
_TLV_PAD1: Final = 0
_TLV_PADN: Final = 1
_TLV_JUMBO: Final = 0xC2


class Ipv6Header:
    """The fields of one header, as numbers; called as those of IPv4 are that mean the same."""

    __slots__ = (
        "daddr",
        "flow_label",
        "frag_lengths",
        "frag_max",
        "next_header",
        "payload_len",
        "saddr",
        "tos",
        "ttl",
    )

    def __init__(
        self,
        saddr: int,
        daddr: int,
        next_header: int,
        *,
        ttl: int = 64,
        tos: int = 0,
        flow_label: int = 0,
        payload_len: int = 0,
    ) -> None:
        self.saddr = saddr
        self.daddr = daddr
        self.next_header = next_header
        self.ttl = ttl  # the hop limit
        self.tos = tos  # the traffic class
        self.flow_label = flow_label
        self.payload_len = payload_len
        self.frag_max = 0  # the longest of the fragments that it was put together from
        self.frag_lengths: tuple[int, ...] = ()  # of what each of them carried

    @property
    def tot_len(self) -> int:
        """Of the whole packet, this header included."""
        return HEADER_LENGTH + self.payload_len

    def join(self, octets: int) -> None:
        """Have so much of the packet in one piece, because somebody writes there: if it leaves in fragments
        again, the later ones begin behind it. Linux: net/core/skbuff.c __pskb_pull_tail()
        """
        lengths = list(self.frag_lengths)
        missing = octets - (self.tot_len - sum(lengths[1:]))
        while missing > 0 and len(lengths) > 1:
            taken = min(missing, lengths[1])
            lengths[0], lengths[1], missing = lengths[0] + taken, lengths[1] - taken, missing - taken
            if not lengths[1]:
                del lengths[1]
        self.frag_lengths = tuple(lengths)

    def copy(self) -> Ipv6Header:
        """A header that can change without this one."""
        twin = Ipv6Header(
            self.saddr,
            self.daddr,
            self.next_header,
            ttl=self.ttl,
            tos=self.tos,
            flow_label=self.flow_label,
            payload_len=self.payload_len,
        )
        twin.frag_max = self.frag_max
        twin.frag_lengths = self.frag_lengths
        return twin


def parse(data: Buffer, offset: int) -> Ipv6Header | Malformed:
    """The header at `offset`; whether the packet is as long as it says is the caller's to judge."""
    if len(data) - offset < HEADER_LENGTH:
        return Malformed.TRUNCATED
    first, payload_len, next_header, hop_limit, saddr, daddr = HEADER.unpack_from(data, offset)
    if first >> 28 != 6:
        return Malformed.VERSION
    return Ipv6Header(
        int.from_bytes(saddr, "big"),
        int.from_bytes(daddr, "big"),
        next_header,
        ttl=hop_limit,
        tos=first >> _TRAFFIC_CLASS_AT & 0xFF,
        flow_label=first & _FLOW_LABEL,
        payload_len=payload_len,
    )


def is_plain(data: Buffer, offset: int) -> bool:
    """Whether a header begins there whose packet ends with the data, and that has no hop-by-hop options."""
    length = len(data) - offset - HEADER_LENGTH
    return (
        length >= 0
        and data[offset] >> 4 == 6
        and (data[offset + 4] << 8 | data[offset + 5]) == length
        and data[offset + 6] != NEXTHDR_HOP
    )


def build(header: Ipv6Header) -> bytes:
    """The header's octets."""
    first = 6 << 28 | header.tos << _TRAFFIC_CLASS_AT | header.flow_label
    saddr, daddr = header.saddr.to_bytes(16, "big"), header.daddr.to_bytes(16, "big")
    return HEADER.pack(first, header.payload_len, header.next_header, header.ttl, saddr, daddr)


class Found(NamedTuple):
    """A header behind the first one."""

    protocol: int  # whose it is
    offset: int  # where it begins
    fragment: int  # in which fragment, in octets; 0: in the first, or the packet is none


def extension_length(data: Buffer, kind: int, offset: int) -> int:
    """How long an extension header is that begins there, its first two octets at hand."""
    if kind == NEXTHDR_FRAGMENT:
        return _FRAGMENT_LENGTH
    if kind == NEXTHDR_AUTH:
        return (data[offset + 1] + 2) << 2
    return (data[offset + 1] + 1) << 3


def find_upper(data: Buffer, network: int, *, ends_at_auth: bool = False) -> Found | None:
    """What the packet carries behind its extension headers; None if one of those is cut off, or if it is a
    later fragment that does not tell. To some an authentication header is already that.

    Linux: net/ipv6/exthdrs_core.c ipv6_find_hdr() with target -1
    """
    at, kind = network + HEADER_LENGTH, data[network + 6]
    while kind in EXTENSION_HEADERS and kind != NEXTHDR_NONE:
        if len(data) - at < (4 if kind in (NEXTHDR_ROUTING, NEXTHDR_FRAGMENT) else 2):
            return None
        following = data[at]
        if kind == NEXTHDR_FRAGMENT:
            offset = int.from_bytes(data[at + 2 : at + 4], "big") & IP6_OFFSET
            if offset:
                tells = following not in EXTENSION_HEADERS or following == NEXTHDR_NONE
                return Found(following, at, offset) if tells else None
        if kind == NEXTHDR_AUTH and ends_at_auth:
            break
        length = extension_length(data, kind, at)
        if len(data) - at < length:
            return None
        kind, at = following, at + length
    return Found(kind, at, 0)


def skip_extensions(data: Buffer, kind: int, offset: int) -> Found | None:
    """What stands behind a chain of extension headers that begins with one of a kind; None if it is cut off,
    or carries nothing. That what it leads to is there is not said.

    Linux: net/ipv6/exthdrs_core.c ipv6_skip_exthdr()
    """
    while kind in EXTENSION_HEADERS:
        if kind == NEXTHDR_NONE or len(data) - offset < (4 if kind == NEXTHDR_FRAGMENT else 2):
            return None
        if kind == NEXTHDR_FRAGMENT:
            fragment = int.from_bytes(data[offset + 2 : offset + 4], "big") & IP6_OFFSET
            if fragment:
                return Found(kind, offset, fragment)
        kind, offset = data[offset], offset + extension_length(data, kind, offset)
    return Found(kind, offset, 0)


def find_transport(data: Buffer, network: int) -> Found | None:
    """What a packet carries; None if that cannot be told, as of a later fragment.

    Linux: net/netfilter/nf_conntrack_core.c ipv6_get_l4proto()
    """
    if len(data) - network < HEADER_LENGTH:
        return None
    found = skip_extensions(data, data[network + 6], network + HEADER_LENGTH)
    return None if found is None or found.fragment else found


def find_header(data: Buffer, network: int, wanted: int) -> Found | Malformed | None:
    """An extension header by its number; None if there is none.

    Linux: net/ipv6/exthdrs_core.c ipv6_find_hdr()
    """
    at, kind = network + HEADER_LENGTH, data[network + 6]
    while kind != wanted:
        if kind not in EXTENSION_HEADERS or kind == NEXTHDR_NONE:
            return None
        if len(data) - at < (4 if kind in (NEXTHDR_ROUTING, NEXTHDR_FRAGMENT) else 2):
            return Malformed.TRUNCATED
        if kind == NEXTHDR_FRAGMENT and int.from_bytes(data[at + 2 : at + 4], "big") & IP6_OFFSET:
            return None  # what follows stood in the first fragment
        length = extension_length(data, kind, at)
        if len(data) - at < length:
            return Malformed.TRUNCATED
        kind, at = data[at], at + length
    return Found(wanted, at, 0)


def is_sound_hop_by_hop(data: Buffer, offset: int, end: int) -> bool:
    """Whether the options of a hop-by-hop header fit it, and tell nothing impossible.

    Linux: net/bridge/br_netfilter_ipv6.c br_nf_check_hbh_len()
    """
    if end - offset < 2:
        return False
    left = (data[offset + 1] + 1) << 3
    if left > end - offset:
        return False
    at, left = offset + 2, left - 2
    while left > 0:
        if data[at] == _TLV_PAD1:
            at, left = at + 1, left - 1
            continue
        if at + 1 >= end:
            return False
        length = data[at + 1] + 2
        if data[at] == _TLV_JUMBO or (data[at] != _TLV_PADN and length > left):
            return False  # no frame that comes here is as long as a jumbogram
        at, left = at + length, left - length
    return left == 0


# --- addresses ----------------------------------------------------------------------------------------------


def parse_address(text: str) -> int | None:
    """The number of an address in any of its spellings, None if it is not one."""
    try:
        return None if "%" in text else int(IPv6Address(text))
    except AddressValueError:
        return None


def address_text(address: int) -> str:
    """`fe80::1`: RFC 5952, as inet_ntop() does it."""
    words = [address >> shift & 0xFFFF for shift in range(112, -1, -16)]
    start, length = _longest_zeros(words)
    if start == 0 and (length == 6 or (length == 5 and words[5] == 0xFFFF)):
        return ("::" if length == 6 else "::ffff:") + ipv4_text(address & 0xFFFFFFFF)
    texts = [f"{word:x}" for word in words]
    if length < 2:
        return ":".join(texts)
    return ":".join(texts[:start]) + "::" + ":".join(texts[start + length :])


def full_text(address: int) -> str:
    """`fe80:0000:0000:0000:0000:0000:0000:0001`, as the kernel prints it (%pI6)."""
    digits = f"{address:032x}"
    return ":".join(digits[at : at + 4] for at in range(0, 32, 4))


def netmask(prefixlen: int) -> int:
    """`64` to the number of ffff:ffff:ffff:ffff::"""
    ones = (1 << ADDRESS_BITS) - 1
    return ones << (ADDRESS_BITS - prefixlen) & ones


def is_multicast(address: int) -> bool:
    """ff00::/8"""
    return address >> 120 == 0xFF


def _longest_zeros(words: list[int]) -> tuple[int, int]:
    best = (-1, 0)
    start = -1
    for at, word in enumerate([*words, 1]):
        if word == 0 and start < 0:
            start = at
        elif word != 0 and start >= 0:
            if at - start > best[1]:
                best = (start, at - start)
            start = -1
    return best
