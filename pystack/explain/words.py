"""A packet in tcpdump's words, made into bytes: what a user copies from a terminal can be explained.

10.0.0.2 > 10.0.0.1: ICMP echo request, id 1, seq 1, length 64
02:aa:00:00:00:01 > 02:aa:00:00:00:02, ethertype IPv4 (0x0800), length 98: 10.0.0.2.68 > 10.0.0.1.67: UDP
IP (tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto TCP (6), length 60) 10.0.0.2.9 > 10.2.0.2.80: …
IP (tos 0x0, ttl 64, id 7, offset 80, flags [none], proto UDP (17), length 48) 10.0.0.2 > 10.0.0.1: udp
ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pystack.explain import words_icmp
from pystack.wire import arp, icmp, ipv4, tcp, udp
from pystack.wire.checksum import transport_sum
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, ZERO, parse_mac
from pystack.wire.ipv4 import (
    IP_DF,
    IP_MF,
    IP_OFFSET,
    IPPROTO_ICMP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    Ipv4Header,
    parse_address,
)

_IN_FRONT: Final = re.compile(
    r"(?:(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d(?:\.\d+)? +)?"  # a time
    r"(?:\S+ +(?:In|Out|B|M|P) +)?"  # the device of tcpdump -i any
)
_LINK: Final = re.compile(r"([0-9a-f:]{17}) > ([0-9a-f:]{17}|Broadcast),(?: ethertype [^,]+,)? length \d+: ")
_HEADER: Final = re.compile(r"\((tos (?:[^()]|\([^)]*\))*)\) *")
_NAMED_PORT: Final = re.compile(r"(?:^|> )[0-9]+(?:\.[0-9]+){3}\.([a-z][a-z0-9-]*)")
_ENDS: Final = re.compile(r"([0-9.]+) > ([0-9.]+): (.*)")
_ECHO: Final = re.compile(r"ICMP echo (request|reply)(?:, id (\d+))?(?:, seq (\d+))?(?:, length (\d+))?")
_UDP: Final = re.compile(r"(?:\[[^]]*\] )?UDP(?:, (?:bad )?length (\d+))?")
_OVER_UDP: Final = re.compile(
    r"(?:(?:NTPv\d|BOOTP/DHCP), .*length (\d+)|\d+[-+*|$%]* .*\((\d+)\))$"
)  # or DNS
_QUOTE: Final = re.compile(r"\n\s*(?=IP \(tos )")  # the packet that an ICMP error is about, below it
_TCP: Final = re.compile(r"Flags \[([^]]*)\](.*)")
_WHO_HAS: Final = re.compile(
    r"(?:Ethernet \(len 6\), IPv4 \(len 4\), )?Request who-has ([0-9.]+)(?: \(\S+\))? tell ([0-9.]+)"
)
_IS_AT: Final = re.compile(r"(?:Ethernet \(len 6\), IPv4 \(len 4\), )?Reply ([0-9.]+) is-at ([0-9a-f:]+)")

_TTL_BEHIND: Final = re.compile(r",? ttl (\d+)$")
_REMARK: Final = re.compile(r"(?:, )?(?:length \d+)?(?: ?\([^)]*\))?")  # ARP's length; `(wrong icmp cksum …)`
_TCP_TAIL: Final = re.compile(
    r"(?:, (?:cksum 0x[0-9a-f]+ \([^()]*(?:\([^)]*\))?[^()]*\)|seq \d+(?::\d+)?|(?:ack|win|urg|length) \d+"
    r"|options \[[^]]*\]))*(?:: .*)?"
)
_TCP_FLAGS: Final = {
    "F": tcp.FIN,
    "S": tcp.SYN,
    "R": tcp.RST,
    "P": tcp.PSH,
    ".": tcp.ACK,
    "U": tcp.URG,
    "E": tcp.ECE,
    "W": tcp.CWR,
}
_ECHO_LENGTH: Final = 64
_LONGEST: Final = 0xFFFF - 60  # octets behind the longest header
_WINDOW: Final = 64240
KNOWN: Final = "ICMP echo request|reply and errors, UDP, Flags [...], ARP"


class NotAPacket(Exception):
    """The words name no packet that we can make; the text says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """A packet, its link addresses only if they were told."""

    protocol: int
    payload: bytes
    source: bytes | None = None
    destination: bytes | None = None


def packet_of(words: str) -> Made:
    """The packet that a line of tcpdump's describes. Raises NotAPacket."""
    rest = _IN_FRONT.sub("", words.strip(), 1)
    source = destination = None
    link = _LINK.match(rest)
    if link is not None:
        source, destination = _mac(link[1]), _mac(link[2])
        rest = rest[link.end() :]
    if rest.startswith("ARP, "):
        return Made(ETH_P_ARP, _arp(rest[5:], source), source, destination)
    packet, *below = _QUOTE.split(rest, maxsplit=1)
    quote = _ip(below[0]) if below else b""
    return Made(ETH_P_IP, _ip(packet, quote), source, destination)


def _mac(text: str) -> bytes:
    address = parse_mac("ff:ff:ff:ff:ff:ff" if text == "Broadcast" else text)
    if address is None:
        raise NotAPacket(f"{text} is not a link address")
    return address


def _address(text: str) -> int:
    address = parse_address(text)
    if address is None:
        raise NotAPacket(f"{text} is not an IPv4 address")
    return address


def _arp(text: str, source: bytes | None) -> bytes:
    asked, told = _WHO_HAS.match(text), _IS_AT.match(text)
    if asked is not None:
        _nothing_behind(text, asked)
        request = arp.Arp(arp.ARPOP_REQUEST, source or ZERO, _address(asked[2]), ZERO, _address(asked[1]))
        return arp.build(request)
    if told is not None:
        _nothing_behind(text, told)
        reply = arp.Arp(arp.ARPOP_REPLY, _mac(told[2]), _address(told[1]), ZERO, 0)
        return arp.build(reply)
    raise NotAPacket(f"not an ARP packet: {text!r} (known: Request who-has A tell B, Reply A is-at M)")


# --- IPv4 -------------------------------------------------------------------------------------------------


def _ip(text: str, quote: bytes = b"") -> bytes:
    text = " ".join(text.split()).removeprefix("IP ")
    header = _HEADER.match(text)
    if header is not None:
        text = text[header.end() :]
    text, told_ttl = _without_ttl(text)
    ends = _ENDS.fullmatch(text)
    if ends is None and (named := _NAMED_PORT.search(text)):
        raise NotAPacket(f"{named[1]} is the name of a port: numbers are known, as tcpdump -nn prints them")
    if ends is None:
        raise NotAPacket(f"not a packet: {text!r} (known: A > B: {KNOWN}; or scapy's notation)")
    saddr, sport = _end(ends[1])
    daddr, dport = _end(ends[2])
    ip = Ipv4Header(saddr, daddr, 0) if told_ttl is None else Ipv4Header(saddr, daddr, 0, ttl=told_ttl)
    if header is not None:
        _take_header(ip, header[1])
        if ip.is_fragment:
            return _fragment(ip, header[1], ends[3], sport, dport)
    ip.protocol, payload = _transport(ends[3], ip, sport, dport, quote)
    return ipv4.build(ip, len(payload)) + payload


def _without_ttl(text: str) -> tuple[str, int | None]:
    """`… length 64, ttl 3`: what a user adds, where tcpdump -v has it in front."""
    found = _TTL_BEHIND.search(text)
    return (text, None) if found is None else (text[: found.start()], min(int(found[1]), 0xFF))


def _fragment(ip: Ipv4Header, told: str, text: str, sport: int | None, dport: int | None) -> bytes:
    """Only the first has a transport header; what is in the others is not told, and made of zeros."""
    length, protocol = re.search(r"\blength (\d+)$", told), re.search(r"\bproto \S+ \((\d+)\)", told)
    if length is None or protocol is None:
        raise NotAPacket("a fragment needs its length and protocol, as tcpdump -v prints them")
    ip.protocol, size = int(protocol[1]) & 0xFF, _length(length[1], 0) - ipv4.HEADER_LENGTH
    payload = b""
    if not ip.frag_off & IP_OFFSET:
        ip.protocol, payload = _transport(text, ip, sport, dport)
    payload = (payload + bytes(max(size, 0)))[: max(size, 0)]
    return ipv4.build(ip, len(payload)) + payload


def _end(text: str) -> tuple[int, int | None]:
    """An address, with its port behind a fifth dot."""
    words = text.split(".")
    if len(words) == 5 and int(words[4] or 0) <= 0xFFFF:
        return _address(".".join(words[:4])), int(words[4] or 0)
    return _address(text), None


def _take_header(ip: Ipv4Header, text: str) -> None:
    """What tcpdump -v tells of the header."""
    for name, attribute in (("ttl", "ttl"), ("id", "id")):
        found = re.search(rf"\b{name} (\d+)", text)
        if found:
            setattr(ip, attribute, int(found[1]) & (0xFF if name == "ttl" else 0xFFFF))
    tos = re.search(r"\btos 0x([0-9a-f]{1,2})\b", text)
    ip.tos = int(tos[1], 16) if tos else 0
    flags = re.search(r"flags \[([^]]*)\]", text)
    if flags:
        ip.frag_off = (IP_DF if "DF" in flags[1] else 0) | (IP_MF if "+" in flags[1] else 0)
    offset = re.search(r"\boffset (\d+)", text)
    if offset:
        ip.frag_off |= int(offset[1]) // 8 & IP_OFFSET


def _transport(
    text: str, ip: Ipv4Header, sport: int | None, dport: int | None, quote: bytes = b""
) -> tuple[int, bytes]:
    echo, flags, datagram = _ECHO.match(text), _TCP.match(text), _UDP.match(text) or _OVER_UDP.match(text)
    if echo is not None:
        _nothing_behind(text, echo)
        return IPPROTO_ICMP, _echo(echo)
    if text.startswith("ICMP "):
        return IPPROTO_ICMP, _icmp_error(text[5:], ip, quote)
    if sport is None or dport is None:
        raise NotAPacket(
            f"not a packet: {text!r} needs a port on both sides, or is not known (known: {KNOWN})"
        )
    if flags is not None:
        if not _TCP_TAIL.fullmatch(flags[2]):
            raise NotAPacket(f"not understood behind the flags: {flags[2].strip(' ,')!r}")
        return IPPROTO_TCP, _segment(flags[1], flags[2], ip, sport, dport)
    if datagram is not None:
        _nothing_behind(text, datagram)
        length = next(filter(None, datagram.groups()), None)
        return IPPROTO_UDP, _datagram(bytes(_length(length, 0)), ip, sport, dport)
    raise NotAPacket(f"not a packet: {text!r} (known: {KNOWN}; or scapy's notation)")


def _nothing_behind(text: str, found: re.Match[str]) -> None:
    """All words count: one that is passed over would be a packet that nobody meant. Raises NotAPacket."""
    rest = text[found.end() :].strip(" ,")
    if rest and not _REMARK.fullmatch(rest):
        raise NotAPacket(f"not understood behind the packet: {rest!r}")


def _length(text: str | None, default: int) -> int:
    length = default if text is None else int(text)
    if length > _LONGEST:
        raise NotAPacket(f"length {length} is more than an IPv4 packet holds")
    return length


def _icmp_error(text: str, ip: Ipv4Header, quote: bytes) -> bytes:
    made = words_icmp.error(text, ip.daddr, quote)
    if isinstance(made, bytes):
        return made
    why = made or f"not known (known: {KNOWN}; or scapy's notation)"
    raise NotAPacket(f"ICMP {text.split(',')[0]}: {why}")


def _echo(found: re.Match[str]) -> bytes:
    kind = icmp.ICMP_ECHO if found[1] == "request" else icmp.ICMP_ECHOREPLY
    size = max(_length(found[4], _ECHO_LENGTH) - icmp.HEADER_LENGTH, 0)
    return icmp.build(kind, 0, int(found[2] or 1) & 0xFFFF, int(found[3] or 1) & 0xFFFF, bytes(size))


def _datagram(data: bytes, ip: Ipv4Header, sport: int, dport: int) -> bytes:
    length = udp.HEADER_LENGTH + len(data)
    bare = udp.HEADER.pack(sport, dport, length, 0) + data
    return udp.HEADER.pack(sport, dport, length, _check(ip, IPPROTO_UDP, bare) or 0xFFFF) + data


def _segment(flags: str, rest: str, ip: Ipv4Header, sport: int, dport: int) -> bytes:
    unknown = set(flags) - set(_TCP_FLAGS) - set("none")
    if unknown:
        raise NotAPacket(f"not a TCP flag: {', '.join(sorted(unknown))}")
    bits = sum(_TCP_FLAGS[flag] for flag in set(flags) & set(_TCP_FLAGS)) if flags != "none" else 0
    numbers = {name: re.search(rf"\b{name} (\d+)", rest) for name in ("seq", "ack", "win", "length")}
    seq, ack, window, length = (
        default if found is None else int(found[1])
        for found, default in zip(numbers.values(), (0, 0, _WINDOW, 0), strict=True)
    )
    data = bytes(_length(str(length), 0))
    words = (sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, bits, window & 0xFFFF)
    bare = tcp.HEADER.pack(*words, 0, 0) + data
    return tcp.HEADER.pack(*words, _check(ip, IPPROTO_TCP, bare), 0) + data


def _check(ip: Ipv4Header, protocol: int, segment: bytes) -> int:
    return 0xFFFF ^ transport_sum(ip.saddr, ip.daddr, protocol, segment)
