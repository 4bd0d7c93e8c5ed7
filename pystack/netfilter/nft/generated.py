"""Numbers that are made: counted, drawn, or hashed from others.

Linux: net/netfilter/nft_numgen.c, nft_hash.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.nat.jhash import jhash
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.view import View
from pystack.rng import Rng
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

_WITH_PORTS: Final = frozenset({IPPROTO_TCP, IPPROTO_UDP, 33, 132, 136})  # DCCP, SCTP, UDP-Lite


class Counted(Expression):
    """`numgen inc mod 2 offset 100`: one after the other."""

    __slots__ = ("_last", "modulus", "offset")

    is_plain = False

    def __init__(self, modulus: int, offset: int) -> None:
        self.modulus = modulus
        self.offset = offset
        self._last = modulus - 1

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_ng_inc_gen()"""
        self._last = (self._last + 1) % self.modulus
        return (self._last + self.offset).to_bytes(4, "big")


class Drawn(Expression):
    """`numgen random mod 2`"""

    __slots__ = ("modulus", "offset", "rng")

    is_plain = False

    def __init__(self, rng: Rng, modulus: int, offset: int) -> None:
        self.rng = rng
        self.modulus = modulus
        self.offset = offset

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_ng_random_gen()"""
        return (_scaled(self.rng.u32(), self.modulus) + self.offset).to_bytes(4, "big")


class Hashed(Expression):
    """`jhash ip saddr mod 2 seed 0x1 offset 3`"""

    __slots__ = ("is_plain", "modulus", "of", "offset", "seed", "uses_connections")

    def __init__(self, of: Expression, modulus: int, seed: int, offset: int) -> None:
        """`of` gives the octets as they lie in the kernel's registers"""
        self.of = of
        self.modulus = modulus
        self.seed = seed
        self.offset = offset
        self.is_plain = of.is_plain
        self.uses_connections = of.uses_connections

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_jhash_eval()"""
        found = self.of(view)
        if found is None:
            return None
        return (_scaled(jhash(found, self.seed), self.modulus) + self.offset).to_bytes(4, "big")


class FlowHash(Expression):
    """`symhash mod 2`: both directions of a flow come to the same.

    Linux differs: it hashes with a secret of its own, so nobody can tell which number a flow gets.
    """

    __slots__ = ("modulus", "offset")

    def __init__(self, modulus: int, offset: int) -> None:
        self.modulus = modulus
        self.offset = offset

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_symhash_eval()"""
        ports = view.ports if view.protocol in _WITH_PORTS else None
        ends = sorted(zip((view.saddr, view.daddr), ports or (0, 0), strict=True))
        found = repr((view.protocol, ends)).encode()
        return (_scaled(jhash(found, 0), self.modulus) + self.offset).to_bytes(4, "big")


class Reversed(Expression):
    """The octets the other way round: what the kernel keeps in the order of the machine."""

    __slots__ = ("is_plain", "of", "uses_connections")

    def __init__(self, of: Expression) -> None:
        self.of = of
        self.is_plain = of.is_plain
        self.uses_connections = of.uses_connections

    def __call__(self, view: View) -> bytes | None:
        """Of a little-endian machine."""
        found = self.of(view)
        return None if found is None else found[::-1]


def _scaled(number: int, modulus: int) -> int:
    """Linux: include/linux/math.h reciprocal_scale()"""
    return number * modulus >> 32
