"""The packet that a line tells of, as bytes: a frame that can be sent through a stack again."""

from __future__ import annotations

from typing import Final

from pystack.compare.log.datagram import Datagram, Unreadable
from pystack.wire import icmp, ipv4, tcp, udp
from pystack.wire.ipv4 import IP_OFFSET, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

_LONGEST_OPTIONS: Final = 40


def rebuild(told: Datagram) -> bytes:
    """An IPv4 packet of which the same line would be told; what no line tells of is zero.

    Raises Unreadable where that cannot be.
    """
    if told.is_ipv6:
        raise Unreadable("IPv6 is not modelled")
    if told.protocol is None or "LEN" not in told.header or "TTL" not in told.header:
        raise Unreadable("its line is cut off")
    header = Ipv4Header(
        _number_of(told.source),
        _number_of(told.destination),
        told.protocol,
        ttl=told.ttl,
        tos=told.header.get("TOS", 0) | told.header.get("PREC", 0),
        id=told.header.get("ID", 0),
        frag_off=told.bits,
        options=told.options,
        ihl=ipv4.HEADER_LENGTH + len(told.options),
    )
    if _are_no_options(told.options) or _are_no_options(told.tcp_options):
        raise Unreadable("its options have a length that no options have")
    room = told.header["LEN"] - header.ihl
    if room < 0:
        raise Unreadable(f"LEN={told.header['LEN']} is shorter than its header")
    body = bytes(room) if told.bits & IP_OFFSET else _body(told, header, room)
    return ipv4.build(header, room) + body[:room].ljust(room, b"\0")


def _are_no_options(octets: bytes) -> bool:
    return len(octets) > _LONGEST_OPTIONS or len(octets) % 4 != 0


def _number_of(text: str) -> int:
    address = ipv4.parse_address(text)
    assert address is not None, "read() has looked at it"
    return address


def _body(told: Datagram, header: Ipv4Header, room: int) -> bytes:
    carried = told.carried
    if told.protocol == IPPROTO_ICMP and "TYPE" in carried:
        return _icmp(told, room)
    if told.protocol == IPPROTO_UDP and "SPT" in carried and room >= udp.HEADER_LENGTH:
        payload = bytes(room - udp.HEADER_LENGTH)
        return udp.build(carried["SPT"], carried.get("DPT", 0), payload, header.saddr, header.daddr)
    if told.protocol == IPPROTO_TCP and "SPT" in carried:
        return _tcp(told, header, room)
    return bytes(room)


def _icmp(told: Datagram, room: int) -> bytes:
    carried, payload = told.carried, bytes(max(room - icmp.HEADER_LENGTH, 0))
    first, second = carried.get("ID", 0), carried.get("SEQ", carried.get("MTU", 0))
    if "PARAMETER" in carried:
        first = carried["PARAMETER"] << 8
    if told.gateway and (gateway := ipv4.parse_address(told.gateway)) is not None:
        first, second = gateway >> 16, gateway & 0xFFFF
    if told.quoted is not None:
        payload = rebuild(told.quoted)[: len(payload)].ljust(len(payload), b"\0")
    return icmp.build(carried["TYPE"], carried.get("CODE", 0), first & 0xFFFF, second & 0xFFFF, payload)


def _tcp(told: Datagram, header: Ipv4Header, room: int) -> bytes:
    carried = told.carried
    segment = tcp.TcpHeader(
        carried["SPT"],
        carried.get("DPT", 0),
        seq=carried.get("SEQ", 0),
        ack=carried.get("ACK", 0),
        flags=told.flags,
        window=carried.get("WINDOW", 0),
        options=told.tcp_options,
    )
    payload = bytes(max(room - tcp.HEADER_LENGTH - len(told.tcp_options), 0))
    return tcp.build(segment, payload, header.saddr, header.daddr)
