"""Matches on what every packet has at hand: its addresses, ports, protocol, devices, state. They are asked
most, cost least, and long chains are looked up by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.tree.statements import Match as Comparison
from pystack.netfilter.nft.compare import FieldIs, NameIsNot, PortIs, StateIs
from pystack.netfilter.rule import Match

# Of View, by what nft calls them.
_HEADER_FIELDS: Final[Mapping[tuple[str, str], str]] = {
    ("ip", "saddr"): "saddr",
    ("ip", "daddr"): "daddr",
    ("ip6", "saddr"): "saddr",
    ("ip6", "daddr"): "daddr",
    **{(protocol, "dport"): "dport" for protocol in ("tcp", "udp", "udplite", "sctp", "dccp")},
}
_META_FIELDS: Final = {"l4proto": "protocol", "iifname": "inname", "oifname": "outname"}
_NAMES: Final = ("inname", "outname")
_MOST_VALUES: Final = 256  # of a set that is asked so
_WHOLE_HEADER: Final = ("ip", "ip6", "inet")  # families in which a network header is always whole


def compile_field(match: Comparison, site: Site) -> Match | None:
    """None if it is none of these."""
    if match.mask is not None:
        return None
    if isinstance(match.left, tree.Ct) and match.left.key == "state":
        return _state(match)
    field = _field_of(match.left)
    if field is None:
        return None
    if match.operator == "!=" and field in _NAMES and isinstance(match.right, tree.Value):
        return NameIsNot(field, _name(match.right))
    if match.operator not in ("", "=="):
        return None
    if isinstance(match.right, tree.Prefix) and field not in _NAMES and site.family in _WHOLE_HEADER:
        return _network(field, match.right)
    values = _values(match.right)
    if values is None:
        return None
    if field == "dport":
        return PortIs(frozenset(map(_number, values)))
    read = _name if field in _NAMES else _number
    return FieldIs(field, frozenset(map(read, values)))


def _state(match: Comparison) -> Match | None:
    right = match.right
    if match.operator not in ("", "!") or not isinstance(right, tree.Value):
        return None
    return StateIs(int.from_bytes(right.octets, "big"), inverted=match.operator == "!")


def _field_of(left: tree.Expression) -> str | None:
    if isinstance(left, tree.Payload):
        return _HEADER_FIELDS.get((left.protocol, left.field))
    return _META_FIELDS.get(left.key) if isinstance(left, tree.Meta) else None


def _network(field: str, prefix: tree.Prefix) -> Match | None:
    value = prefix.value
    if not isinstance(value, tree.Value):
        return None
    bits = len(value.octets) * 8
    mask = (1 << bits) - (1 << bits - prefix.bits)
    return FieldIs(field, frozenset({int.from_bytes(value.octets, "big") & mask}), mask)


def _values(right: tree.Expression) -> list[tree.Value] | None:
    """One, or those of a small set of nothing but values."""
    if isinstance(right, tree.Value):
        return [right]
    if not isinstance(right, tree.Elements) or len(right.items) > _MOST_VALUES:
        return None
    values = [item.key for item in right.items if isinstance(item.key, tree.Value) and not item.statements]
    return values if len(values) == len(right.items) else None


def _number(value: tree.Value) -> int:
    return int.from_bytes(value.octets, "big")


def _name(value: tree.Value) -> str:
    return value.octets.rstrip(b"\0").decode(errors="surrogateescape")
