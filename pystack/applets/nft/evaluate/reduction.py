"""What nft does with a rule's matches before it sends them: neighbours in a header become one comparison.

They are written apart again in a listing, but in the order of the header.

nft: src/rule.c stmt_reduce(), payload_do_merge()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from pystack.applets.nft.evaluate.layers import LAYERS
from pystack.applets.nft.evaluate.relation import tells_protocol
from pystack.applets.nft.evaluate.typed import number_of
from pystack.applets.nft.protocols import ETHER, PROTOCOLS
from pystack.applets.nft.tree.expressions import Meta, Payload, RawPayload, Value
from pystack.applets.nft.tree.statements import Match, Statement
from pystack.applets.nft.types import RAW_INTEGER

_OWN_ETHER_TYPE: Final = {"ip": 0x0800, "ip6": 0x86DD}
_REGISTER: Final = 128  # bits
_FAST: Final = 32


@dataclass(slots=True)
class _Load:
    """Octets of a header that are compared at once, and the matches that they stand for."""

    layer: int
    offset: int
    bits: int
    operator: str
    tells: bool
    matches: list[Match]

    def joined(self) -> Match:
        """All of it in one."""
        octets = b"".join(match.right.octets for match in self.matches if isinstance(match.right, Value))
        raw = RawPayload(LAYERS[self.layer], self.offset, self.bits, at=self.matches[0].at)
        return Match(raw, Value(octets, RAW_INTEGER), self.operator, at=self.matches[0].at)


class Joined(NamedTuple):
    """Matches that the kernel makes at once, and the only one that it makes of them."""

    matches: list[Match]
    all: Match


def reduced(family: str, statements: Sequence[Statement]) -> Iterator[Statement | Joined]:
    """The same in nft's order."""
    slots: list[Statement | _Load] = []
    run: list[_Load] = []
    for index, statement in enumerate(statements):
        is_last = index == len(statements) - 1
        load = _load(statement) if isinstance(statement, Match) else None
        if load is not None:
            run.append(load)
            slots.append(load)
            continue
        if not isinstance(statement, Match) and len(run) > 1:
            _merge(run)
            run = []
        if isinstance(statement, Match) and _is_needless(family, statement) and not is_last:
            continue
        slots.append(statement)
    if len(run) > 1:
        _merge(run)
    for slot in slots:
        if not isinstance(slot, _Load):
            yield slot
        elif len(slot.matches) > 1:
            yield Joined([replace(match, operator=slot.operator) for match in slot.matches], slot.joined())
        else:
            yield from slot.matches


def _is_needless(family: str, match: Match) -> bool:
    """`meta protocol ip` where nothing else comes by."""
    if not isinstance(match.left, Meta) or match.left.key != "protocol" or match.operator != "==":
        return False
    return isinstance(match.right, Value) and number_of(match.right) == _OWN_ETHER_TYPE.get(family)


def _load(match: Match) -> _Load | None:
    if not isinstance(match.right, Value) or match.operator not in ("==", "", "!="):
        return None
    operator = match.operator or "=="
    left = match.left
    if isinstance(left, RawPayload):
        return _Load(
            LAYERS.index(left.base), left.offset, left.length, operator, tells=False, matches=[match]
        )
    if not isinstance(left, Payload):
        return None
    protocol = PROTOCOLS[left.protocol]
    field = protocol.fields[left.field]
    if field.offset % 8 or field.bits % 8:
        return None
    offset = field.offset + (ETHER.length if protocol.name == "vlan" else 0)
    layer = LAYERS.index(protocol.layer)
    return _Load(layer, offset, field.bits, operator, tells_protocol(left), [match])


def _merge(run: list[_Load]) -> None:
    run.sort(key=lambda load: (load.layer, load.offset))
    last = run[0]
    for this in run[1:]:
        if not _can_merge(last, this) or last.operator != this.operator:
            last = this
            continue
        kept, gone = (this, last) if this.tells else (last, this)
        kept.matches, gone.matches = last.matches + this.matches, []
        kept.offset, kept.bits, kept.tells = last.offset, last.bits + this.bits, this.tells
        last = kept


def _can_merge(one: _Load, other: _Load) -> bool:
    """nft: payload_can_merge()"""
    if one.layer != other.layer or one.offset + one.bits != other.offset:
        return False
    total = one.bits + other.bits
    if one.offset % 8 or other.offset % 8 or one.bits % 8 or other.bits % 8 or total > _REGISTER:
        return False
    return total <= _FAST or one.layer == 0 or one.bits > _FAST or other.bits > _FAST
