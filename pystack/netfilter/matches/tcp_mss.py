"""`-m tcpmss`: the largest segment that a side says it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.matches.ports import Range, tcp_options, walk_options
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View

MSS: Final = 2  # the option's number


@dataclass(frozen=True, slots=True)
class TcpMss(Match):
    """A segment that says none matches only what is asked in the negative."""

    sizes: Range

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_tcpmss.c tcpmss_mt()"""
        options = tcp_options(view)
        if options is None:
            view.hotdrop = True
            return False
        for kind, value in walk_options(options):
            if kind == MSS and len(value) == 2:
                return self.sizes.holds(int.from_bytes(value, "big"))
        return self.sizes.inverted
