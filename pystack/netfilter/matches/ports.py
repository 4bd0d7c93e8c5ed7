"""Ports, and what else stands in the headers of TCP, UDP and their kin."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.netfilter.rule import EXACT, Key, Match
from pystack.netfilter.view import View
from pystack.wire.tcp import HEADER_LENGTH


@dataclass(frozen=True, slots=True)
class Range:
    """From one number to another, or all but these."""

    low: int
    high: int
    inverted: bool = False

    def holds(self, number: int) -> bool:
        """Whether a number is meant."""
        return (self.low <= number <= self.high) != self.inverted


@dataclass(frozen=True, slots=True)
class SourcePort(Match):
    """`--sport` of a protocol that begins with two ports."""

    ports: Range
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether it is from such a port. Linux: net/netfilter/xt_tcpudp.c"""
        found = view.ports
        return found is not None and self.ports.holds(found[0])


@dataclass(frozen=True, slots=True)
class DestinationPort(Match):
    """`--dport`"""

    ports: Range
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether it is to such a port."""
        found = view.ports
        return found is not None and self.ports.holds(found[1])

    @property
    def key(self) -> Key | None:
        """The port, if there is only one."""
        ports = self.ports
        return None if ports.inverted or ports.low != ports.high else ("dport", EXACT, ports.low)


@dataclass(frozen=True, slots=True)
class Whole(Match):
    """What `-m tcp` asks without any option: a first fragment whose header is not cut off."""

    length: int
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Later fragments never match; a fragment that would overwrite the header, and a packet too short for
        one, must not pass at all.
        """
        if view.fragment:
            view.hotdrop = view.hotdrop or (view.fragment == 1 and self.length == HEADER_LENGTH)
            return False
        if view.transport_octets(self.length) is None:
            view.hotdrop = True
            return False
        return True


@dataclass(frozen=True, slots=True)
class TcpFlags(Match):
    """`--tcp-flags MASK SET`"""

    mask: int
    flags: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether of the masked flags exactly these are set."""
        header = view.transport_octets(HEADER_LENGTH)
        return header is not None and (header[13] & self.mask == self.flags) != self.inverted


@dataclass(frozen=True, slots=True)
class TcpOption(Match):
    """`--tcp-option`"""

    kind: int
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Whether the option is there; a header that is cut off lets nobody know, and is dropped.

        Linux: net/netfilter/xt_tcpudp.c tcp_find_option()
        """
        options = tcp_options(view)
        if options is None:
            view.hotdrop = True
            return False
        return any(kind == self.kind for kind, _ in walk_options(options)) != self.inverted


def tcp_options(view: View) -> bytes | None:
    """The octets behind the fixed header; None if they are not all there."""
    header = view.transport_octets(HEADER_LENGTH)
    if header is None:
        return None
    length = (header[12] >> 4) * 4
    if length <= HEADER_LENGTH:
        return b""
    whole = view.transport_octets(length)
    return None if whole is None else whole[HEADER_LENGTH:]


def walk_options(options: bytes) -> list[tuple[int, bytes]]:
    """Each option and its value, stepping over them as the kernel's matches do: also past the end marker."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(options):
        kind = options[at]
        length = options[at + 1] if kind > 1 and at + 1 < len(options) else 1
        found.append((kind, options[at + 2 : at + length]))
        at += length or 1
    return found


@dataclass(frozen=True, slots=True)
class Multiport(Match):
    """`-m multiport`; sources, destinations, or either."""

    ranges: tuple[Range, ...]
    sources: bool
    destinations: bool
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_multiport.c ports_match_v1()"""
        found = view.ports
        if found is None:
            view.hotdrop = view.hotdrop or not view.fragment
            return False
        source, destination = found
        for one in self.ranges:
            if (self.destinations and one.low <= destination <= one.high) or (
                self.sources and one.low <= source <= one.high
            ):
                return not self.inverted
        return self.inverted

    @property
    def keys(self) -> tuple[Key, ...]:
        """The ports, if destinations alone are asked for and none of them is a range."""
        ranges = self.ranges
        if self.sources or self.inverted or any(one.low != one.high for one in ranges):
            return ()
        return tuple(("dport", EXACT, one.low) for one in ranges)


@dataclass(frozen=True, slots=True)
class Spi(Match):
    """`-m esp --espspi`, `-m ah --ahspi`: where in the header the number stands."""

    spis: Range
    offset: int
    length: int  # of the header

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_esp.c, net/ipv4/netfilter/ipt_ah.c"""
        if view.fragment:
            return False
        header = view.transport_octets(self.length)
        if header is None:
            view.hotdrop = True
            return False
        return self.spis.holds(int.from_bytes(header[self.offset : self.offset + 4], "big"))
