"""A packet that is followed, in xtables-monitor's words: `IN=br0 MACSRC=… SRC=…`.

Linux: iptables/xtables-monitor.c trace_print_packet()
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from pystack.device import ARPHRD_ETHER, ARPHRD_LOOPBACK
from pystack.events import TracedPacket
from pystack.netfilter.hooks import NFPROTO_IPV6
from pystack.wire import ipv4, ipv6, tcp
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import IP_DF, IP_MF, IP_OFFSET, IPPROTO_TCP, IPPROTO_UDP

_IPV4: Final = Struct("!xBHHHBB2xII")  # TOS, length, ID, fragment, TTL, protocol, addresses
_IPV6: Final = Struct("!IHBB16s16s")
_PORTS: Final = Struct("!HH")
_IP_CE: Final = 0x8000
_FLAGS: Final = (
    (tcp.SYN, "SYN "),
    (tcp.ACK, "ACK "),
    (tcp.FIN, "FIN "),
    (tcp.RST, "RST "),
    (tcp.PSH, "PSH "),
    (tcp.URG, "URG "),
)


def packet_words(packet: TracedPacket, mark: int, name_of: Callable[[int], str]) -> str:
    """All of it; names of devices by index."""
    places = (("IN", packet.iif), ("OUT", packet.oif))
    words = "".join(f"{key}={name_of(index)} " for key, index in places if index)
    words += _link_words(packet)
    words += _ipv6_words(packet) if packet.family == NFPROTO_IPV6 else _ipv4_words(packet)
    return words + (f"MARK=0x{mark:x} " if mark else "")


def _link_words(packet: TracedPacket) -> str:
    if packet.iiftype == ARPHRD_LOOPBACK:
        return "LOOPBACK "
    link = packet.link[:ETH_HLEN]
    if packet.iiftype != ARPHRD_ETHER or not link:
        return ""
    source, destination = (":".join(f"{octet:x}" for octet in part) for part in (link[6:12], link[:6]))
    return f"MACSRC={source} MACDST={destination} MACPROTO={link[12:14].hex()} "


def _ipv4_words(packet: TracedPacket) -> str:
    tos, length, number, fragment, ttl, protocol, saddr, daddr = _IPV4.unpack_from(packet.network)
    words = f"SRC={ipv4.address_text(saddr)} DST={ipv4.address_text(daddr)} "
    words += f"LEN={length} TOS=0x{tos:x} TTL={ttl} ID={number} "
    for bit, name in ((_IP_CE, "CE "), (IP_DF, "DF "), (IP_MF, "MF ")):
        words += name if fragment & bit else ""
    offset = fragment & IP_OFFSET
    return words + (f"FRAG:{offset} " if offset else _transport_words(protocol, packet.transport))


def _ipv6_words(packet: TracedPacket) -> str:
    """The tool adds the length of an IPv4 header to that of the payload."""
    first, length, protocol, hops, saddr, daddr = _IPV6.unpack_from(packet.network)
    source, destination = (ipv6.address_text(int.from_bytes(address)) for address in (saddr, daddr))
    words = f"SRC={source} DST={destination} LEN={length + ipv4.HEADER_LENGTH} TC={first >> 20 & 0xFF} "
    words += f"HOPLIMIT={hops} FLOWLBL={first & 0xFFFFF} "
    return words + _transport_words(protocol, packet.transport)


def _transport_words(protocol: int, header: bytes) -> str:
    if protocol not in (IPPROTO_TCP, IPPROTO_UDP) or len(header) < _PORTS.size:
        return ""
    sport, dport = _PORTS.unpack_from(header)
    words = f"SPORT={sport} DPORT={dport} "
    if protocol != IPPROTO_TCP or len(header) < tcp.HEADER_LENGTH:
        return words
    return words + "".join(name for bit, name in _FLAGS if header[13] & bit)
