"""`-m sctp --chunk-types`"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.checksum import Buffer

HEADER_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Chunks(Match):
    """Types, each with the flags that are asked and how they must be; `how`: all, any, only."""

    how: str
    types: tuple[tuple[int, int, int], ...]
    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_sctp.c match_packet()"""
        if view.fragment:
            return False
        missing = {kind for kind, _, _ in self.types}
        wanted = {kind: (mask, flags) for kind, mask, flags in self.types}
        for chunk in _chunks(view.pkt.data, view.transport + HEADER_LENGTH):
            if chunk is None:
                view.hotdrop = True
                return False
            kind, flags = chunk
            mask, needed = wanted.get(kind, (0, 1))
            if flags & mask == needed:
                if self.how == "any":
                    return not self.inverted
                missing.discard(kind)
            elif self.how == "only":
                return self.inverted
        found = self.how == "only" or (self.how == "all" and not missing)
        return found != self.inverted


def _chunks(data: Buffer, at: int) -> Iterator[tuple[int, int] | None]:
    """Type and flags of each; None for one that is broken off."""
    while True:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 4 > len(data) or not length:
            yield None
            return
        yield data[at], data[at + 1]
        at += (length + 3) & ~3
        if at >= len(data):
            return
