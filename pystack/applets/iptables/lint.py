"""`iptables --lint`: rules that can never match, and jumps that lead to nothing. Ours; iptables has no such.

Every way that packets can take through the chains is followed, with what is known of them by then. A rule is
reported only if on each way some earlier rule has decided about every packet that it asks for; so what is
reported is true, but not all that is true is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.iptables.implies import follows, is_comparable, is_impossible, is_stable, normal
from pystack.applets.iptables.listing import rule_line
from pystack.netfilter.rule import RETURN, Chain, Jump, Key, Match, Rule, Verdict
from pystack.netfilter.table import Table
from pystack.netfilter.targets.hand_over import FillChecksum, Nflog, Queue, Tee
from pystack.netfilter.targets.ipset import SetTarget
from pystack.netfilter.targets.log import Log
from pystack.netfilter.targets.mangle import Classify
from pystack.netfilter.targets.nat import NatTarget
from pystack.netfilter.targets.reject import Reject
from pystack.netfilter.targets.trace import Trace

_HARMLESS: Final = (Log, Nflog, Trace, Tee, SetTarget, Classify, FillChecksum)  # change nothing that is asked
_MOST_COMPARED: Final = 50  # decisions that only a comparison tells apart
_MOST_STEPS: Final = 200_000  # rules on all ways together; beyond that chains are looked at alone


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule stands."""

    chain: Chain
    number: int  # from 0

    @property
    def rule(self) -> Rule:
        """The rule itself."""
        return self.chain.rules[self.number]


@dataclass(frozen=True, slots=True)
class _Decided:
    """Packets about which a rule has decided: those that are all of this."""

    tests: tuple[Match, ...]
    by: Place


_Signature = tuple[tuple[type[Match], int], ...]  # which tests say what a field is, under which masks


class _Decisions:
    """All that was decided on a way; found by what the packets have to have in some fields."""

    def __init__(self, known: Iterable[_Decided] = ()) -> None:
        self._found: dict[_Signature, dict[tuple[int | str, ...], list[_Decided]]] = {}
        for one in known:
            self.add(one)

    def __iter__(self) -> Iterator[_Decided]:
        return (one for by_values in self._found.values() for some in by_values.values() for one in some)

    def add(self, one: _Decided) -> None:
        """From here on."""
        if not all(map(is_comparable, one.tests)):
            return
        keys = [(type(test), test.key) for test in one.tests if test.key is not None]
        signature = tuple((kind, key[1]) for kind, key in keys)
        values = tuple(key[2] for _, key in keys)
        some = self._found.setdefault(signature, {}).setdefault(values, [])
        some.insert(0 if not one.tests else len(some), one)

    def about(self, packets: tuple[Match, ...]) -> _Decided | None:
        """A decision about all packets that are like that."""
        keys = {type(test): test.key for test in packets if test.key is not None}
        for signature, by_values in self._found.items():
            values = _values(signature, keys)
            some = by_values.get(values, ()) if values is not None else ()
            for one in some[:_MOST_COMPARED]:
                if _covers(one.tests, packets):
                    return one
        return None


def _values(signature: _Signature, keys: dict[type[Match], Key]) -> tuple[int | str, ...] | None:
    """What packets with these keys have in the fields of a signature; None if that is not known."""
    values: list[int | str] = []
    for kind, mask in signature:
        key = keys.get(kind)
        if key is None or key[1] & mask != mask:
            return None
        value = key[2]
        values.append(value & mask if isinstance(value, int) else value)
    return tuple(values)


def _covers(decided: tuple[Match, ...], packets: tuple[Match, ...]) -> bool:
    return all(follows(test, packets) for test in decided)


@dataclass(slots=True)
class _Way:
    """What a walk through a chain leaves for the rules behind the jump."""

    decided: list[_Decided] = field(default_factory=list)
    ends_all: bool = False  # no packet comes back
    returns: bool = False  # some may have come back already
    changes: bool = False  # packets


class Linter:
    """One table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._steps = 0
        self._descends = True
        self._alive: set[int] = set()  # ids of rules that may match
        self._hidden: dict[int, _Decided] = {}
        self._reached: set[str] = set()

    def findings(self) -> Iterator[str]:
        """A line each, in the order of the rules."""
        bases = list(self._table.base_chains())
        for base in bases:
            self._walk(base, (), _Decisions())
        if self._steps > _MOST_STEPS:
            self._begin_again()
            for chain in self._table.chains.values():
                self._walk(chain, (), _Decisions())
        for chain in self._table.chains.values():
            if chain.name not in self._reached and self._descends:
                yield f"{self._table.name}:{chain.name}: no packet comes here"
                continue
            for number in range(len(chain.rules)):
                yield from self._about(Place(chain, number))

    def _begin_again(self) -> None:
        self._descends = False
        self._alive.clear()
        self._hidden.clear()

    def _about(self, place: Place) -> Iterator[str]:
        rule = place.rule
        name = self._named(place)
        if any(map(is_impossible, rule.tests)):
            yield f"{name}: can never match, no packet is like that"
        elif id(rule) not in self._alive and id(rule) in self._hidden:
            yield f"{name}: can never match, hidden by {self._named(self._hidden[id(rule)].by)}"
        elif isinstance(rule.target, Jump) and not rule.target.goto and not rule.target.chain.rules:
            yield f"{name}: leads to nothing, the chain {rule.target.chain.name} is empty"

    def _named(self, place: Place) -> str:
        """`filter:INPUT:1 (-p tcp -j ACCEPT) lab.setup:5`"""
        rule, chain = place.rule, place.chain
        words = rule_line(chain, rule).removeprefix(f"-A {chain.name}").strip()
        origin = f" {rule.origin}" if rule.origin else ""
        return f"{self._table.name}:{chain.name}:{place.number + 1} ({words}){origin}"

    # --- the ways -----------------------------------------------------------------------------------------

    def _walk(self, chain: Chain, known: tuple[Match, ...], decided: _Decisions) -> _Way:
        """Follow packets of which is known what they are like, and that nothing was decided about yet."""
        self._reached.add(chain.name)
        way = _Way()
        for number, rule in enumerate(chain.rules):
            self._steps += 1
            if self._steps > _MOST_STEPS and self._descends:
                break
            place, tests = Place(chain, number), normal(rule.tests)
            earlier = decided.about(known + tests)
            if earlier is not None:
                self._hidden.setdefault(id(rule), earlier)
                continue
            if any(map(is_impossible, tests)):
                continue
            self._alive.add(id(rule))
            changes = self._obey(place, tests, known, decided, way)
            if changes:
                way.changes = True
                known = tuple(filter(is_stable, known))
                decided = _Decisions(one for one in decided if all(map(is_stable, one.tests)))
                way.decided = [one for one in way.decided if all(map(is_stable, one.tests))]
        return way

    def _obey(
        self,
        place: Place,
        tests: tuple[Match, ...],
        known: tuple[Match, ...],
        decided: _Decisions,
        way: _Way,
    ) -> bool:
        """What a rule decides is noted; whether it may have changed packets."""
        target = place.rule.target
        mine = _Decided(tests, place)
        if isinstance(target, Jump):
            return self._jump(place, target, tests, known, decided, way)
        if isinstance(target, Verdict) and target.code == RETURN:
            decided.add(mine)
            way.returns = True
            return False
        if isinstance(target, Verdict | Reject | Queue | NatTarget):  # NAT too decides, once and for all
            decided.add(mine)
            if not way.returns:
                way.decided.append(mine)
                way.ends_all |= not tests
            return False
        return target is not None and not isinstance(target, _HARMLESS)

    def _jump(
        self,
        place: Place,
        target: Jump,
        tests: tuple[Match, ...],
        known: tuple[Match, ...],
        decided: _Decisions,
        way: _Way,
    ) -> bool:
        if not self._descends:
            return True
        inside = self._walk(target.chain, known + tests, _Decisions(decided))
        mine = _Decided(tests, place)
        if target.goto:
            decided.add(mine)
            way.returns |= not inside.ends_all
        found = [mine] if inside.ends_all else [_Decided(tests + one.tests, one.by) for one in inside.decided]
        for one in found:
            decided.add(one)
            if not way.returns:
                way.decided.append(one)
        if inside.ends_all and not tests and not way.returns:
            way.ends_all = True
        return inside.changes
