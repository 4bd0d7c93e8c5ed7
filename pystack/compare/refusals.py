"""What a stack says no with, and which packet it means."""

from __future__ import annotations

from typing import Final

from pystack.wire import icmp, ipv4, tcp

_PROTOCOL: Final = 9  # where the protocol stands in an IPv4 header
_TCP_FLAGS: Final = 13
_ERRORS: Final = {
    icmp.ICMP_DEST_UNREACH: "unreachable",
    icmp.ICMP_TIME_EXCEEDED: "time exceeded",
    icmp.ICMP_PARAMETERPROB: "parameter problem",
}


def refusal(packet: bytes) -> tuple[bytes, str]:
    """Which packet this one refuses, and how; nothing if it refuses none."""
    protocol, body = packet[_PROTOCOL], packet[(packet[0] & 15) * 4 :]
    if protocol == ipv4.IPPROTO_ICMP and len(body) > icmp.HEADER_LENGTH and body[0] in _ERRORS:
        return datagram_key(body[icmp.HEADER_LENGTH :]), f"ICMP {_ERRORS[body[0]]}, code {body[1]}"
    if protocol == ipv4.IPPROTO_TCP and len(body) >= tcp.HEADER_LENGTH and body[_TCP_FLAGS] & tcp.RST:
        there = packet[16:20] + packet[12:16] + bytes([protocol]) + body[2:4] + body[0:2]
        return there, "a TCP reset"
    return b"", ""


def datagram_key(packet: bytes) -> bytes:
    """What an ICMP error tells a packet by: addresses, protocol, identification."""
    return packet[12:20] + packet[_PROTOCOL : _PROTOCOL + 1] + packet[4:6]


def connection_key(packet: bytes) -> bytes:
    """What a reset tells a packet by: addresses, protocol, ports."""
    start = (packet[0] & 15) * 4
    return packet[12:20] + packet[_PROTOCOL : _PROTOCOL + 1] + packet[start : start + 4]
