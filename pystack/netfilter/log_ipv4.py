"""An IPv4 packet as the kernel's log tells it, from SRC= on. Every word ends with a space.

Linux: net/netfilter/nf_log_syslog.c dump_ipv4_packet()
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.log_transport import (
    IPPROTO_ESP,
    IPPROTO_UDPLITE,
    LOG_IPOPT,
    Told,
    incomplete,
    tcp_words,
    udp_words,
)
from pystack.wire import icmp
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

_IP_CE: Final = 0x8000
_IPPROTO_AH: Final = 51
_AH_LENGTH: Final = 12
_ESP_LENGTH: Final = 8
_TOS: Final = 0x1E
_PRECEDENCE: Final = 0xE0

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


def ipv4_words(packet: bytes, flags: int, *, quoted: bool = False) -> Told:
    """From the IPv4 header on; `quoted` inside an ICMP error."""
    if len(packet) < HEADER_LENGTH:
        return Told("TRUNCATED", ends=True)
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
            return Told(words + "TRUNCATED", ends=True)
        words += f"OPT ({packet[HEADER_LENGTH:end].hex().upper()}) "
    said, ends = _transport(protocol, packet[end:], flags, fragment=bool(offset), quoted=quoted)
    return Told(words + said, ends)


def _transport(protocol: int, body: bytes, flags: int, *, fragment: bool, quoted: bool) -> Told:
    if protocol == IPPROTO_TCP:
        return tcp_words(body, flags, fragment=fragment)
    if protocol in (IPPROTO_UDP, IPPROTO_UDPLITE):
        return udp_words(body, protocol, fragment=fragment)
    if protocol == IPPROTO_ICMP:
        return Told("PROTO=ICMP ") if fragment else _icmp(body, flags, quoted=quoted)
    if protocol == _IPPROTO_AH:
        return Told("") if fragment else _spi("PROTO=AH ", body, 4, _AH_LENGTH)
    if protocol == IPPROTO_ESP:
        return Told("PROTO=ESP ") if fragment else _spi("PROTO=ESP ", body, 0, _ESP_LENGTH)
    return Told(f"PROTO={protocol} ")


def _icmp(body: bytes, flags: int, *, quoted: bool) -> Told:
    words = "PROTO=ICMP "
    if len(body) < icmp.HEADER_LENGTH:
        return incomplete(words, body, ends=False)
    kind, code, _, high, low = icmp.HEADER.unpack_from(body)
    words += f"TYPE={kind} CODE={code} "
    if len(body) < _ICMP_LENGTHS.get(kind, 0):
        return incomplete(words, body, ends=False)
    if kind in (icmp.ICMP_ECHO, icmp.ICMP_ECHOREPLY):
        return Told(f"{words}ID={high} SEQ={low} ")
    if kind == icmp.ICMP_PARAMETERPROB:
        return Told(f"{words}PARAMETER={high >> 8} ")
    if kind == icmp.ICMP_REDIRECT:
        words += f"GATEWAY={address_text(high << 16 | low)} "
    if kind in _WITH_QUOTE and not quoted:  # one inside another is not told
        words += f"[{ipv4_words(body[icmp.HEADER_LENGTH :], flags, quoted=True).words}] "
    if (kind, code) == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED):
        words += f"MTU={low} "
    return Told(words)


def _spi(words: str, body: bytes, at: int, length: int) -> Told:
    if len(body) < length:
        return incomplete(words, body, ends=False)
    return Told(f"{words}SPI=0x{int.from_bytes(body[at : at + 4], 'big'):x} ")
