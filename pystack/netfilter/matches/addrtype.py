"""`-m addrtype`, `-m rpfilter`: what the routes say of an address."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.device import IFF_LOOPBACK
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


@dataclass(frozen=True, slots=True)
class AddressType(Match):
    """The kinds asked are a bit mask, by RTN_*; None asks nothing of that end."""

    path: Path
    source: tuple[int, bool] | None
    destination: tuple[int, bool] | None
    limit_in: bool = False
    limit_out: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_addrtype.c addrtype_mt_v1()"""
        dev = view.indev if self.limit_in else view.outdev if self.limit_out else None
        for asked, address in ((self.source, view.saddr), (self.destination, view.daddr)):
            if asked is None:
                continue
            kinds, inverted = asked
            kind = self.path.address_type(address, dev, on_dev_only=self.limit_in or self.limit_out)
            if bool(kinds >> kind & 1) == inverted:
                return False
        return True


@dataclass(frozen=True, slots=True)
class RpFilter(Match):
    """Whether an answer would leave where the packet came in."""

    path: Path
    loose: bool = False
    by_mark: bool = False
    accept_local: bool = False
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Linux: net/ipv4/netfilter/ipt_rpfilter.c rpfilter_mt()"""
        if view.indev is not None and view.indev.flags & IFF_LOOPBACK:
            return not self.inverted
        loose, mark, local = self.loose, self.by_mark, self.accept_local
        found = self.path.is_reversible(view.pkt, loose=loose, by_mark=mark, accept_local=local)
        return found != self.inverted
