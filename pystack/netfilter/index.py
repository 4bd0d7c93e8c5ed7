"""Finds the rules of a long chain that a packet can match, without asking them all.

A rule that says what one field of the packet has to be (`-s 10.0.0.0/8`, `-d 1.2.3.4`, `--dport 80`) is kept
under that field, its mask, and the value; the others are asked always. Which rules are asked, and in which
order, is then as if all had been.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from pystack.netfilter.rule import Key, Rule
from pystack.netfilter.view import View

WORTH_IT: Final = 4  # rules; fewer are asked faster than they are looked up

_FIELDS: Final = ("daddr", "saddr", "dport")  # if a rule says several, the one that tells most rules apart


class RuleIndex:
    """Of one chain, as its rules stand now."""

    def __init__(self, rules: list[Rule]) -> None:
        keys = [[key for test in rule.tests if (key := test.key) is not None] for rule in rules]
        spread = {field: _spread(field, keys) for field in _FIELDS}
        self._always: list[int] = []
        self._by_key: dict[tuple[str, int], dict[int, list[int]]] = {}
        for number, of_rule in enumerate(keys):
            if not of_rule:
                self._always.append(number)
                continue
            field, mask, value = max(of_rule, key=lambda key: (spread[key[0]], key[1]))
            self._by_key.setdefault((field, mask), {}).setdefault(value, []).append(number)
        self._lookups = [(attrgetter(field), mask, found) for (field, mask), found in self._by_key.items()]

    def candidates(self, view: View) -> list[int]:
        """The numbers, from 0 and in order, of the rules that may match."""
        found = self._always
        for field, mask, by_value in self._lookups:
            some = by_value.get(field(view) & mask)
            if some is not None:
                found = found + some
        return found if found is self._always else sorted(found)


def _spread(field: str, keys: list[list[Key]]) -> int:
    return len({key for of_rule in keys for key in of_rule if key[0] == field})
