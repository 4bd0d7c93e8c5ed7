"""What a log line tells of the IP packet itself, from SRC= on.

Linux: net/netfilter/nf_log_syslog.c dump_ipv4_packet(), dump_ipv6_packet()
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pystack.wire import ipv4, tcp
from pystack.wire.ipv4 import IP_DF, IP_MF, IP_OFFSET, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

PROTOCOLS: Final = {"ICMP": IPPROTO_ICMP, "TCP": IPPROTO_TCP, "UDP": IPPROTO_UDP, "UDPLITE": 136} | {
    "AH": 51,
    "ESP": 50,
    "ICMPv6": 58,
}
_CE: Final = 0x8000
_BITS: Final = {"CE": _CE, "DF": IP_DF, "MF": IP_MF}
_TCP_BITS: Final = {name: getattr(tcp, name) for name in "CWR ECE URG ACK PSH RST SYN FIN".split()}
_WORD: Final = re.compile(r"([A-Za-z]+)(?:=(\S*)|:(\d{1,5}))?", re.ASCII)
_OPTIONS: Final = re.compile(r"OPT \(([0-9A-F]*|TRUNCATED)\) ?")
_INCOMPLETE: Final = re.compile(r"INCOMPLETE \[(\d+) bytes\] ?")
_QUOTE: Final = re.compile(r"\[(SRC=[^\[\]]*)\] ?")
_ADDRESS6: Final = re.compile(r"[0-9a-f:]{2,39}")
_BYTE: Final = re.compile(r"[0-9]{1,3}")
_WHOLE_NUMBER: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{1,10}")
_HIGHEST: Final = {
    "LEN": 0xFFFF,
    "TTL": 255,
    "HOPLIMIT": 255,
    "TC": 255,
    "TOS": 0x1E,
    "PREC": 0xE0,
    "ID": 0xFFFF,
    "SPT": 0xFFFF,
    "DPT": 0xFFFF,
    "TYPE": 255,
    "CODE": 255,
    "WINDOW": 0xFFFF,
    "URGP": 0xFFFF,
}
_HEX: Final = frozenset(("TOS", "PREC", "RES", "SPI", "MARK"))
# Before PROTO= a word is of the IP header, behind it of what that carries; ID and LEN are words of both.
_OF_NAT: Final = ("SPT", "DPT", "ID")  # an ICMP message's ID is its port
_OF_NO_PACKET: Final = frozenset(("MARK", "UID", "GID"))


class Unreadable(Exception):
    """The line tells of no packet; the text says where it goes wrong."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One packet, as far as its line tells."""

    source: str
    destination: str
    header: Mapping[str, int]  # LEN TOS PREC TTL ID, or of IPv6 LEN TC HOPLIMIT FLOWLBL
    bits: int  # DF, MF, CE and the fragment's offset, where the header has them
    protocol: int | None  # None: the line is cut off before it
    carried: Mapping[str, int]  # SPT DPT, TYPE CODE ID SEQ …
    flags: int = 0  # of TCP
    options: bytes = b""  # of the IP header
    tcp_options: bytes = b""
    gateway: str = ""
    quoted: Datagram | None = None  # in an ICMP error
    # What stays as it is while a packet crosses a host without NAT, and what NAT leaves alone too.
    identity: tuple[object, ...] = field(init=False, compare=False)
    body: tuple[object, ...] = field(init=False, compare=False)

    @property
    def is_ipv6(self) -> bool:
        """Which family it is of."""
        return ":" in self.source

    @property
    def ttl(self) -> int:
        """How many hops it has left."""
        return self.header.get("TTL", self.header.get("HOPLIMIT", 0))

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", _body(self))
        object.__setattr__(self, "identity", (self.source, self.destination, *_ports(self), *self.body))


def _body(told: Datagram) -> tuple[object, ...]:
    kept = {name: value for name, value in told.carried.items() if name not in _OF_NAT}
    identity = told.header.get("ID", told.header.get("FLOWLBL", 0))
    return (told.protocol, told.header.get("LEN"), identity, told.bits & IP_OFFSET, told.flags, *kept.items())


def _ports(told: Datagram) -> tuple[object, ...]:
    return tuple(told.carried.get(name) for name in _OF_NAT)


def read(text: str) -> Datagram:
    """The packet of a line's words from SRC= on. Raises Unreadable."""
    quote = _QUOTE.search(text)
    front, behind = (text, "") if quote is None else (text[: quote.start()], text[quote.end() :])
    head, proto, tail = front.partition("PROTO=")
    header_options, head = _cut(_OPTIONS, head)
    words, flags = _words(head)
    source, destination = _address(words, "SRC"), _address(words, "DST")
    header = dict(_numbers(words, ("LEN", "TOS", "PREC", "TTL", "ID", "TC", "HOPLIMIT")))
    bits = sum(_BITS[name] for name in flags if name in _BITS)
    if offset := words.get("FRAG"):
        bits |= int(offset) & IP_OFFSET
    name, _, rest = tail.partition(" ")
    tcp_options, rest = _cut(_OPTIONS, f"{rest} {behind}")
    carried, transport_flags = _words(_INCOMPLETE.sub("", rest))
    gateway = carried.pop("GATEWAY", "")
    return Datagram(
        source,
        destination,
        header,
        bits,
        _protocol(name) if proto else None,
        dict(_numbers(carried, [word for word in carried if word not in _OF_NO_PACKET])),
        sum(_TCP_BITS[flag] for flag in transport_flags if flag in _TCP_BITS),
        header_options,
        tcp_options,
        gateway,
        None if quote is None else read(quote[1]),
    )


def _cut(pattern: re.Pattern[str], text: str) -> tuple[bytes, str]:
    """Options out of the words between which they stand."""
    found = pattern.search(text)
    if found is None:
        return b"", text
    digits = "" if found[1] == "TRUNCATED" or len(found[1]) % 2 else found[1]
    return bytes.fromhex(digits), text[: found.start()] + text[found.end() :]


def _words(text: str) -> tuple[dict[str, str], list[str]]:
    """`KEY=VALUE` and bare words; of a key that stands twice the first counts."""
    values: dict[str, str] = {}
    bare = []
    for word in text.split():
        found = _WORD.fullmatch(word)
        if found is None:
            continue
        value = found[2] if found[2] is not None else found[3]
        if value is None:
            bare.append(found[1])
        else:
            values.setdefault(found[1], value)
    return values, bare


def _numbers(words: Mapping[str, str], wanted: Iterable[str]) -> Iterator[tuple[str, int]]:
    for name in wanted:
        text = words.get(name)
        if text is None:
            continue
        if not _WHOLE_NUMBER.fullmatch(text) or (name not in _HEX and not text.isdecimal()):
            raise Unreadable(f"{name}={text[:20]} is no number")
        value = int(text, 16 if name in _HEX else 10)
        if value > _HIGHEST.get(name, 0xFFFFFFFF):
            raise Unreadable(f"{name}={text[:20]} is more than there can be")
        yield name, value


def _address(words: Mapping[str, str], name: str) -> str:
    text = words.get(name, "")
    if not text:
        raise Unreadable(f"cut off before {name}=")
    if ipv4.parse_address(text) is None and (":" not in text or not _ADDRESS6.fullmatch(text)):
        raise Unreadable(f"{name}={text[:40]} is no address")
    return text


def _protocol(name: str) -> int | None:
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    if _BYTE.fullmatch(name) and int(name) < 256:
        return int(name)
    if not name:
        return None
    raise Unreadable(f"PROTO={name[:20]} is no protocol")
