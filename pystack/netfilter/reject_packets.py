"""Answers to packets that rules refuse where there is no IP path: in a bridge, and where a device receives.

Each is a whole packet without a link header, or None where a packet gets no answer.
Linux: net/ipv4/netfilter/nf_reject_ipv4.c, net/ipv6/netfilter/nf_reject_ipv6.c
"""

from __future__ import annotations

from typing import Final

from pystack.wire import icmp, ipv4, ipv6, tcp
from pystack.wire.checksum import transport_sum, verifies
from pystack.wire.ipv4 import (
    HEADER,
    HEADER_LENGTH,
    IP_DF,
    IP_OFFSET,
    IPPROTO_ICMP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    Ipv4Header,
)
from pystack.wire.ipv6 import IPPROTO_ICMPV6, Found, Ipv6Header, find_upper
from pystack.wire.malformed import Malformed

_QUOTE: Final = 536  # octets of what is refused, so that hardly any link has to cut the answer
_QUOTE_IPV6: Final = 1220
_RIGHT: Final = 0xFFFF
_UDP_CHECK: Final = slice(6, 8)
_DEST_UNREACH_IPV6: Final = 1
_ICMPV6_HEADER: Final = 8
_SUMMED: Final = frozenset({IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP})
_SUMMED_IPV6: Final = frozenset({IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP})


class _Ipv4:
    """What is refused, as far as it has to be understood."""

    def __init__(self, packet: bytes) -> None:
        self.header_length = (packet[0] & 15) * 4
        _, _, self.length, _, self.frag, _, self.protocol, _, self.saddr, self.daddr = HEADER.unpack_from(
            packet
        )
        self.body = packet[self.header_length : self.length]
        self.padded = packet[self.header_length :]  # with what the link has put behind it


def _read(packet: bytes) -> _Ipv4 | None:
    """Linux: nf_reject_iphdr_validate()"""
    if len(packet) < HEADER_LENGTH or packet[0] >> 4 != 4:
        return None
    read = _Ipv4(packet)
    sound = HEADER_LENGTH <= read.header_length <= read.length <= len(packet)
    return read if sound and not read.frag & IP_OFFSET else None


def unreachable(packet: bytes, code: int, ttl: int, *, vouched: bool) -> bytes | None:
    """ICMP's destination unreachable; `vouched`: its checksum need not be looked at.

    Linux: nf_reject_skb_v4_unreach()
    """
    read = _read(packet)
    if read is None or (read.protocol == IPPROTO_ICMP and read.body[:1] == bytes((icmp.ICMP_DEST_UNREACH,))):
        return None
    if not vouched and not _is_intact(read, read.body):
        return None
    return _answer(read, IPPROTO_ICMP, icmp.build(icmp.ICMP_DEST_UNREACH, code, 0, 0, packet[:_QUOTE]), ttl)


def reset(packet: bytes, ttl: int, *, vouched: bool) -> bytes | None:
    """TCP's RST; padding counts as data. Linux: nf_reject_skb_v4_tcp_reset()"""
    read = _read(packet)
    parsed = tcp.parse(read.padded) if read is not None and read.protocol == IPPROTO_TCP else None
    if read is None or parsed is None or isinstance(parsed, Malformed) or parsed.flags & tcp.RST:
        return None
    if not vouched and not _is_intact(read, read.padded):
        return None
    refused = tcp.reset_for(parsed, tcp.end_of(parsed, len(read.padded) - parsed.length))
    return _answer(read, IPPROTO_TCP, tcp.build(refused, b"", read.daddr, read.saddr), ttl)


def _is_intact(read: _Ipv4, body: bytes) -> bool:
    """Linux: nf_reject_verify_csum(), nf_ip_checksum()"""
    if read.protocol not in _SUMMED or (read.protocol == IPPROTO_UDP and not any(body[_UDP_CHECK])):
        return True
    if read.protocol == IPPROTO_ICMP:
        return verifies(body)
    return transport_sum(read.saddr, read.daddr, read.protocol, body) == _RIGHT


def _answer(read: _Ipv4, protocol: int, body: bytes, ttl: int) -> bytes:
    """Linux: nf_reject_iphdr_put()"""
    header = Ipv4Header(read.daddr, read.saddr, protocol, ttl=ttl, frag_off=IP_DF)
    return ipv4.build(header, len(body)) + body


# --- IPv6 ---------------------------------------------------------------------------------------------------


def unreachable_ipv6(packet: bytes, code: int, hop_limit: int, *, vouched: bool) -> bytes | None:
    """ICMPv6's destination unreachable. Linux: nf_reject_skb_v6_unreach()"""
    header, upper = _read_ipv6(packet)
    if header is None or upper is None or upper.fragment:
        return None
    body = packet[upper.offset : ipv6.HEADER_LENGTH + header.payload_len]
    if upper.protocol == IPPROTO_ICMPV6 and body[:1] == bytes((_DEST_UNREACH_IPV6,)):
        return None
    if not vouched and not _is_intact_ipv6(header, upper.protocol, body):
        return None
    message = bytes((_DEST_UNREACH_IPV6, code)) + bytes(_ICMPV6_HEADER - 2) + packet[:_QUOTE_IPV6]
    check = 0xFFFF ^ transport_sum(header.daddr, header.saddr, IPPROTO_ICMPV6, message)
    message = message[:2] + check.to_bytes(2, "big") + message[4:]
    return _answer_ipv6(header, IPPROTO_ICMPV6, message, hop_limit)


def reset_ipv6(packet: bytes, hop_limit: int, *, vouched: bool) -> bytes | None:
    """TCP's RST. Linux: nf_reject_skb_v6_tcp_reset()"""
    header, upper = _read_ipv6(packet)
    if header is None or upper is None or upper.protocol != IPPROTO_TCP or upper.fragment:
        return None
    segment = packet[upper.offset :]
    parsed = tcp.parse(segment)
    if isinstance(parsed, Malformed) or parsed.flags & tcp.RST:
        return None
    if not vouched and not _is_intact_ipv6(header, IPPROTO_TCP, segment):
        return None
    refused = tcp.reset_for(parsed, tcp.end_of(parsed, len(segment) - parsed.length))
    return _answer_ipv6(header, IPPROTO_TCP, tcp.build(refused, b"", header.daddr, header.saddr), hop_limit)


def _read_ipv6(packet: bytes) -> tuple[Ipv6Header | None, Found | None]:
    """Linux: nf_reject_ip6hdr_validate()"""
    header = ipv6.parse(packet, 0)
    if isinstance(header, Malformed) or header.payload_len + ipv6.HEADER_LENGTH > len(packet):
        return None, None
    return header, find_upper(packet, 0)


def _is_intact_ipv6(header: Ipv6Header, protocol: int, body: bytes) -> bool:
    """Linux: nf_reject_v6_csum_ok()"""
    if protocol not in _SUMMED_IPV6 or (protocol == IPPROTO_UDP and not any(body[_UDP_CHECK])):
        return True
    return transport_sum(header.saddr, header.daddr, protocol, body) == _RIGHT


def _answer_ipv6(header: Ipv6Header, protocol: int, body: bytes, hop_limit: int) -> bytes:
    """Linux: nf_reject_ip6hdr_put()"""
    answer = Ipv6Header(header.daddr, header.saddr, protocol, ttl=hop_limit, payload_len=len(body))
    return ipv6.build(answer) + body
