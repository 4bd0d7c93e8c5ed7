"""Ports and ranges of ports, in IPv4 and IPv6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.applets.tcpdump.filter.errors import FilterError
from pystack.applets.tcpdump.filter.qualifiers import ANY, Qualifiers
from pystack.applets.tcpdump.filter.test import Subject, Test, both, either, equals
from pystack.applets.tcpdump.names import Names

KINDS: Final = ("port", "portrange")
PROTOCOLS: Final = {"tcp": 6, "udp": 17, "sctp": 132}
HIGHEST: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Packets:
    """Where IP packets are, which are IPv4 and which IPv6, which carry a transport header; and port names."""

    at: int
    is_ip: Test
    is_ip6: Test
    is_first_fragment: Test
    names: Names


def number(packets: Packets, value: int, q: Qualifiers) -> Test:
    """libpcap: gencode.c gen_ncode()"""
    _check_protocol(q)
    if value > HIGHEST:
        raise FilterError(f"illegal port number {value} > 65535")
    return _ports(packets, value, value, _wanted(q), q.direction)


def name(packets: Packets, text: str, q: Qualifiers) -> Test:
    """`http`, `80-90`. libpcap: gencode.c gen_scode()"""
    _check_protocol(q)
    if q.address == "portrange":
        return _range(packets, text, q)
    found = _look_up(packets, text)
    if not found:
        raise FilterError(f"unknown port '{text}'")
    port, protocols = found
    if q.protocol in PROTOCOLS and q.protocol not in protocols:
        raise FilterError(f"port '{text}' is {protocols[0]}")
    return _ports(packets, port, port, [q.protocol] if q.protocol in PROTOCOLS else protocols, q.direction)


def _range(packets: Packets, text: str, q: Qualifiers) -> Test:
    low_text, dash, high_text = text.partition("-")
    low = _look_up(packets, low_text)
    high = _look_up(packets, high_text) if dash else low
    if not low or not high:
        raise FilterError(f"unknown port in range '{text}'")
    for port in (low[0], high[0]):
        if port > HIGHEST:
            raise FilterError(f"illegal port number {port} > 65535")
    protocols = low[1] if low[1] == high[1] else list(PROTOCOLS)
    if q.protocol in PROTOCOLS:
        if q.protocol not in protocols:
            raise FilterError(f"port in range '{text}' is {protocols[0]}")
        protocols = [q.protocol]
    return _ports(packets, min(low[0], high[0]), max(low[0], high[0]), protocols, q.direction)


def _look_up(packets: Packets, text: str) -> tuple[int, list[str]] | None:
    """A port's number and the protocols that have it under this name; a number has it under all."""
    if text.isdigit():
        return int(text), list(PROTOCOLS)
    known = [
        (word, packets.names.ports[word, text])
        for word in ("tcp", "udp")
        if (word, text) in packets.names.ports
    ]
    if not known:
        return None
    protocols = [word for word, _ in known]
    return known[0][1], list(PROTOCOLS) if len(protocols) > 1 else protocols


def _check_protocol(q: Qualifiers) -> None:
    if q.protocol != ANY and q.protocol not in PROTOCOLS:
        raise FilterError(f"illegal qualifier of '{q.address}'")


def _wanted(q: Qualifiers) -> list[str]:
    return [q.protocol] if q.protocol in PROTOCOLS else list(PROTOCOLS)


def _ports(packets: Packets, low: int, high: int, words: list[str], direction: str) -> Test:
    """libpcap: gencode.c gen_port(), gen_port6(), gen_portrange()"""
    at = packets.at
    numbers = [PROTOCOLS[word] for word in words]
    in_ip6 = either(
        *(both(equals(at + 6, 1, number), _directed(direction, low, high, at + 40)) for number in numbers)
    )
    first = packets.is_first_fragment

    def in_ip(subject: Subject) -> bool:
        if not first(subject):
            return False
        header = (subject.load(at, 1) & 15) * 4
        return _directed(direction, low, high, at + header)(subject)

    return either(
        both(packets.is_ip6, in_ip6),
        both(packets.is_ip, both(either(*(equals(at + 9, 1, number) for number in numbers)), in_ip)),
    )


def _directed(direction: str, low: int, high: int, at: int) -> Test:
    def source(subject: Subject) -> bool:
        return low <= subject.load(at, 2) <= high

    def destination(subject: Subject) -> bool:
        return low <= subject.load(at + 2, 2) <= high

    if direction == "src":
        return source
    if direction == "dst":
        return destination
    return both(source, destination) if direction == "both" else either(source, destination)
