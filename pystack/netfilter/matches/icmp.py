"""`-m icmp`, `-m icmp6`"""

from __future__ import annotations

from dataclasses import dataclass

from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.icmp import HEADER_LENGTH

ANY_TYPE = 255
NO_TYPE = -1  # of ICMPv6 there is none that stands for all


@dataclass(frozen=True, slots=True)
class IcmpType(Match):
    """A type, and a range of its codes."""

    type: int
    low: int
    high: int
    inverted: bool = False
    any_type: int = ANY_TYPE

    def __call__(self, view: View) -> bool:
        """Linux: net/ipv4/netfilter/ip_tables.c icmp_match(), ip6_tables.c icmp6_match()"""
        if view.fragment:
            return False
        header = view.transport_octets(HEADER_LENGTH)
        if header is None:
            view.hotdrop = True
            return False
        meant = self.type == self.any_type or (self.type == header[0] and self.low <= header[1] <= self.high)
        return meant != self.inverted
