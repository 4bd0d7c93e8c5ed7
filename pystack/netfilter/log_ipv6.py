"""An IPv6 packet as the kernel's log tells it, from SRC= on.

Linux: net/netfilter/nf_log_syslog.c dump_ipv6_packet()
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
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import (
    EXTENSION_HEADERS,
    HEADER_LENGTH,
    IP6_MF,
    IP6_OFFSET,
    IPPROTO_ICMPV6,
    NEXTHDR_AUTH,
    NEXTHDR_FRAGMENT,
    NEXTHDR_NONE,
    extension_length,
    full_text,
)

_ON_THE_WAY: Final = EXTENSION_HEADERS - {NEXTHDR_NONE} | {IPPROTO_ESP}
_FLOW_LABEL: Final = 0xFFFFF
_AH_LENGTH: Final = 12
_ESP_LENGTH: Final = 8
_FRAGMENT_LENGTH: Final = 8

_DEST_UNREACH: Final = 1
_PKT_TOOBIG: Final = 2
_TIME_EXCEED: Final = 3
_PARAMPROB: Final = 4
_ECHOES: Final = (128, 129)
_WITH_QUOTE: Final = (_DEST_UNREACH, _PKT_TOOBIG, _TIME_EXCEED, _PARAMPROB)
_ICMP_LENGTH: Final = 8


def ipv6_words(packet: bytes, flags: int, *, quoted: bool = False) -> Told:
    """From the IPv6 header on; `quoted` inside an ICMPv6 error."""
    if len(packet) < HEADER_LENGTH:
        return Told("TRUNCATED", ends=True)
    first = int.from_bytes(packet[:4], "big")
    saddr, daddr = int.from_bytes(packet[8:24], "big"), int.from_bytes(packet[24:40], "big")
    length = int.from_bytes(packet[4:6], "big") + HEADER_LENGTH
    words = f"SRC={full_text(saddr)} DST={full_text(daddr)} LEN={length} "
    words += f"TC={first >> 20 & 0xFF} HOPLIMIT={packet[7]} FLOWLBL={first & _FLOW_LABEL} "
    chain = _Chain(packet, flags)
    words += chain.walk(packet[6])
    if chain.has_ended:
        return Told(words, ends=True)
    said, ends = _transport(chain, quoted=quoted)
    return Told(words + said, ends)


class _Chain:
    """The walk over the extension headers."""

    def __init__(self, packet: bytes, flags: int) -> None:
        self.packet = packet
        self.flags = flags
        self.kind = 0  # what comes after them
        self.at = HEADER_LENGTH
        self.is_later = False  # a fragment that is not the first
        self.has_ended = False  # nothing more can be told

    def walk(self, kind: int) -> str:
        """What is said of them."""
        words, options = "", bool(self.flags & LOG_IPOPT)
        while kind in _ON_THE_WAY:
            if len(self.packet) - self.at < 2:
                return self._end(f"{words}TRUNCATED")
            words += "OPT ( " if options else ""
            words += self._of_one(kind, options=options)
            if self.has_ended:
                return words
            words += ") " if options else ""
            at = self.at
            kind, self.at = self.packet[at], at + extension_length(self.packet, kind, at)
        self.kind = kind
        return words

    def _of_one(self, kind: int, *, options: bool) -> str:
        if kind == NEXTHDR_FRAGMENT:
            return self._fragment()
        if kind in (NEXTHDR_AUTH, IPPROTO_ESP):
            return self._security(kind, options=options)
        if self.is_later:
            return self._end(")" if options else "")
        return ""

    def _fragment(self) -> str:
        header = self.packet[self.at : self.at + _FRAGMENT_LENGTH]
        if len(header) < _FRAGMENT_LENGTH:
            return self._end("FRAG:TRUNCATED ")
        offset = int.from_bytes(header[2:4], "big")
        self.is_later |= bool(offset & IP6_OFFSET)
        more = "INCOMPLETE " if offset & IP6_MF else ""
        return f"FRAG:{offset & IP6_OFFSET} {more}ID:{header[4:].hex()} "

    def _security(self, kind: int, *, options: bool) -> str:
        """AH, and ESP behind which nothing can be read."""
        is_ah = kind == NEXTHDR_AUTH
        if not options:
            return "" if is_ah else self._end("")
        name, length, at = ("AH", _AH_LENGTH, 4) if is_ah else ("ESP", _ESP_LENGTH, 0)
        header = self.packet[self.at : self.at + length]
        if self.is_later:
            return self._end(f"{name} )")
        if len(header) < length:
            return self._end(f"{name} INCOMPLETE [{len(self.packet) - self.at} bytes] )")
        spi = f"{name} SPI=0x{int.from_bytes(header[at : at + 4], 'big'):x} "
        return spi if is_ah else self._end(f"{spi})")

    def _end(self, words: str) -> str:
        self.has_ended = True
        return words


def _transport(chain: _Chain, *, quoted: bool) -> Told:
    body = chain.packet[chain.at :]
    if chain.kind == IPPROTO_TCP:
        return tcp_words(body, chain.flags, fragment=chain.is_later)
    if chain.kind in (IPPROTO_UDP, IPPROTO_UDPLITE):
        return udp_words(body, chain.kind, fragment=chain.is_later)
    if chain.kind == IPPROTO_ICMPV6:
        return Told("PROTO=ICMPv6 ") if chain.is_later else _icmp(body, chain.flags, quoted=quoted)
    return Told(f"PROTO={chain.kind} ")


def _icmp(body: bytes, flags: int, *, quoted: bool) -> Told:
    words = "PROTO=ICMPv6 "
    if len(body) < _ICMP_LENGTH:
        return incomplete(words, body)
    kind, rest = body[0], int.from_bytes(body[4:8], "big")
    words += f"TYPE={kind} CODE={body[1]} "
    if kind in _ECHOES:
        words += f"ID={rest >> 16} SEQ={rest & 0xFFFF} "
    if kind == _PARAMPROB:
        words += f"POINTER={rest:08x} "
    if kind in _WITH_QUOTE and not quoted:  # one inside another is not told
        words += f"[{ipv6_words(body[_ICMP_LENGTH:], flags, quoted=True).words}] "
    if kind == _PKT_TOOBIG:
        words += f"MTU={rest} "
    return Told(words)
