"""What ebtables asks of the transport headers in IPv4 and IPv6 packets, which nobody has parsed yet.

Linux: net/bridge/netfilter/ebt_ip.c ebt_ip_mt(), ebt_ip6.c ebt_ip6_mt()
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.ipv4 import HEADER_LENGTH, IP_OFFSET

_IPV6_HEADER: Final = 40
_IPV6_NEXT_AT: Final = 6
_FRAGMENT: Final = 44
_NO_NEXT: Final = 59
_AUTH: Final = 51
_EXTENSIONS: Final = frozenset({0, 43, _FRAGMENT, _AUTH, _NO_NEXT, 60})
_FRAGMENT_OFFSET: Final = 0xFFF8
_START: Final = 4  # octets of a transport header that are looked at

Range = tuple[int, int]


def ipv4_transport(view: View) -> bytes | None:
    """The beginning of what an IPv4 packet carries; None in later fragments, or if it is cut off."""
    header = view.octets(0, HEADER_LENGTH)
    if header is None or int.from_bytes(header[6:8], "big") & IP_OFFSET:
        return None
    return view.octets((header[0] & 15) * 4, _START)


def ipv6_protocol(view: View) -> tuple[int, int] | None:
    """What stands behind the extension headers, and where; None if they end too soon.

    Linux: net/ipv6/exthdrs_core.c ipv6_skip_exthdr()
    """
    header = view.octets(0, _IPV6_HEADER)
    if header is None:
        return None
    kind, at = header[_IPV6_NEXT_AT], _IPV6_HEADER
    while kind in _EXTENSIONS:
        extension = view.octets(at, 4 if kind == _FRAGMENT else 2)
        if kind == _NO_NEXT or extension is None:
            return None
        if kind == _FRAGMENT and int.from_bytes(extension[2:], "big") & _FRAGMENT_OFFSET:
            break
        length = extension[1]
        size = 8 if kind == _FRAGMENT else (length + 2) * 4 if kind == _AUTH else (length + 1) * 8
        kind, at = extension[0], at + size
    return kind, at


def ipv6_transport(view: View) -> bytes | None:
    """The beginning of what an IPv6 packet carries."""
    found = ipv6_protocol(view)
    return None if found is None else view.octets(found[1], _START)


@dataclass(frozen=True, slots=True)
class Ipv6Protocol(Match):
    """`--ip6-proto`"""

    protocol: int
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Whether it comes behind all extension headers."""
        found = ipv6_protocol(view)
        return found is not None and (found[0] == self.protocol) != self.inverted


@dataclass(frozen=True, slots=True)
class FramePort(Match):
    """`--ip-sport`, `--ip6-dport` and so on"""

    ports: Range
    inverted: bool = False
    of_destination: bool = False
    ipv6: bool = False

    def __call__(self, view: View) -> bool:
        """Whether the port lies between these."""
        start = ipv6_transport(view) if self.ipv6 else ipv4_transport(view)
        if start is None:
            return False
        at = 2 if self.of_destination else 0
        return (self.ports[0] <= int.from_bytes(start[at : at + 2], "big") <= self.ports[1]) != self.inverted


@dataclass(frozen=True, slots=True)
class FrameIcmp(Match):
    """`--ip-icmp-type`, `--ip-igmp-type`, `--ip6-icmp-type`"""

    types: Range
    codes: Range = (0, 255)
    inverted: bool = False
    ipv6: bool = False

    def __call__(self, view: View) -> bool:
        """Whether type and code lie between these."""
        start = ipv6_transport(view) if self.ipv6 else ipv4_transport(view)
        if start is None:
            return False
        inside = self.types[0] <= start[0] <= self.types[1] and self.codes[0] <= start[1] <= self.codes[1]
        return inside != self.inverted
