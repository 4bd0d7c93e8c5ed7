"""Fuzzing rules of iptables: commands and files for both owners' tables, mostly sensible, some mistaken.

Nothing is sent: what rules do to packets is the area `firewall`. After most changes the chain is printed, so
what was taken, how it is saved and how it is listed is compared at once.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.rule_line import place, rule, spoiled
from pystack.compare.fuzz.rule_words import TABLES
from pystack.compare.scenario import Run, Scenario, Topology

NFT: Final = "iptables"
PROGRAMS: Final = (NFT, "iptables-legacy")
CHAINS: Final = ("one", "two", "three")  # that users make
SETUP: Final = "".join(
    f"{program} -t {table} -N {chain}\n" for program in PROGRAMS for table in TABLES for chain in CHAINS[:2]
)
FLUSHED: Final = 4  # in a hundred steps: else tables would grow, and be long to print
MISTAKES: Final = 25  # in a hundred rules

Commands = Callable[[Dice, str], list[str]]  # that a program is given, as they follow on each other


def draw(dice: Dice, cases: int) -> Scenario:
    """Tables with two chains each, and so many commands."""
    steps: list[Run] = []
    while len(steps) < cases:
        program = dice.among(PROGRAMS)
        commands = _flush if dice.chance(FLUSHED) else dice.weighted(COMMANDS)
        steps += [Run(command) for command in commands(dice, program)]
    return Scenario("", "rules", Topology((), SETUP), tuple(steps[:cases]))


def _flush(dice: Dice, program: str) -> list[str]:
    return [f"{program} -t {table} -F" for table in TABLES]


# --- rules ------------------------------------------------------------------------------------------------


def _add(dice: Dice, program: str) -> list[str]:
    table, chain = place(dice, CHAINS)
    verb = dice.weighted({"-A": 16, "-I": 4, "-C": 1, "-D": 1, "-R": 1})
    where = [chain]
    if verb in ("-I", "-R") and dice.chance(50):
        where.append(dice.weighted({"1": 8, "2": 3, "5": 1, "0": 1, "-1": 1, "x": 1}))
    words = ["-t", table, verb, *where, *_drawn(dice, table)]
    words += dice.weighted({(): 20, ("-v",): 2, ("-c", "5", "600"): 2, ("-c", "7,800"): 1, ("-n",): 1})
    return [_line(program, words), *_shown(dice, program, table, chain)]


def _drawn(dice: Dice, table: str) -> list[str]:
    words = rule(dice, table, CHAINS)
    return spoiled(dice, words) if dice.chance(MISTAKES) else words


def _add_and_take(dice: Dice, program: str) -> list[str]:
    """What was added is found again, by what it says."""
    table, chain = place(dice, CHAINS)
    words = _drawn(dice, table)
    verbs = dice.among((("-A", "-C"), ("-A", "-D"), ("-I", "-D", "-D"), ("-A", "-C", "-D")))
    done = [_line(program, ["-t", table, verb, chain, *words]) for verb in verbs]
    return [*done, *_shown(dice, program, table, chain)]


def _shown(dice: Dice, program: str, table: str, chain: str) -> list[str]:
    saved, listed = (
        f"{program} -t {table} -S {chain}",
        f"{program} -t {table} -L {chain} -v -n --line-numbers",
    )
    return list(
        dice.weighted({(saved,): 6, (saved, listed): 4, (saved, listed.replace(" -n", "")): 1, (): 1})
    )


# --- chains -----------------------------------------------------------------------------------------------


def _manage(dice: Dice, program: str) -> list[str]:
    table, chain = place(dice, CHAINS)
    other = dice.among((*CHAINS, "INPUT", "four", "x" * 28, "x" * 29, "ACCEPT", "LOG", "-x", "a b"))
    number = dice.among(("1", "2", "9", "0", "x"))
    words = dice.among(
        (
            ["-N", other],
            ["-X", other],
            ["-X"],
            ["-E", dice.among(CHAINS), other],
            ["-P", chain, dice.among(("DROP", "ACCEPT", "RETURN", "QUEUE", "one"))],
            ["-P", chain, "DROP", "-c", "3", "4"],
            ["-F", chain],
            ["-Z", chain],
            ["-Z", chain, number] if program != NFT else ["-Z"],  # what nft says hangs on what it did before
            ["-Z"],
            ["-D", chain, number],
            ["-R", chain, number, "-j", "DROP"],
        )
    )
    words = ["-t", table, *words]
    if dice.chance(15):
        words = list(filter(None, spoiled(dice, words)))
    return [_line(program, words), f"{program} -t {table} -S"]


def _list(dice: Dice, program: str) -> list[str]:
    table, chain = place(dice, CHAINS)
    words = [dice.among(("-L", "-S", "-L", "-S", "--list", "--list-rules"))]
    words += [chain, dice.among(("1", "2", "9"))] if dice.chance(20) else [chain] if dice.chance(50) else []
    words += dice.some(("-v", "-n", "-x", "--line-numbers", "-Z", "-vn"), 20)
    if "-vn" in words and "-v" in words:  # nobody says -vv
        words.remove("-v")
    if dice.chance(15) and not set(words) & {"-v", "-vn"}:
        words = list(filter(None, spoiled(dice, words)))
    return [_line(program, ["-t", table, *words])]


def _save(dice: Dice, program: str) -> list[str]:
    words = [*dice.some(("-c", f"-t {dice.among(list(TABLES))}"), 50)]
    return [" ".join([f"{program}-save", *words])]


# --- files ------------------------------------------------------------------------------------------------


def _restore(dice: Dice, program: str) -> list[str]:
    """A file, whole or spoiled, and what the tables are then."""
    lines: list[str] = []
    for table in dice.some(list(TABLES), 30) or ["filter"]:
        lines += _table_lines(dice, table)
    if dice.chance(40):
        lines = _spoiled_lines(dice, lines)
    options = "".join(f" {option}" for option in dice.some(("-c", "-n", "-t", "-T filter"), 20))
    body = "".join(f"{line}\n" for line in lines)
    return [f"{program}-restore{options} <<'END'\n{body}END", f"{program}-save -c"]


def _table_lines(dice: Dice, table: str) -> list[str]:
    lines = [f"*{table}"]
    chains = dice.some(TABLES[table], 60)
    lines += [
        f":{chain} {dice.among(('ACCEPT', 'DROP', '-'))} [{dice.between(0, 9)}:700]" for chain in chains
    ]
    lines += [f":{chain} - [0:0]" for chain in CHAINS]
    for _ in range(dice.between(0, 4)):
        counters = dice.weighted({"": 3, "[5:600] ": 1})
        chain = dice.among((*TABLES[table], *CHAINS))
        words = rule(dice, table, CHAINS)
        lines.append(f"{counters}-A {chain} {' '.join(map(_quoted, words))}".rstrip())
    return [*lines, "COMMIT"]


def _spoiled_lines(dice: Dice, lines: Sequence[str]) -> list[str]:
    changed = list(lines)
    at = dice.between(0, len(changed) - 1)
    what = dice.weighted({"leave out": 2, "repeat": 2, "swap": 1, "put in": 3, "word": 5})
    if what == "leave out":
        del changed[at]
    elif what == "repeat":
        changed.insert(at, changed[at])
    elif what == "swap":
        other = dice.between(0, len(changed) - 1)
        changed[at], changed[other] = changed[other], changed[at]
    elif what == "put in":
        changed.insert(at, dice.among(_ODD_LINES))
    else:
        changed[at] = " ".join(spoiled(dice, changed[at].split()))
    return changed


_ODD_LINES: Final = (
    "",
    "# a comment",
    " # not one",
    "COMMIT",
    "*filter",
    "*nosuch",
    ":",
    ":one",
    ":one DROP",
    ":INPUT",
    ":INPUT nosuch [0:0]",
    "-F",
    "-N four",
    "-X",
    "-P INPUT DROP",
    "-A",
    "-A INPUT -t mangle",
    "[5:6]",
    "[x:6] -A INPUT",
    '-A INPUT -m comment --comment "open',
    "nosuch",
    "-Z",
    "-6 -A INPUT",
)


def _quoted(word: str) -> str:
    """As a saved file has it."""
    if word and not set(word) & set(" \t\"\\'"):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _line(program: str, words: Sequence[str]) -> str:
    return f"{program} {shlex.join(words)}"


COMMANDS: Final[Mapping[Commands, int]] = {
    _add: 30,
    _add_and_take: 4,
    _manage: 4,
    _list: 2,
    _save: 1,
    _restore: 3,
}
