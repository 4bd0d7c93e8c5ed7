"""Other octets in a packet's payload: what helpers do where addresses are told inside of it.

Linux: net/netfilter/nf_nat_helper.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.info import direction
from pystack.netfilter.nat.sequence import note_inserted
from pystack.packet import Packet
from pystack.wire import ipv6, tcp
from pystack.wire.checksum import checksum, pseudo_header_sum, update_partial
from pystack.wire.ipv4 import IPPROTO_TCP, Ipv4Header
from pystack.wire.ipv6 import Ipv6Header
from pystack.wire.virtio import NEEDS_CSUM, Offload

_LONGEST: Final = 0xFFFF
_LENGTH_AT, _CHECK_AT = 2, 10
_LENGTH6_AT: Final = 4


def mangle_tcp(pkt: Packet, conn: Conn, transport: int, at: int, length: int, instead: bytes) -> bool:
    """Put `instead` into the place of `length` octets of the payload; False if there is no room.

    Linux: __nf_nat_mangle_tcp_packet()
    """
    header, grown = pkt.ip6 if pkt.ip is None else pkt.ip, len(instead) - length
    assert header is not None, "no packet comes to a hook unparsed"
    data = bytearray(pkt.data)
    start = transport + (data[transport + 12] >> 4) * 4 + at
    if header.tot_len + grown > _LONGEST or start + length > len(data):
        return False
    before = len(data) - transport
    data[start : start + length] = instead
    pkt.data, pkt.shared = data, False
    _resize(pkt, header, header.tot_len + grown)
    _sum_anew(pkt, header, transport, before)
    seq = int.from_bytes(data[transport + 4 : transport + 8], "big")
    note_inserted(conn, direction(pkt.ctinfo), seq, grown)
    return True


def _resize(pkt: Packet, header: Ipv4Header | Ipv6Header, length: int) -> None:
    """Linux: mangle_contents(), ip_send_check()"""
    data, at = pkt.writable(), pkt.network_header
    if isinstance(header, Ipv6Header):
        header.join(header.tot_len)
        header.payload_len = length - ipv6.HEADER_LENGTH
        data[at + _LENGTH6_AT : at + _LENGTH6_AT + 2] = header.payload_len.to_bytes(2, "big")
        return
    data[at + _LENGTH_AT : at + _LENGTH_AT + 2] = length.to_bytes(2, "big")
    data[at + _CHECK_AT : at + _CHECK_AT + 2] = bytes(2)
    header.tot_len = length
    header.check = checksum(data[at : at + header.ihl])
    data[at + _CHECK_AT : at + _CHECK_AT + 2] = header.check.to_bytes(2, "big")


def _sum_anew(pkt: Packet, header: Ipv4Header | Ipv6Header, transport: int, before: int) -> None:
    """The sum is owed from now on, to whoever sends the packet. Linux: nf_nat_csum_recalc()"""
    data, offload = pkt.writable(), pkt.offload
    field = slice(transport + tcp.CHECK_OFFSET, transport + tcp.CHECK_OFFSET + 2)
    length = len(data) - transport
    if offload.needs_checksum:
        owed = update_partial(int.from_bytes(data[field], "big"), before, length)
    else:
        owed = pseudo_header_sum(header.saddr, header.daddr, IPPROTO_TCP, length)
        pkt.offload = Offload(
            offload.flags | NEEDS_CSUM,
            offload.gso_type,
            offload.hdr_len,
            offload.gso_size,
            transport - pkt.mac_header,
            tcp.CHECK_OFFSET,
            offload.vlan,
        )
    data[field] = owed.to_bytes(2, "big")
