"""Values that are worked out of others.

Linux: net/netfilter/nft_bitwise.c
"""

from __future__ import annotations

from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.view import View


class _Worked(Expression):
    """Out of one other."""

    __slots__ = ("is_plain", "length", "of", "uses_connections")

    def __init__(self, of: Expression, length: int) -> None:
        self.of = of
        self.length = length
        self.is_plain = of.is_plain
        self.uses_connections = of.uses_connections


class Bitwise(_Worked):
    """The bits of `mask` stay, then those of `flip` are turned round: all of `&`, `|` and `^` with a number
    come to that.

    Linux: nft_bitwise_eval_mask_xor()
    """

    __slots__ = ("flip", "mask")

    def __init__(self, of: Expression, length: int, mask: int, flip: int = 0) -> None:
        super().__init__(of, length)
        self.mask = mask
        self.flip = flip

    def __call__(self, view: View) -> bytes | None:
        """None if there is nothing to work on."""
        found = self.of(view)
        if found is None:
            return None
        return (int.from_bytes(found, "big") & self.mask ^ self.flip).to_bytes(self.length, "big")


class Shift(_Worked):
    """By so many bits to the left, or to the right where it is negative.

    Linux: nft_bitwise_eval_lshift(), nft_bitwise_eval_rshift()
    """

    __slots__ = ("by", "limit")

    def __init__(self, of: Expression, length: int, by: int) -> None:
        super().__init__(of, length)
        self.by = by
        self.limit = (1 << length * 8) - 1

    def __call__(self, view: View) -> bytes | None:
        """What is shifted out is lost."""
        found = self.of(view)
        if found is None:
            return None
        number = int.from_bytes(found, "big")
        shifted = number << self.by & self.limit if self.by > 0 else number >> -self.by
        return shifted.to_bytes(self.length, "big")


class Resized(_Worked):
    """The same number in another number of octets."""

    __slots__ = ()

    def __call__(self, view: View) -> bytes | None:
        """Zeros come in front, or what is too much goes there."""
        found = self.of(view)
        return None if found is None else found[-self.length :].rjust(self.length, b"\0")
