"""What an expression is held against.

Linux: net/netfilter/nft_cmp.c, nft_range.c
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, ge, gt, le, lt
from typing import Final

from pystack.netfilter.nft.ct import state_of
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.rule import EXACT, Key, Match
from pystack.netfilter.view import View


class _Held(Match):
    """One that asks an expression."""

    __slots__ = ("expression", "is_plain", "uses_connections")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.is_plain = expression.is_plain
        self.uses_connections = expression.uses_connections


class Equal(_Held):
    """`==`, or `!=`."""

    __slots__ = ("inverted", "octets")

    def __init__(self, expression: Expression, octets: bytes, *, inverted: bool = False) -> None:
        super().__init__(expression)
        self.octets = octets
        self.inverted = inverted

    def __call__(self, view: View) -> bool:
        """Linux: nft_cmp_eval()"""
        found = self.expression(view)
        return found is not None and (found == self.octets) != self.inverted


class Begins(_Held):
    """A name that begins so: `iifname "eth*"`."""

    __slots__ = ("inverted", "octets")

    def __init__(self, expression: Expression, octets: bytes, *, inverted: bool = False) -> None:
        super().__init__(expression)
        self.octets = octets
        self.inverted = inverted

    def __call__(self, view: View) -> bool:
        """Linux: nft_cmp_eval(), of fewer octets"""
        found = self.expression(view)
        return found is not None and found.startswith(self.octets) != self.inverted


ORDERS: Final[dict[str, Callable[[bytes, bytes], bool]]] = {"<": lt, ">": gt, "<=": le, ">=": ge}


class Ordered(_Held):
    """`<`, `>`, `<=`, `>=`."""

    __slots__ = ("octets", "order")

    def __init__(self, expression: Expression, order: str, octets: bytes) -> None:
        super().__init__(expression)
        self.order = ORDERS[order]
        self.octets = octets

    def __call__(self, view: View) -> bool:
        """Linux: nft_cmp_eval()"""
        found = self.expression(view)
        return found is not None and self.order(found, self.octets)


class Within(_Held):
    """From one value to another, both in it."""

    __slots__ = ("high", "inverted", "low")

    def __init__(self, expression: Expression, low: bytes, high: bytes, *, inverted: bool = False) -> None:
        super().__init__(expression)
        self.low = low
        self.high = high
        self.inverted = inverted

    def __call__(self, view: View) -> bool:
        """Linux: nft_range_eval()"""
        found = self.expression(view)
        return found is not None and (self.low <= found <= self.high) != self.inverted


class Masked(_Held):
    """Some bits are what they should be; inverted, they are not."""

    __slots__ = ("inverted", "mask", "value")

    def __init__(self, expression: Expression, mask: int, value: int, *, inverted: bool = False) -> None:
        super().__init__(expression)
        self.mask = mask
        self.value = value
        self.inverted = inverted

    def __call__(self, view: View) -> bool:
        """Linux: nft_bitwise_eval(), nft_cmp_eval()"""
        found = self.expression(view)
        return found is not None and (int.from_bytes(found, "big") & self.mask == self.value) != self.inverted


# --- the same without octets, for what is asked most --------------------------------------------------------
# ----------------------------------------------------------


class FieldIs(Match):
    """A field that every view has at hand has one of some values, under a mask. Rules are looked up by it."""

    __slots__ = ("_get", "field", "mask", "values")

    is_plain = True

    def __init__(self, field: str, values: frozenset[int | str], mask: int = EXACT) -> None:
        self.field = field
        self.values = values
        self.mask = mask
        self._get = attrgetter(field)

    def __call__(self, view: View) -> bool:
        """Names have no mask."""
        found = self._get(view)
        return (found if self.mask == EXACT else found & self.mask) in self.values

    @property
    def keys(self) -> tuple[Key, ...]:
        """One for each value."""
        return tuple((self.field, self.mask, value) for value in self.values)


class PortIs(FieldIs):
    """The same of the destination port, which Linux reads in later fragments too (payload.py)."""

    __slots__ = ()

    def __init__(self, values: frozenset[int | str]) -> None:
        super().__init__("dport", values)

    def __call__(self, view: View) -> bool:
        """A packet that is cut off before it has none."""
        if not view.fragment:
            return view.dport in self.values
        port = view.pkt.data[view.transport + 2 : view.transport + 4]
        return len(port) == 2 and int.from_bytes(port, "big") in self.values


class NameIsNot(Match):
    """`iifname != "eth0"`; who has no such device has another name."""

    __slots__ = ("_get", "name")

    is_plain = True

    def __init__(self, field: str, name: str) -> None:
        self.name = name
        self._get = attrgetter(field)

    def __call__(self, view: View) -> bool:
        """Linux: nft_cmp_eval()"""
        return bool(self._get(view) != self.name)


class StateIs(Match):
    """`ct state established,related`: one of several."""

    __slots__ = ("inverted", "states")

    is_plain = True
    uses_connections = True

    def __init__(self, states: int, *, inverted: bool = False) -> None:
        self.states = states
        self.inverted = inverted

    def __call__(self, view: View) -> bool:
        """Linux: nft_ct_get_eval()"""
        return bool(state_of(view.pkt) & self.states) != self.inverted
