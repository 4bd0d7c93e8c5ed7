"""Fields of headers: where they lie in a packet."""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.protocols import ETHER, PROTOCOLS
from pystack.applets.nft.tree import expressions as tree
from pystack.errors import ERANGE
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.payload import (
    Bits,
    InnerPayload,
    LinkPayload,
    NetworkPayload,
    Payload,
    TransportPayload,
)

_FARTHEST: Final = 0xFFFF  # octets
_BASES: Final[dict[str, type[Payload]]] = {
    "ll": LinkPayload,
    "nh": NetworkPayload,
    "th": TransportPayload,
    "ih": InnerPayload,
}


class Place(NamedTuple):
    """Some bits behind the begin of a header."""

    base: str
    offset: int
    bits: int

    @property
    def whole(self) -> Payload:
        """The octets in which they lie."""
        first, end = self.offset // 8, (self.offset + self.bits + 7) // 8
        return _BASES[self.base](first, end - first)

    @property
    def shift(self) -> int:
        """How many bits of the last octet stand behind them."""
        return -(self.offset + self.bits) % 8

    @property
    def in_words(self) -> Place:
        """The whole words in which they lie, as sums are made of them."""
        first, end = self.offset // 16 * 16, -(-(self.offset + self.bits) // 16) * 16
        return Place(self.base, first, end - first)


def place_of(expression: tree.Payload | tree.RawPayload) -> Place:
    """A VLAN's header stands behind that of Ethernet, whose type it takes the place of."""
    if isinstance(expression, tree.RawPayload):
        return Place(expression.base, expression.offset, expression.length)
    protocol = PROTOCOLS[expression.protocol]
    field = protocol.fields[expression.field]
    before = ETHER.length if expression.protocol == "vlan" else 0
    return Place(protocol.layer, before + field.offset, field.bits)


def check_reach(expression: tree.Payload | tree.RawPayload) -> None:
    """Raise Blamed for what is too far away. Linux: net/netfilter/nft_payload.c nft_payload_init()"""
    if isinstance(expression, tree.RawPayload) and expression.offset // 8 > _FARTHEST:
        raise Blamed(ERANGE, expression.at)


def compile_payload(expression: tree.Payload | tree.RawPayload) -> Expression:
    """Reads it."""
    check_reach(expression)
    place = place_of(expression)
    if place.offset % 8 or place.bits % 8:
        return Bits(place.whole, place.shift, place.bits)
    return place.whole
