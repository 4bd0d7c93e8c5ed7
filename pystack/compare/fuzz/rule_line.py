"""Draws one rule, word by word, and spoils some."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.rule_values import VALUES
from pystack.compare.fuzz.rule_words import (
    ALONE,
    HEADER,
    HOMES,
    MATCHES,
    ODD_WORDS,
    PROTOCOLS,
    TABLES,
    TARGETS,
)

ODD_VALUES: Final = 4  # in a hundred
STRAYS: Final = 4  # extensions in a table that has no use for them, in a hundred
_VALUE: Final = re.compile(r"<(\w+)>")


def place(dice: Dice, chains: Sequence[str]) -> tuple[str, str]:
    """A table and a chain of it."""
    table = dice.weighted({"filter": 8, "mangle": 6, "raw": 3, "nat": 2, "security": 1})
    return table, dice.among((*TABLES[table], *chains))


def rule(dice: Dice, table: str, chains: Sequence[str]) -> list[str]:
    """All that stands behind the name of the chain."""
    matches = [_at_home(dice, table, list(MATCHES)) for _ in range(dice.weighted({0: 6, 1: 10, 2: 3, 3: 1}))]
    target = _at_home(dice, table, list(TARGETS))
    words = _header(dice, [*matches, target])
    for match in matches:
        words += ["-m", match] if match not in ("tcp", "udp") or dice.chance(60) else []
        words += _options(dice, MATCHES[match])
    words += _target(dice, target, chains)
    return words


def _at_home(dice: Dice, table: str, names: Sequence[str]) -> str:
    """An extension that may stand in this table, mostly."""
    while True:
        name = dice.among(names)
        if HOMES.get(name, table) == table or dice.chance(STRAYS):
            return name


def _header(dice: Dice, extensions: Sequence[str]) -> list[str]:
    words: list[str] = []
    needed = [PROTOCOLS[name] for name in extensions if name in PROTOCOLS]
    if needed and dice.chance(92):
        words += ["-p", needed[0]]
    for fragment in HEADER:
        if dice.chance(15) and not ("-p" in words and "-p" in fragment):
            words += filled(dice, fragment)
    return words


def _options(dice: Dice, fragments: Sequence[str]) -> list[str]:
    """Mostly one of them, so that few exclude each other."""
    words: list[str] = []
    if not fragments:
        return words
    alone = any(fragments is TARGETS[name] for name in ALONE)
    for _ in range(1 if alone else dice.weighted({1: 12, 2: 6, 3: 2, 0: 1})):
        words += filled(dice, dice.among(fragments))
    return words


def _target(dice: Dice, target: str, chains: Sequence[str]) -> list[str]:
    kind = dice.weighted({"target": 16, "chain": 2, "goto": 1, "none": 2})
    if kind == "none":
        return []
    if kind == "target":
        return ["-j", target, *_options(dice, TARGETS[target])]
    return ["-j" if kind == "chain" else "-g", dice.among(chains)]


def filled(dice: Dice, fragment: str) -> list[str]:
    """A fragment with values."""
    words: list[str] = []
    for word in fragment.split():
        if word == "[!]":
            words += ["!"] if dice.chance(20) else []
            continue
        kind = _VALUE.fullmatch(word)
        words.append(_value(dice, kind[1]) if kind else word)
    return words


def _value(dice: Dice, kind: str) -> str:
    values = VALUES[kind]
    return dice.among(values.odd if dice.chance(ODD_VALUES) else values.good)


# --- mistakes ---------------------------------------------------------------------------------------------


def spoiled(dice: Dice, words: Sequence[str]) -> list[str]:
    """With a mistake somewhere."""
    changed = list(words)
    if not changed:
        return [dice.among(ODD_WORDS)]
    at = dice.between(0, len(changed) - 1)
    dice.among(_MISTAKES)(dice, changed, at)
    return changed


def _leave_out(dice: Dice, words: list[str], at: int) -> None:
    del words[at]


def _repeat(dice: Dice, words: list[str], at: int) -> None:
    words.insert(at, words[at])


def _repeat_both(dice: Dice, words: list[str], at: int) -> None:
    words += words[at : at + 2]


def _swap(dice: Dice, words: list[str], at: int) -> None:
    other = dice.between(0, len(words) - 1)
    words[at], words[other] = words[other], words[at]


def _put_in(dice: Dice, words: list[str], at: int) -> None:
    words.insert(at, dice.among(ODD_WORDS))


def _negate(dice: Dice, words: list[str], at: int) -> None:
    words.insert(at, "!")


def _other_value(dice: Dice, words: list[str], at: int) -> None:
    values = VALUES[dice.among(list(VALUES))]
    words[at] = dice.among((*values.good, *values.odd))


def _shorten(dice: Dice, words: list[str], at: int) -> None:
    shorter = words[at][: dice.between(1, max(1, len(words[at]) - 1))]
    words[at] = shorter if shorter != "--" else words[at]  # what stands behind that is nobody's concern


def _lengthen(dice: Dice, words: list[str], at: int) -> None:
    words[at] += dice.among("x0:/,!-")


def _turn_case(dice: Dice, words: list[str], at: int) -> None:
    words[at] = words[at].swapcase()


def _join(dice: Dice, words: list[str], at: int) -> None:
    """`--dport=80`, `-ptcp`"""
    if at + 1 < len(words):
        between = "=" if words[at].startswith("--") else ""
        words[at : at + 2] = [f"{words[at]}{between}{words[at + 1]}"]


_MISTAKES: Final[tuple[Callable[[Dice, list[str], int], None], ...]] = (
    _leave_out,
    _repeat,
    _repeat_both,
    _swap,
    _put_in,
    _negate,
    _other_value,
    _shorten,
    _lengthen,
    _turn_case,
    _join,
)
