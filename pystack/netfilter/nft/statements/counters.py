"""`counter` and `quota`: what counts packets, in a rule, in an element of a set, or under a name.

Linux: net/netfilter/nft_counter.c, nft_quota.c
"""

from __future__ import annotations

from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


class Counter(Match):
    """`counter packets 3 bytes 180`"""

    __slots__ = ("octets", "packets")

    def __init__(self, packets: int = 0, octets: int = 0) -> None:
        self.packets = packets
        self.octets = octets

    def __call__(self, view: View) -> bool:
        """Linux: nft_counter_do_eval()"""
        self.packets += 1
        self.octets += view.length
        return True

    def clone(self) -> Counter:
        """One for another element of a set, beginning as this one. Linux: nft_counter_clone()"""
        return Counter(self.packets, self.octets)

    def reset(self) -> None:
        """Begin again. Linux: nft_counter_reset()"""
        self.packets = self.octets = 0


class Quota(Match):
    """`quota 25 mbytes`: holds until so many octets have passed; `over`: from then on."""

    __slots__ = ("octets", "over", "used")

    def __init__(self, octets: int, used: int = 0, *, over: bool = False) -> None:
        self.octets = octets
        self.used = used
        self.over = over

    def __call__(self, view: View) -> bool:
        """Linux: nft_quota_do_eval()"""
        self.used += view.length
        return (self.used > self.octets) == self.over

    @property
    def told(self) -> int:
        """How much of it is used, as listings say it. Linux: nft_quota_do_dump()"""
        return min(self.used, self.octets)

    def clone(self) -> Quota:
        """Linux: nft_quota_clone()"""
        return Quota(self.octets, over=self.over)

    def reset(self) -> None:
        """Begin again. Linux: nft_quota_do_dump()"""
        self.used = 0
