"""Extension headers of IPv6: `-m ah`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.matches.ports import Range
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.ipv6 import NEXTHDR_AUTH, extension_length, find_header
from pystack.wire.malformed import Malformed

_AH_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class AuthHeader(Match):
    """`-m ah` of ip6tables."""

    spis: Range
    length: Range | None  # in octets; None: any
    reserved: bool  # whether the reserved field has to be zero

    def __call__(self, view: View) -> bool:
        """Linux: net/ipv6/netfilter/ip6t_ah.c ah_mt6()"""
        data = view.pkt.data
        found = find_header(data, view.pkt.network_header, NEXTHDR_AUTH)
        if found is None:
            return False
        if isinstance(found, Malformed) or len(data) - found.offset < _AH_LENGTH:
            view.hotdrop = True
            return False
        at, length = found.offset, extension_length(data, NEXTHDR_AUTH, found.offset)
        if len(data) - at < length:
            view.hotdrop = True
            return False
        if not self.spis.holds(int.from_bytes(data[at + 4 : at + 8], "big")):
            return False
        if self.length is not None and not self.length.holds(length):
            return False
        return not (self.reserved and any(data[at + 2 : at + 4]))
