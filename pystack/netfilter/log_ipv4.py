"""An IPv4 packet as the kernel's log tells it, from SRC= on. Every word ends with a space.

Linux: net/netfilter/nf_log_syslog.c dump_ipv4_packet()
"""

from __future__ import annotations

from typing import Final

from pystack.wire import icmp, tcp, udp
from pystack.wire.ipv4 import (
    HEADER,
    HEADER_LENGTH,
    IP_DF,
    IP_MF,
    IP_OFFSET,
    IPPROTO_ICMP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    address_text,
)

# What a LOG rule asks for. Linux: include/uapi/linux/netfilter/nf_log.h
LOG_TCPSEQ: Final = 0x01
LOG_TCPOPT: Final = 0x02
LOG_IPOPT: Final = 0x04
LOG_UID: Final = 0x08
LOG_MACDECODE: Final = 0x20

_IP_CE: Final = 0x8000
_IPPROTO_ESP: Final = 50
_IPPROTO_AH: Final = 51
_IPPROTO_UDPLITE: Final = 136
_AH_LENGTH: Final = 12
_ESP_LENGTH: Final = 8
_TOS: Final = 0x1E
_PRECEDENCE: Final = 0xE0

_TCP_FLAGS: Final = (
    (tcp.CWR, "CWR "),
    (tcp.ECE, "ECE "),
    (tcp.URG, "URG "),
    (tcp.ACK, "ACK "),
    (tcp.PSH, "PSH "),
    (tcp.RST, "RST "),
    (tcp.SYN, "SYN "),
    (tcp.FIN, "FIN "),
)
_QUOTING: Final = icmp.HEADER_LENGTH + HEADER_LENGTH
_ICMP_LENGTHS: Final = {
    icmp.ICMP_ECHOREPLY: 4,
    icmp.ICMP_ECHO: 4,
    icmp.ICMP_DEST_UNREACH: _QUOTING,
    icmp.ICMP_SOURCE_QUENCH: _QUOTING,
    icmp.ICMP_REDIRECT: _QUOTING,
    icmp.ICMP_TIME_EXCEEDED: _QUOTING,
    icmp.ICMP_PARAMETERPROB: _QUOTING,
    icmp.ICMP_TIMESTAMP: 20,
    icmp.ICMP_TIMESTAMPREPLY: 20,
    icmp.ICMP_ADDRESS: 12,
    icmp.ICMP_ADDRESSREPLY: 12,
}
_WITH_QUOTE: Final = (
    icmp.ICMP_REDIRECT,
    icmp.ICMP_DEST_UNREACH,
    icmp.ICMP_SOURCE_QUENCH,
    icmp.ICMP_TIME_EXCEEDED,
)


def ipv4_words(packet: bytes, flags: int, *, quoted: bool = False) -> str:
    """From the IPv4 header on; `quoted` inside an ICMP error."""
    if len(packet) < HEADER_LENGTH:
        return "TRUNCATED"
    first, tos, length, ident, frag, ttl, protocol, _, saddr, daddr = HEADER.unpack_from(packet)
    words = f"SRC={address_text(saddr)} DST={address_text(daddr)} LEN={length} "
    words += f"TOS=0x{tos & _TOS:02X} PREC=0x{tos & _PRECEDENCE:02X} TTL={ttl} ID={ident} "
    for bit, name in ((_IP_CE, "CE "), (IP_DF, "DF "), (IP_MF, "MF ")):
        words += name if frag & bit else ""
    offset = frag & IP_OFFSET
    words += f"FRAG:{offset} " if offset else ""
    end = (first & 15) * 4
    if flags & LOG_IPOPT and end > HEADER_LENGTH:
        if len(packet) < end:
            return words + "TRUNCATED"
        words += f"OPT ({packet[HEADER_LENGTH:end].hex().upper()}) "
    return words + _transport(protocol, packet[end:], flags, fragment=bool(offset), quoted=quoted)


def _transport(protocol: int, body: bytes, flags: int, *, fragment: bool, quoted: bool) -> str:
    if protocol == IPPROTO_TCP:
        return "PROTO=TCP " + ("" if fragment else _tcp(body, flags))
    if protocol in (IPPROTO_UDP, _IPPROTO_UDPLITE):
        name = "UDP" if protocol == IPPROTO_UDP else "UDPLITE"
        return f"PROTO={name} " + ("" if fragment else _udp(body))
    if protocol == IPPROTO_ICMP:
        return "PROTO=ICMP " + ("" if fragment else _icmp(body, flags, quoted=quoted))
    if protocol == _IPPROTO_AH:
        return "" if fragment else "PROTO=AH " + _spi(body, 4, _AH_LENGTH)
    if protocol == _IPPROTO_ESP:
        return "PROTO=ESP " + ("" if fragment else _spi(body, 0, _ESP_LENGTH))
    return f"PROTO={protocol} "


def _incomplete(body: bytes) -> str:
    return f"INCOMPLETE [{len(body)} bytes] "


def _tcp(body: bytes, flags: int) -> str:
    """Linux: nf_log_dump_tcp_header()"""
    if len(body) < tcp.HEADER_LENGTH:
        return _incomplete(body)
    sport, dport, seq, ack, offset, bits, window, _, urgent = tcp.HEADER.unpack_from(body)
    words = f"SPT={sport} DPT={dport} "
    words += f"SEQ={seq} ACK={ack} " if flags & LOG_TCPSEQ else ""
    words += f"WINDOW={window} RES=0x{(offset & 0x0F) << 2:02x} "
    words += "".join(name for bit, name in _TCP_FLAGS if bits & bit) + f"URGP={urgent} "
    end = (offset >> 4) * 4
    if flags & LOG_TCPOPT and end > tcp.HEADER_LENGTH:
        if len(body) < end:
            return words + "OPT (TRUNCATED)"
        words += f"OPT ({body[tcp.HEADER_LENGTH : end].hex().upper()}) "
    return words


def _udp(body: bytes) -> str:
    """Linux: nf_log_dump_udp_header()"""
    if len(body) < udp.HEADER_LENGTH:
        return _incomplete(body)
    sport, dport, length, _ = udp.HEADER.unpack_from(body)
    return f"SPT={sport} DPT={dport} LEN={length} "


def _icmp(body: bytes, flags: int, *, quoted: bool) -> str:
    if len(body) < icmp.HEADER_LENGTH:
        return _incomplete(body)
    kind, code, _, high, low = icmp.HEADER.unpack_from(body)
    words = f"TYPE={kind} CODE={code} "
    if len(body) < _ICMP_LENGTHS.get(kind, 0):
        return words + _incomplete(body)
    if kind in (icmp.ICMP_ECHO, icmp.ICMP_ECHOREPLY):
        return words + f"ID={high} SEQ={low} "
    if kind == icmp.ICMP_PARAMETERPROB:
        return words + f"PARAMETER={high >> 8} "
    if kind == icmp.ICMP_REDIRECT:
        words += f"GATEWAY={address_text(high << 16 | low)} "
    if kind in _WITH_QUOTE and not quoted:  # one inside another is not told
        words += f"[{ipv4_words(body[icmp.HEADER_LENGTH :], flags, quoted=True)}] "
    if (kind, code) == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED):
        words += f"MTU={low} "
    return words


def _spi(body: bytes, at: int, length: int) -> str:
    if len(body) < length:
        return _incomplete(body)
    return f"SPI=0x{int.from_bytes(body[at : at + 4], 'big'):x} "
