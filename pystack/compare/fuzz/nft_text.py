"""Fuzzing the texts of nftables: rulesets with slips of the pen, tried with `nft -c`.

Accepted or refused, in which words and at which place is compared. What is drawn around: what is not
modelled, and what the kernel of a lab may have been built without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.nft.keywords import ALWAYS, SCOPED
from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.nft import HOOKS, SETS
from pystack.compare.fuzz.nft_words import ADDRESSES, CHAINS, MATCHES, NETS, STATEMENTS, verdict
from pystack.compare.scenario import Run, Scenario, Topology

FAMILIES: Final = ("ip", "inet")
SLIPS: Final = {0: 1, 1: 6, 2: 3, 3: 1}
RULES: Final = 4  # at most in a text
ODD: Final = frozenset(
    "osf ipsec synproxy synproxys tproxy secmark secmarks flow flowtable flowtables cgroup label event "
    "expectation queue ibrname obrname monitor hooks include xt socket export import time hour day".split()
)
WORDS: Final = tuple(word for word in (*ALWAYS, *SCOPED) if word not in ODD)
SIGNS: Final = ("{", "}", ";", ",", ".", ":", "=", "!=", "@", "$", "-", "(", ")", '"', "*", "\\", "#")
NUMBERS: Final = ("0", "1", "255", "256", "65535", "65536", "4294967295", "4294967296", "0x10", "5s", "/24")
_PARTS: Final = re.compile(r'"[^"\n]*"|[A-Za-z0-9_./-]+|\s|[^\s]')


def draw(dice: Dice, cases: int) -> Scenario:
    """So many texts, each on its own in an empty namespace."""
    steps = tuple(Run(f"nft -c -f - <<'END'\n{text(dice)}END") for _ in range(cases))
    return Scenario("", "nft-text", Topology((), ""), steps)


def text(dice: Dice) -> str:
    """One, which ends with a newline."""
    whole = dice.among((_as_block, _as_commands))(dice)
    for _ in range(dice.weighted(SLIPS)):
        whole = dice.weighted(_WAYS)(dice, whole)
    return whole.rstrip("\n") + "\n"


# --- what is right ------------------------------------------------------------------------------------------


def _rule(dice: Dice, hook: str) -> str:
    words = [dice.weighted(MATCHES)(dice) for _ in range(dice.weighted({0: 1, 1: 5, 2: 3}))]
    words += [dice.weighted(STATEMENTS)(dice)] if dice.chance(35) else []
    return " ".join(filter(None, [*words, dice.among(("", "counter")), verdict(dice, hook)]))


def _sets(dice: Dice, table: str) -> list[str]:
    hosts, nets = ", ".join(dice.some(ADDRESSES, 50) or ADDRESSES[:1]), ", ".join(NETS[:2])
    return SETS.format(t=table, hosts=hosts, nets=nets).splitlines()


def _as_commands(dice: Dice) -> str:
    table = f"{dice.among(FAMILIES)} t"
    lines = [f"add table {table}", *(f"add chain {table} {chain}" for chain in CHAINS)]
    lines += _sets(dice, table)
    for hook, priority in dice.some(tuple(HOOKS.items()), 40):
        lines.append(f"add chain {table} {hook} {{ type filter hook {hook} priority {priority}; }}")
        lines += [f"add rule {table} {hook} {_rule(dice, hook)}" for _ in range(dice.between(1, RULES))]
    for _ in range(dice.between(0, 2)):
        verb, sort = dice.among(("add", "delete", "create", "get")), dice.among(("hosts", "nets"))
        lines.append(f"{verb} element {table} {sort} {{ {dice.among((*ADDRESSES, *NETS))} }}")
    return "\n".join(lines)


def _as_block(dice: Dice) -> str:
    family = dice.among(FAMILIES)
    inside = [line.split(" ", 1)[1].replace(f"{family} t ", "") for line in _sets(dice, f"{family} t")]
    inside += [f"chain {chain} {{\n}}" for chain in CHAINS]
    for hook, priority in dice.some(tuple(HOOKS.items()), 40):
        rules = "\n".join(_rule(dice, hook) for _ in range(dice.between(1, RULES)))
        inside.append(f"chain {hook} {{\ntype filter hook {hook} priority {priority};\n{rules}\n}}")
    return "table {} t {{\n{}\n}}".format(family, "\n".join(inside))


# --- what is wrong ------------------------------------------------------------------------------------------


def _without_a_line(dice: Dice, whole: str) -> str:
    lines = whole.splitlines()
    del lines[dice.between(0, len(lines) - 1)]
    return "\n".join(lines)


def _line_elsewhere(dice: Dice, whole: str) -> str:
    lines = whole.splitlines()
    lines.insert(dice.between(0, len(lines)), dice.among(lines))
    return "\n".join(lines)


def _other_word(dice: Dice, whole: str) -> str:
    parts = _PARTS.findall(whole)
    kind = dice.weighted({"own": 4, "word": 3, "sign": 1, "number": 2})
    among = {
        "own": [part for part in parts if not part.isspace()],
        "word": WORDS,
        "sign": SIGNS,
        "number": NUMBERS,
    }
    return _changed(dice, parts, dice.among(among[kind]))


def _changed(dice: Dice, parts: list[str], word: str) -> str:
    at = dice.between(0, len(parts) - 1)
    if dice.chance(30):
        parts.insert(at, f"{word} ")
    else:
        parts[at] = word
    return "".join(parts)


def _without_a_word(dice: Dice, whole: str) -> str:
    parts = _PARTS.findall(whole)
    del parts[dice.between(0, len(parts) - 1)]
    return "".join(parts)


Way = Callable[[Dice, str], str]
_WAYS: Final[Mapping[Way, int]] = {_other_word: 8, _without_a_word: 2, _line_elsewhere: 2, _without_a_line: 1}
