"""The IPv4 header (RFC 791)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer, checksum
from pystack.wire.ip_options import IpOptions
from pystack.wire.malformed import Malformed

HEADER: Final = Struct("!BBHHHBBHII")
HEADER_LENGTH: Final = HEADER.size

IPPROTO_ICMP: Final = 1
IPPROTO_IGMP: Final = 2
IPPROTO_TCP: Final = 6
IPPROTO_UDP: Final = 17

IP_DF: Final = 0x4000
IP_MF: Final = 0x2000
IP_OFFSET: Final = 0x1FFF

MIN_MTU: Final = 68  # less, and there is no IPv4 on a link

INADDR_ANY: Final = 0
INADDR_BROADCAST: Final = 0xFFFFFFFF
INADDR_LOOPBACK: Final = 0x7F000001


class Ipv4Header:
    """The fields of one header, as numbers."""

    __slots__ = (
        "check",
        "daddr",
        "frag_lengths",
        "frag_max",
        "frag_off",
        "id",
        "ihl",
        "options",
        "parsed_options",
        "protocol",
        "saddr",
        "tos",
        "tot_len",
        "ttl",
    )

    def __init__(
        self,
        saddr: int,
        daddr: int,
        protocol: int,
        ttl: int = 64,
        tos: int = 0,
        id: int = 0,
        frag_off: int = 0,
        tot_len: int = 0,
        ihl: int = HEADER_LENGTH,
        check: int = 0,
        options: bytes = b"",
    ) -> None:
        self.saddr = saddr
        self.daddr = daddr
        self.protocol = protocol
        self.ttl = ttl
        self.tos = tos
        self.id = id
        self.frag_off = frag_off
        self.tot_len = tot_len
        self.ihl = ihl  # in octets
        self.check = check
        self.options = options
        self.parsed_options: IpOptions | None = None  # what `options` say, once somebody asked
        self.frag_max = 0  # the longest of the fragments that it was put together from
        self.frag_lengths: tuple[int, ...] = ()  # of all their payloads

    def copy(self) -> Ipv4Header:
        """A header that can change without this one."""
        twin = Ipv4Header(
            self.saddr,
            self.daddr,
            self.protocol,
            ttl=self.ttl,
            tos=self.tos,
            id=self.id,
            frag_off=self.frag_off,
            tot_len=self.tot_len,
            ihl=self.ihl,
            check=self.check,
            options=self.options,
        )
        twin.parsed_options = self.parsed_options
        twin.frag_max = self.frag_max
        twin.frag_lengths = self.frag_lengths
        return twin

    @property
    def is_fragment(self) -> bool:
        """Whether this is not a whole datagram."""
        return bool(self.frag_off & (IP_MF | IP_OFFSET))


_PLAIN = 0x45  # version 4, five words of header


def parse(data: Buffer, offset: int) -> Ipv4Header | Malformed:
    """The header at `offset`, with every check that needs no more than the bytes.

    Linux: net/ipv4/ip_input.c ip_rcv_core()
    """
    available = len(data) - offset
    if available < HEADER_LENGTH:
        return Malformed.TRUNCATED
    first, tos, tot_len, id_, frag_off, ttl, protocol, check, saddr, daddr = HEADER.unpack_from(data, offset)
    if first >> 4 != 4:
        return Malformed.VERSION
    ihl = (first & 15) * 4
    if ihl < HEADER_LENGTH:
        return Malformed.HEADER_LENGTH
    if available < ihl:
        return Malformed.TRUNCATED
    if int.from_bytes(data[offset : offset + ihl], "big") % 0xFFFF:  # verifies(), for it is not all zeros
        return Malformed.CHECKSUM
    if tot_len > available or tot_len < ihl:
        return Malformed.TOTAL_LENGTH
    options = bytes(data[offset + HEADER_LENGTH : offset + ihl]) if ihl > HEADER_LENGTH else b""
    # By position: names would take longer than all the checks.
    return Ipv4Header(saddr, daddr, protocol, ttl, tos, id_, frag_off, tot_len, ihl, check, options)


def is_plain(data: Buffer, offset: int) -> bool:
    """Whether a sound header without options begins there, whose packet ends with the data: parse() would
    find nothing to refuse, and there is nothing to trim.
    """
    end, length = offset + HEADER_LENGTH, len(data) - offset
    return (
        length >= HEADER_LENGTH
        and data[offset] == _PLAIN
        and (data[offset + 2] << 8 | data[offset + 3]) == length
        and int.from_bytes(data[offset:end], "big") % 0xFFFF == 0
    )


def build(header: Ipv4Header, payload_length: int) -> bytes:
    """The header's bytes with its lengths and checksum worked out, which are also stored back into it.

    Linux: net/ipv4/ip_output.c ip_send_check()
    """
    header.ihl = HEADER_LENGTH + len(header.options)
    header.tot_len = header.ihl + payload_length
    fields = (
        0x40 | header.ihl >> 2,
        header.tos,
        header.tot_len,
        header.id,
        header.frag_off,
        header.ttl,
        header.protocol,
    )
    header.check = checksum(HEADER.pack(*fields, 0, header.saddr, header.daddr) + header.options)
    return HEADER.pack(*fields, header.check, header.saddr, header.daddr) + header.options


def address_text(address: int) -> str:
    """`10.0.0.1`"""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def parse_address(text: str) -> int | None:
    """The number of a dotted quad, None if it is not one."""
    words = text.split(".")
    if len(words) != 4:
        return None
    value = 0
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= 3) or int(word) > 255:
            return None
        value = value << 8 | int(word)
    return value


def netmask(prefixlen: int) -> int:
    """`24` to 0xFFFFFF00."""
    return (0xFFFFFFFF << (32 - prefixlen)) & 0xFFFFFFFF


def is_multicast(address: int) -> bool:
    """224.0.0.0/4"""
    return address >> 28 == 0xE


def is_loopback(address: int) -> bool:
    """127.0.0.0/8"""
    return address >> 24 == 127


def is_zeronet(address: int) -> bool:
    """0.0.0.0 alone: since 5.3 the rest of 0/8 is as good as any. Linux: include/linux/in.h"""
    return address == 0
