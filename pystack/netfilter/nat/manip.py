"""Changes one end of a packet: an address, a port, and the checksums over them, bit for bit as Linux does.

    offset:  |<- IPv4 header ->|<- transport header ->|
             ^ `at`            ^ `transport`

What an ICMP error quotes is changed by the same functions. Linux: net/netfilter/nf_nat_proto.c
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.netfilter.conntrack.tuples import (
    IPPROTO_GRE,
    IPPROTO_SCTP,
    IPPROTO_UDPLITE,
    Tuple,
)
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC
from pystack.packet import Packet
from pystack.wire import icmp, tcp, udp
from pystack.wire.checksum import update32, update_partial
from pystack.wire.crc32c import crc32c
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

_CHECK_AT: Final = 10
_ADDRESS_AT: Final = (12, 16)  # source, destination
_PORT_AT: Final = (0, 2)
_QUOTED: Final = 8  # octets of a transport header that an ICMP error has at least
_SCTP_HEADER: Final = 12
_SCTP_CHECK_AT: Final = 8
_GRE_HEADER: Final = 8
_GRE_CALL_AT: Final = 6
_GRE_VERSION: Final = 0x07
_NO_SUM: Final = 0xFFFF  # what UDP says instead of 0, which would mean that there is no sum
_WITH_ID: Final = frozenset({0, 8, 13, 14, 15, 16, 17, 18})  # queries and their answers


class Change:
    """What becomes of one end of a packet."""

    __slots__ = ("at", "data", "manip", "new", "old", "partial", "target")

    def __init__(self, data: bytearray, at: int, target: Tuple, manip: int, *, partial: bool) -> None:
        self.data = data
        self.at = at
        self.target = target  # as the packet is to look
        self.manip = manip
        self.partial = partial  # its checksum is only that of the pseudo-header yet
        where = at + _ADDRESS_AT[manip]
        self.old = int.from_bytes(data[where : where + 4], "big")
        self.new = target.saddr if manip == MANIP_SRC else target.daddr

    @property
    def port(self) -> int:
        """The new one."""
        return self.target.sport if self.manip == MANIP_SRC else self.target.dport

    def word(self, offset: int) -> int:
        """16 bits."""
        return self.data[offset] << 8 | self.data[offset + 1]

    def put(self, offset: int, word: int) -> None:
        """Write 16 bits."""
        self.data[offset] = word >> 8
        self.data[offset + 1] = word & 0xFF

    def put_port(self, transport: int) -> int:
        """Write the new port; the old one."""
        where = transport + _PORT_AT[self.manip]
        old = self.word(where)
        self.put(where, self.port)
        return old

    def summed(self, check: int, old_port: int) -> int:
        """The checksum after address and port changed; one that is owed knows the addresses alone."""
        if self.partial:
            return update_partial(check, self.old, self.new)
        return update32(check, self.old + old_port, self.new + self.port)


def translate(pkt: Packet, target: Tuple, manip: int) -> bool:
    """Let a packet's source or destination be that of `target`; False if it is cut off.

    Linux: nf_nat_manip_pkt()
    """
    header, at = pkt.ip, pkt.network_header
    assert header is not None, "no IPv4 packet comes to an ip hook unparsed"
    partial = pkt.offload.needs_checksum
    if not translate_at(pkt.writable(), at, target, manip, partial=partial):
        return False
    header.check = int.from_bytes(pkt.data[at + _CHECK_AT : at + _CHECK_AT + 2], "big")
    if manip == MANIP_SRC:
        header.saddr = target.saddr
    else:
        header.daddr = target.daddr
    return True


def translate_at(data: bytearray, at: int, target: Tuple, manip: int, *, partial: bool = False) -> bool:
    """The same where a packet lies in octets. Linux: nf_nat_ipv4_manip_pkt()"""
    if len(data) < at + HEADER_LENGTH:
        return False
    change = Change(data, at, target, manip, partial=partial)
    function = _BY_PROTOCOL.get(target.protocol)
    if function is not None and not function(change, at + (data[at] & 15) * 4):
        return False
    change.put(at + _CHECK_AT, update32(change.word(at + _CHECK_AT), change.old, change.new))
    where = at + _ADDRESS_AT[manip]
    data[where : where + 4] = change.new.to_bytes(4, "big")
    return True


def _tcp(change: Change, transport: int) -> bool:
    """A quoted header may end before its checksum. Linux: tcp_manip_pkt()"""
    length = len(change.data) - transport
    if length < _QUOTED:
        return False
    old = change.put_port(transport)
    if length >= tcp.HEADER_LENGTH:
        where = transport + tcp.CHECK_OFFSET
        change.put(where, change.summed(change.word(where), old))
    return True


def _udp(change: Change, transport: int) -> bool:
    """Linux: udp_manip_pkt()"""
    return _summed_udp(change, transport, is_optional=True)


def _udplite(change: Change, transport: int) -> bool:
    """Linux: udplite_manip_pkt()"""
    return _summed_udp(change, transport, is_optional=False)


def _summed_udp(change: Change, transport: int, *, is_optional: bool) -> bool:
    """Linux: __udp_manip_pkt()"""
    if len(change.data) - transport < udp.HEADER_LENGTH:
        return False
    old = change.put_port(transport)
    where = transport + udp.CHECK_OFFSET
    check = change.word(where)
    if check or not is_optional:
        change.put(where, change.summed(check, old) or _NO_SUM)
    return True


def _sctp(change: Change, transport: int) -> bool:
    """Its sum knows no addresses, and cannot be changed by difference. Linux: sctp_manip_pkt()"""
    length = len(change.data) - transport
    if length < _QUOTED:
        return False
    change.put_port(transport)
    if length >= _SCTP_HEADER and not change.partial:
        where = transport + _SCTP_CHECK_AT
        change.data[where : where + 4] = bytes(4)
        summed = crc32c(change.data[transport:])
        change.data[where : where + 4] = summed.to_bytes(4, "little")
    return True


def _icmp(change: Change, transport: int) -> bool:
    """Only queries and their answers have an id. Linux: icmp_manip_pkt()"""
    data = change.data
    if len(data) - transport < icmp.HEADER_LENGTH:
        return False
    if data[transport] in _WITH_ID:
        old, new = change.word(transport + 4), change.target.sport
        if not change.partial:
            change.put(transport + 2, update32(change.word(transport + 2), old, new))
        change.put(transport + 4, new)
    return True


def _gre(change: Change, transport: int) -> bool:
    """PPTP's call, of which a packet names only the destination's. Linux: gre_manip_pkt()"""
    if len(change.data) - transport < _GRE_HEADER:
        return False
    version = change.data[transport + 1] & _GRE_VERSION
    if change.manip != MANIP_DST or not version:
        return True
    if version == 1:
        change.put(transport + _GRE_CALL_AT, change.target.dport)
    return version == 1


_BY_PROTOCOL: Final[dict[int, Callable[[Change, int], bool]]] = {
    IPPROTO_TCP: _tcp,
    IPPROTO_UDP: _udp,
    IPPROTO_UDPLITE: _udplite,
    IPPROTO_SCTP: _sctp,
    IPPROTO_ICMP: _icmp,
    IPPROTO_GRE: _gre,
}
