"""`snat to`, `dnat to`, `masquerade`, `redirect`: which address and port a connection's packets shall have.

Linux: net/netfilter/nft_nat.c, nft_masq.c, nft_redir.c
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pystack.netfilter.nat.ranges import NatRange
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.view import View

Pair = tuple[slice, slice]  # the lower and the upper end of a range


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an expression's octets say what; None: nowhere."""

    addresses: Pair | None = None
    ports: Pair | None = None


class Translation(Target):
    """An expression says where to, perhaps for each connection something else."""

    __slots__ = ("layout", "makers", "persistent", "random", "where")

    uses_connections = True

    def __init__(
        self,
        makers: Mapping[int, Callable[[NatRange], Target]],
        where: Expression,
        layout: Layout,
        *,
        random: bool = False,
        persistent: bool = False,
    ) -> None:
        """`makers`: who translates packets of a family, by NFPROTO_*"""
        self.makers = makers
        self.where = where
        self.layout = layout
        self.random = random
        self.persistent = persistent

    def apply(self, view: View) -> int:
        """A map that has nothing for a connection leaves it to the next rule."""
        maker, found = self.makers.get(view.family), self.where(view)
        if maker is None or found is None:
            return CONTINUE
        return maker(self._range(found)).apply(view)

    def _range(self, found: bytes) -> NatRange:
        """Linux: nft_nat_setup_addr(), nft_nat_setup_proto()"""
        return NatRange(
            _pair(found, self.layout.addresses),
            _pair(found, self.layout.ports),
            random=self.random,
            persistent=self.persistent,
        )


def _pair(found: bytes, at: Pair | None) -> tuple[int, int] | None:
    if at is None:
        return None
    low, high = at
    return int.from_bytes(found[low], "big"), int.from_bytes(found[high], "big")
