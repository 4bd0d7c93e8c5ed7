"""What tells flows apart: family, protocol, both addresses, and what the protocol has for ports.

In the table a tuple is a short string of octets, cut out of the packet as it stands there:

    family protocol | source | destination | 2 octets | 2 octets [| zone]

The four octets are the ports; for ICMP and ICMPv6 the id, then type and code; for GRE the keys; else zeros.
A million of these take a fraction of what objects would, and hash no more slowly. `Tuple` is the same to read
and print.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.wire import icmp, icmp6
from pystack.wire.checksum import Buffer
from pystack.wire.ipv4 import HEADER_LENGTH, IP_OFFSET, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6, find_transport

IPPROTO_GRE: Final = 47
IPPROTO_SCTP: Final = 132
IPPROTO_UDPLITE: Final = 136

_HEAD: Final = 2
_LENGTHS: Final = {NFPROTO_IPV4: 4, NFPROTO_IPV6: 16}  # octets of an address, by family
_PORTS: Final = 4
_ZONE: Final = Struct("!H")
_PAIR: Final = Struct("!HH")
_NOTHING: Final = bytes(_PORTS)
_HEADS: Final = tuple(bytes((NFPROTO_IPV4, protocol)) for protocol in range(256))
_HEADS6: Final = tuple(bytes((NFPROTO_IPV6, protocol)) for protocol in range(256))
_ADDRESSES6: Final = slice(8, 40)  # of an IPv6 header
_IPV4_KEY: Final = 14  # octets without a zone

_WITH_PORTS: Final = frozenset({IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE})

_ICMP_INFO_REQUEST: Final = 15
_ICMP_INFO_REPLY: Final = 16
# Which ICMP type answers which. Linux: net/netfilter/nf_conntrack_proto_icmp.c invmap
_ANSWERS: Final = {
    icmp.ICMP_ECHO: icmp.ICMP_ECHOREPLY,
    icmp.ICMP_TIMESTAMP: icmp.ICMP_TIMESTAMPREPLY,
    _ICMP_INFO_REQUEST: _ICMP_INFO_REPLY,
    icmp.ICMP_ADDRESS: icmp.ICMP_ADDRESSREPLY,
}
ICMP_QUERIES: Final = frozenset(_ANSWERS)
# The same of ICMPv6: echoes, and what a node tells of itself (RFC 4620).
_ANSWERS6: Final = {icmp6.ECHO_REQUEST: icmp6.ECHO_REPLY, icmp6.NI_QUERY: icmp6.NI_REPLY}
ICMPV6_QUERIES: Final = frozenset(_ANSWERS6)
_INVERSE: Final = {
    protocol: {**answers, **{answer: query for query, answer in answers.items()}}
    for protocol, answers in ((IPPROTO_ICMP, _ANSWERS), (IPPROTO_ICMPV6, _ANSWERS6))
}
WITH_ID: Final = frozenset(_INVERSE)  # protocols that have an id, a type and a code instead of ports

_GRE_VERSION: Final = 0x0007
_GRE_PPTP: Final = 1
_GRE_PPP: Final = 0x880B
_CALL_ID_AT: Final = 6


class Tuple(NamedTuple):
    """One direction of a flow, to be read. Linux: struct nf_conntrack_tuple"""

    family: int
    protocol: int
    saddr: int
    daddr: int
    sport: int = 0  # ICMP, ICMPv6: the id
    dport: int = 0  # ICMP, ICMPv6: type << 8 | code
    zone: int = 0

    @property
    def key(self) -> bytes:
        """As it stands in the table."""
        length = _LENGTHS[self.family]
        addresses = self.saddr.to_bytes(length, "big") + self.daddr.to_bytes(length, "big")
        ports = _PAIR.pack(self.sport, self.dport)
        return in_zone(bytes((self.family, self.protocol)) + addresses + ports, self.zone)


def all_ones(family: int) -> int:
    """The mask of a single address."""
    return (1 << 8 * _LENGTHS[family]) - 1


def read(key: bytes) -> Tuple:
    """What a key says."""
    length = _LENGTHS[key[0]]
    middle, end = _HEAD + length, _HEAD + 2 * length
    saddr, daddr = int.from_bytes(key[_HEAD:middle], "big"), int.from_bytes(key[middle:end], "big")
    sport, dport = _PAIR.unpack_from(key, end)
    zone = int.from_bytes(key[end + _PORTS :], "big")
    return Tuple(key[0], key[1], saddr, daddr, sport, dport, zone)


def is_key(octets: bytes) -> bool:
    """Whether somebody else's octets are a key, in a zone or in none."""
    length = _LENGTHS.get(octets[0]) if octets else None
    if length is None:
        return False
    bare = _HEAD + 2 * length + _PORTS
    return len(octets) in (bare, bare + _ZONE.size)


def in_zone(key: bytes, zone: int) -> bytes:
    """A key that has no zone yet, in one."""
    return key + _ZONE.pack(zone) if zone else key


def without_zone(key: bytes) -> bytes:
    """A key as it is in the zone that everything is in by default."""
    return key[: _HEAD + 2 * _LENGTHS[key[0]] + _PORTS]


def source_of(key: bytes) -> bytes:
    """Who sends, with the zone. Linux: net/netfilter/nf_nat_core.c same_src()"""
    length = _LENGTHS[key[0]]
    end = _HEAD + 2 * length
    return key[: _HEAD + length] + key[end : end + 2] + key[end + _PORTS :]


def of_packet(data: Buffer, network: int, transport: int, protocol: int) -> bytes | None:
    """The key of an IPv4 packet that is no later fragment; None if its transport header is cut off.

    Linux: net/netfilter/nf_conntrack_core.c nf_ct_get_tuple()
    """
    if protocol in _WITH_PORTS:
        if transport - network == HEADER_LENGTH:  # as nearly always: addresses and ports stand together
            key = _HEADS[protocol] + data[network + 12 : transport + _PORTS]
        else:
            key = _HEADS[protocol] + data[network + 12 : network + HEADER_LENGTH]
            key += data[transport : transport + _PORTS]
        return key if len(key) == _IPV4_KEY else None
    ends = _ends(data, transport, protocol)
    if ends is None:
        return None
    return _HEADS[protocol] + data[network + 12 : network + HEADER_LENGTH] + ends


def of_ipv6_packet(data: Buffer, network: int, transport: int, protocol: int) -> bytes | None:
    """The same of IPv6."""
    ends = _ends(data, transport, protocol)
    if ends is None:
        return None
    return _HEADS6[protocol] + bytes(data[network:][_ADDRESSES6]) + ends


def _ends(data: Buffer, transport: int, protocol: int) -> bytes | None:
    """The four octets behind the addresses; None if they are cut off."""
    if protocol in WITH_ID:
        header = bytes(data[transport : transport + icmp.HEADER_LENGTH])
        return header[4:6] + header[:2] if len(header) == icmp.HEADER_LENGTH else None
    if protocol in _WITH_PORTS:
        ports = bytes(data[transport : transport + _PORTS])
        return ports if len(ports) == _PORTS else None
    return _gre_key(bytes(data[transport : transport + 8])) if protocol == IPPROTO_GRE else _NOTHING


def of_whole(data: Buffer, network: int, *, is_ipv6: bool) -> bytes | None:
    """The key of a packet of which only the beginning is known, as ICMP errors quote it; None if it has none.
    Nobody asks which version an IPv6 header says it is. Linux: nf_ct_get_tuplepr()
    """
    if is_ipv6:
        found = find_transport(data, network)
        return None if found is None else of_ipv6_packet(data, network, found.offset, found.protocol)
    if len(data) < network + HEADER_LENGTH:
        return None
    transport = network + (data[network] & 15) * 4
    offset = int.from_bytes(data[network + 6 : network + 8], "big") & IP_OFFSET
    if offset or transport > len(data):
        return None
    return of_packet(data, network, transport, data[network + 9])


def inverted(key: bytes) -> bytes | None:
    """The key of the answers; None if there can be none. Linux: nf_ct_invert_tuple()"""
    length = _LENGTHS[key[0]]
    middle, end = _HEAD + length, _HEAD + 2 * length
    first, second, zone = key[end : end + 2], key[end + 2 : end + 4], key[end + 4 :]
    head = key[:_HEAD] + key[middle:end] + key[_HEAD:middle]
    answers = _INVERSE.get(key[1])
    if answers is None:
        return head + second + first + zone
    inverse = answers.get(second[0])
    return None if inverse is None else head + first + bytes((inverse, second[1])) + zone


def _gre_key(header: bytes) -> bytes | None:
    """PPTP's call, whose other half only a helper knows. Linux: gre_pkt_to_tuple()"""
    if len(header) < 4 or header[1] & _GRE_VERSION != _GRE_PPTP or len(header) < 8:
        return _NOTHING
    if int.from_bytes(header[2:4], "big") != _GRE_PPP:
        return None
    return bytes(2) + header[_CALL_ID_AT:]
