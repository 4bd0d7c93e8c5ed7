"""What is read out of a packet."""

from __future__ import annotations

from pystack.netfilter.view import View


class Expression:
    """Answers a fixed number of octets, or None where a packet has nothing to read.

    Linux: struct nft_expr_ops .eval
    """

    __slots__ = ()

    uses_connections = False  # as in rule.Match
    is_plain = True  # the same packet gets the same answer as often as it asks

    def __call__(self, view: View) -> bytes | None:
        """What this packet has there."""
        raise NotImplementedError


class Constant(Expression):
    """Always the same."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def __call__(self, view: View) -> bytes | None:
        """Linux: net/netfilter/nft_immediate.c nft_immediate_eval()"""
        return self.octets


class Concatenation(Expression):
    """Several, one behind the other, each in as many words of 4 octets as it needs."""

    __slots__ = ("is_plain", "parts", "uses_connections")

    def __init__(self, parts: tuple[Expression, ...]) -> None:
        self.parts = parts
        self.uses_connections = any(part.uses_connections for part in parts)
        self.is_plain = all(part.is_plain for part in parts)

    def __call__(self, view: View) -> bytes | None:
        """None if one of them has nothing."""
        found = []
        for part in self.parts:
            octets = part(view)
            if octets is None:
                return None
            found.append(in_words(octets))
        return b"".join(found)


def in_words(octets: bytes) -> bytes:
    """Filled up with zeros to a multiple of 4 octets, as parts of a key are."""
    return octets + bytes(-len(octets) % 4)
