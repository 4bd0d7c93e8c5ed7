"""Changes one end of a packet: an address, a port, and the checksums over them, bit for bit as Linux does.

    offset:  |<- header of IP ->|<- transport header ->|
             ^ `at`             ^ `transport`

IPv6 has no sum in its header, and may have other headers between these two. What an ICMP error quotes is
changed by the same functions.

Linux: net/netfilter/nf_nat_proto.c
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from pystack.netfilter.conntrack.tuples import (
    IPPROTO_GRE,
    IPPROTO_SCTP,
    IPPROTO_UDPLITE,
    WITH_ID,
    Tuple,
    inverted,
    read,
)
from pystack.netfilter.hooks import NFPROTO_IPV6
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC
from pystack.packet import Packet
from pystack.wire import icmp, icmp6, ipv6, tcp, udp
from pystack.wire.checksum import Buffer, update32, update_partial
from pystack.wire.crc32c import crc32c
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.virtio import NEEDS_CSUM

_U16: Final = Struct("!H")
_KEY: Final = Struct("!xBIIHH")
_CHECK_AND_ADDRESSES: Final = Struct("!HII")  # of an IPv4 header, from
_CHECK_AT: Final = 10
_ADDRESSES6_AT: Final = 8  # of an IPv6 header; the destination's is behind the source's
_ICMPV6: Final = Struct("!BBHH")
_QUOTED: Final = 8  # octets of a transport header that an ICMP error has at least
_SCTP_HEADER: Final = 12
_SCTP_CHECK_AT: Final = 8
_GRE_HEADER: Final = 8
_GRE_CALL_AT: Final = 6
_GRE_VERSION: Final = 0x07
_WHOLE: Final = {IPPROTO_TCP: tcp.HEADER_LENGTH, IPPROTO_SCTP: _SCTP_HEADER}  # headers of more than _QUOTED
_NO_SUM: Final = 0xFFFF  # what UDP says instead of 0, which would mean that there is no sum
_WITH_ID: Final = frozenset({0, 8, 13, 14, 15, 16, 17, 18})  # queries and their answers


class End:
    """What one end of a packet becomes; packets of a flow share it."""

    __slots__ = ("address", "change", "manip", "port", "protocol")

    def __init__(self, protocol: int, manip: int, address: int, port: int) -> None:
        self.protocol = protocol
        self.manip = manip
        self.address = address
        self.port = port  # of ICMP the id
        self.change = _BY_PROTOCOL.get(protocol)  # what is done to the transport header

    @classmethod
    def of(cls, target: Tuple, manip: int) -> End:
        """That of a packet that is to look like this."""
        from_source = manip == MANIP_SRC
        address = target.saddr if from_source else target.daddr
        has_id = target.protocol in WITH_ID
        return cls(target.protocol, manip, address, target.sport if from_source or has_id else target.dport)

    @classmethod
    def of_answered(cls, key: bytes, manip: int) -> End:
        """That of a packet that is answered by those with this key (tuples.py)."""
        if key[0] == NFPROTO_IPV6:
            return cls.of(read(inverted(key) or key), manip)
        protocol, saddr, daddr, first, second = _KEY.unpack_from(key)
        if manip == MANIP_DST:
            return cls(protocol, manip, saddr, first)
        return cls(protocol, manip, daddr, first if protocol == IPPROTO_ICMP else second)


def translate(pkt: Packet, end: End) -> bool:
    """Change a packet; False if it is cut off. Linux: nf_nat_manip_pkt()"""
    header, partial = pkt.ip, bool(pkt.offload.flags & NEEDS_CSUM)
    if header is None:
        return _translate_ipv6(pkt, end, partial=partial)
    if not translate_at(pkt.writable(), pkt.network_header, end, partial=partial):
        return False
    if end.manip == MANIP_SRC:
        header.check = (header.check + header.saddr - end.address) % 0xFFFF  # update32()
        header.saddr = end.address
    else:
        header.check = (header.check + header.daddr - end.address) % 0xFFFF
        header.daddr = end.address
    return True


def translate_at(data: bytearray, at: int, end: End, *, partial: bool = False) -> bool:
    """The same where a packet lies in octets. Linux: nf_nat_ipv4_manip_pkt()"""
    if len(data) < at + HEADER_LENGTH:
        return False
    check, saddr, daddr = _CHECK_AND_ADDRESSES.unpack_from(data, at + _CHECK_AT)
    old, change = saddr if end.manip == MANIP_SRC else daddr, end.change
    if change is not None and not change(data, at + (data[at] & 15) * 4, end, old, partial):
        return False
    if end.manip == MANIP_SRC:
        saddr = end.address
    else:
        daddr = end.address
    check = (check + old - end.address) % 0xFFFF  # update32()
    _CHECK_AND_ADDRESSES.pack_into(data, at + _CHECK_AT, check, saddr, daddr)
    return True


def _translate_ipv6(pkt: Packet, end: End, *, partial: bool) -> bool:
    header = pkt.ip6
    assert header is not None, "no IPv6 packet comes to an ip6 hook unparsed"
    if header.frag_lengths:
        header.join(written_to(pkt.data, pkt.network_header, end.protocol) - pkt.network_header)
    if not translate_ipv6_at(pkt.writable(), pkt.network_header, end, partial=partial):
        return False
    if end.manip == MANIP_SRC:
        header.saddr = end.address
    else:
        header.daddr = end.address
    return True


def translate_ipv6_at(data: bytearray, at: int, end: End, *, partial: bool = False) -> bool:
    """The same of IPv6; where there is no transport header, only the address.

    Linux: nf_nat_ipv6_manip_pkt()
    """
    if len(data) < at + ipv6.HEADER_LENGTH:
        return False
    where = at + _ADDRESSES6_AT + 16 * end.manip
    old, change = int.from_bytes(data[where : where + 16], "big"), end.change
    found = None if change is None else ipv6.find_transport(data, at)
    if change is not None and found is not None and not change(data, found.offset, end, old, partial):
        return False
    data[where : where + 16] = end.address.to_bytes(16, "big")
    return True


def written_to(data: Buffer, at: int, protocol: int) -> int:
    """How far a packet of IPv6 that lies in octets is written to. Linux: nf_nat_ipv6_manip_pkt()"""
    found = ipv6.find_transport(data, at) if protocol in _BY_PROTOCOL else None
    if found is None:
        return at + ipv6.HEADER_LENGTH
    whole = _WHOLE.get(protocol, _QUOTED)
    return found.offset + (whole if len(data) - found.offset >= whole else _QUOTED)


def _tcp(data: bytearray, transport: int, end: End, old: int, partial: bool) -> bool:
    """A quoted header may end before its checksum. Linux: tcp_manip_pkt()"""
    length, where = len(data) - transport, transport + 2 * end.manip
    if length < _QUOTED:
        return False
    (port,) = _U16.unpack_from(data, where)
    _U16.pack_into(data, where, end.port)
    if length >= tcp.HEADER_LENGTH:
        where = transport + tcp.CHECK_OFFSET
        (check,) = _U16.unpack_from(data, where)
        _U16.pack_into(data, where, _summed(check, end, old, port, partial))
    return True


def _udp(data: bytearray, transport: int, end: End, old: int, partial: bool) -> bool:
    """Without a sum there is none afterwards. Linux: udp_manip_pkt(), __udp_manip_pkt()"""
    if len(data) - transport < udp.HEADER_LENGTH:
        return False
    sport, dport, length, check = udp.HEADER.unpack_from(data, transport)
    port = sport if end.manip == MANIP_SRC else dport
    if check or end.protocol == IPPROTO_UDPLITE:
        check = _summed(check, end, old, port, partial) or _NO_SUM
    if end.manip == MANIP_SRC:
        sport = end.port
    else:
        dport = end.port
    udp.HEADER.pack_into(data, transport, sport, dport, length, check)
    return True


def _summed(check: int, end: End, old: int, port: int, partial: bool) -> int:
    """The checksum after address and port changed; one that is owed knows the addresses alone."""
    if partial:
        return update_partial(check, old, end.address)
    return (check + old + port - end.address - end.port) % 0xFFFF  # update32(), twice


def _sctp(data: bytearray, transport: int, end: End, old: int, partial: bool) -> bool:
    """Its sum knows no addresses, and cannot be changed by difference. Linux: sctp_manip_pkt()"""
    length = len(data) - transport
    if length < _QUOTED:
        return False
    _U16.pack_into(data, transport + 2 * end.manip, end.port)
    if length >= _SCTP_HEADER and not partial:
        where = transport + _SCTP_CHECK_AT
        data[where : where + 4] = bytes(4)
        data[where : where + 4] = crc32c(data[transport:]).to_bytes(4, "little")
    return True


def _icmp(data: bytearray, transport: int, end: End, old: int, partial: bool) -> bool:
    """Only queries and their answers have an id. Linux: icmp_manip_pkt()"""
    if len(data) - transport < icmp.HEADER_LENGTH:
        return False
    if data[transport] in _WITH_ID:
        check, own = _U16.unpack_from(data, transport + 2)[0], _U16.unpack_from(data, transport + 4)[0]
        if not partial:
            _U16.pack_into(data, transport + 2, update32(check, own, end.port))
        _U16.pack_into(data, transport + 4, end.port)
    return True


def _icmpv6(data: bytearray, transport: int, end: End, old: int, partial: bool) -> bool:
    """Its sum knows the addresses. Linux: icmpv6_manip_pkt()"""
    if len(data) - transport < icmp6.HEADER_LENGTH:
        return False
    kind, _, check, own = _ICMPV6.unpack_from(data, transport)
    check = update_partial(check, old, end.address) if partial else update32(check, old, end.address)
    if kind in (icmp6.ECHO_REQUEST, icmp6.ECHO_REPLY):
        check = check if partial else update32(check, own, end.port)
        _U16.pack_into(data, transport + 4, end.port)
    _U16.pack_into(data, transport + icmp6.CHECK_OFFSET, check)
    return True


def _gre(data: bytearray, transport: int, end: End, old: int, partial: bool) -> bool:
    """PPTP's call, of which a packet names only the destination's. Linux: gre_manip_pkt()"""
    if len(data) - transport < _GRE_HEADER:
        return False
    version = data[transport + 1] & _GRE_VERSION
    if end.manip != MANIP_DST or not version:
        return True
    if version == 1:
        _U16.pack_into(data, transport + _GRE_CALL_AT, end.port)
    return version == 1


# Of octets: where the transport header begins, what the end becomes, its address before, and whether only the
# pseudo-header is summed yet; False if the header is cut off.
_Change = Callable[[bytearray, int, End, int, bool], bool]
_BY_PROTOCOL: Final[dict[int, _Change]] = {
    IPPROTO_TCP: _tcp,
    IPPROTO_UDP: _udp,
    IPPROTO_UDPLITE: _udp,
    IPPROTO_SCTP: _sctp,
    IPPROTO_ICMP: _icmp,
    ipv6.IPPROTO_ICMPV6: _icmpv6,
    IPPROTO_GRE: _gre,
}
