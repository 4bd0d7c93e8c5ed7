"""Finds the rules of a long chain that a packet can match, without asking them all.

A rule that says what one field of the packet has to be (`-s 10.0.0.0/8`, `-i eth0`, `--dport 80`) is kept
under that field, its mask, and the value; the others are asked always. Packets and counters fare as if all
had been asked: so a field counts only if nothing is asked before it that remembers that; and a packet without
the header that rules look for is shown to all of them, because the first of these drops it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from operator import attrgetter
from typing import Final

from pystack.netfilter.rule import Key, Rule
from pystack.netfilter.view import NO_PROTOCOL, View
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

WORTH_IT: Final = 4  # rules; fewer are asked faster than they are looked up

# If a rule says several, the one that tells most rules apart.
_FIELDS: Final = ("daddr", "saddr", "dport", "inname", "outname", "protocol")
_MOST_KNOWN: Final = 4096
# How long headers are at least; the others are DCCP, SCTP and UDP-Lite.
_HEADERS: Final = {IPPROTO_TCP: 20, IPPROTO_UDP: 8, 33: 12, 132: 12, 136: 8}


class RuleIndex:
    """Of one chain, as its rules stand now."""

    def __init__(self, rules: list[Rule]) -> None:
        keys = [_keys_of(rule) for rule in rules]
        spread = {field: _spread(field, keys) for field in _FIELDS}
        self._all = range(len(rules))
        self._always: list[int] = []
        by_key: dict[tuple[str, int], dict[int | str, list[int]]] = {}
        for number, of_rule in enumerate(keys):
            if not of_rule:
                self._always.append(number)
                continue
            best = max(of_rule, key=lambda keys: (spread[keys[0][0]], keys[0][1]))
            for field, mask, value in set(best):
                by_key.setdefault((field, mask), {}).setdefault(value, []).append(number)
        fields = dict.fromkeys(("protocol", *(field for field, _ in by_key)))
        self._values = attrgetter(*fields, "protocol")  # twice, so that there are always several
        self._tables = [
            (list(fields).index(field), mask, by_value) for (field, mask), by_value in by_key.items()
        ]
        self._known: dict[tuple[int | str, ...], Sequence[int]] = {}  # what was found for packets that came

    def candidates(self, view: View) -> Sequence[int]:
        """The numbers, from 0 and in order, of the rules that may match."""
        protocol = view.protocol
        if view.fragment or protocol == NO_PROTOCOL:
            return self._all
        if len(view.pkt.data) - view.transport < _HEADERS.get(protocol, 0):
            return self._all  # a header is not there that rules may look for
        values = self._values(view)
        found = self._known.get(values)
        if found is None:
            found = self._look_up(values)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[values] = found
        return found

    def _look_up(self, values: tuple[int | str, ...]) -> Sequence[int]:
        numbers = self._always.copy()
        for at, mask, by_value in self._tables:
            value = values[at]
            numbers += by_value.get(value & mask if isinstance(value, int) else value, ())
        numbers.sort()
        return numbers


def _keys_of(rule: Rule) -> list[tuple[Key, ...]]:
    plain = takewhile(lambda test: test.is_plain, rule.tests)
    return [keys for test in plain if (keys := test.keys)]


def _spread(field: str, keys: list[list[tuple[Key, ...]]]) -> int:
    return len({key for of_rule in keys for of_test in of_rule for key in of_test if key[0] == field})
