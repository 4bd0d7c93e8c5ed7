"""Single fields of the IP header: length, TTL, TOS, DSCP, ranges of addresses."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.netfilter.matches.ports import Range
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


@dataclass(frozen=True, slots=True)
class Length(Match):
    """`-m length`: of the whole packet, IP header included."""

    lengths: Range
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_length.c length_mt()"""
        header = view.header
        return header is not None and self.lengths.holds(header.tot_len)


@dataclass(frozen=True, slots=True)
class Ttl(Match):
    """`-m ttl`: equal, less and greater are ranges too."""

    ttls: Range
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_hl.c ttl_mt()"""
        header = view.header
        return header is not None and self.ttls.holds(header.ttl)


@dataclass(frozen=True, slots=True)
class Tos(Match):
    """`-m tos`, and `-m dscp` with the upper six bits as its mask."""

    value: int
    mask: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_dscp.c tos_mt(), dscp_mt()"""
        header = view.header
        return header is not None and (header.tos & self.mask == self.value) != self.inverted


@dataclass(frozen=True, slots=True)
class AddressRange(Match):
    """`-m iprange`"""

    source: Range | None
    destination: Range | None
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_iprange.c iprange_mt4()"""
        if self.source is not None and not self.source.holds(view.saddr):
            return False
        return self.destination is None or self.destination.holds(view.daddr)
