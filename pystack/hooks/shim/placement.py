"""Where a shim may stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

POINTS: Final = tuple(
    f"{table}/{chain}"
    for table, chains in {
        "raw": ("prerouting", "output"),
        "mangle": ("prerouting", "input", "forward", "output", "postrouting"),
        "filter": ("input", "forward", "output"),
    }.items()
    for chain in chains
)
USUAL: Final = tuple(point for point in POINTS if point.startswith("mangle/"))
TAG: Final = "pystack-shim"  # the comment of every rule of ours
NFT: Final = "iptables-nft"
LEGACY: Final = "iptables-legacy"
NFT_RULES: Final = "nft list ruleset"  # iptables-nft-save names chains that are not there, too
_PROGRAMS: Final = {NFT: "iptables-nft-save", LEGACY: "iptables-legacy-save"}
_ASKS: Final = re.compile(
    r"-m (conntrack|state|connmark|connlimit|connbytes|connlabel|helper|cluster)\b"
    r"|-j (MASQUERADE|SNAT|DNAT|REDIRECT|NETMAP|CT|CONNMARK|NOTRACK)\b"
    r"|\b(ct|masquerade|snat|dnat|redirect|notrack|type nat)\b"
)
_TRANSLATES: Final = re.compile(
    r"-j (MASQUERADE|SNAT|DNAT|REDIRECT|NETMAP)\b|\b(masquerade|snat|dnat|redirect)\b"
)
_GROUPS: Final = "BROADCAST,MULTICAST"
_POLICY: Final = re.compile(r"^:(?P<chain>\S+) (?P<policy>\S+)")


StandingRule = tuple[str, str, str]  # the program, the table, and the rule from -A on


class Refused(Exception):
    """A shim may not stand there; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rule of ours, or the few that it takes."""

    point: str
    program: str
    number: int  # of the queue
    makes: tuple[bool, bool] = (False, False)  # whether its table and its chain come into being with it
    tracked: bool = False  # whether the host tracks connections
    translated: bool = False  # and whether it translates addresses
    decides: bool = False  # whether who answers must see first packets, too

    @property
    def table(self) -> str:
        """As iptables calls it."""
        return self.point.partition("/")[0]

    @property
    def chain(self) -> str:
        """As iptables calls it."""
        return self.point.partition("/")[2].upper()

    @property
    def rules(self) -> list[list[str]]:
        """Behind -A or -D CHAIN; a packet meets one of them at most."""
        tag = ["-m", "comment", "--comment", TAG]
        queue = ["-j", "NFQUEUE", "--queue-num", str(self.number), "--queue-bypass"]
        return [[*tag, *safe, *queue] for safe in self._safe]

    @property
    def _safe(self) -> list[list[str]]:
        """NFQUEUE drops a packet that shares a connection which is not in the table yet with another one: a
        clone of what a bridge floods, the host's own ICMP error about a first packet, which has its
        connection from the beginning. So these are left alone, except where nothing can share them yet; and
        all first packets are if nobody needs them.

        Linux: net/netfilter/nfnetlink_queue.c nf_ct_drop_unconfirmed()
        """
        if not self.tracked or self.chain == "PREROUTING":
            return [[]]
        tracking = ["-m", "conntrack"]
        if not self.decides:
            return [[*tracking, "--ctstate", "ESTABLISHED,INVALID,UNTRACKED"]]
        alone = ["-m", "pkttype", "--pkt-type", "unicast", "-m", "addrtype", "!", "--dst-type", _GROUPS]
        return [
            [*tracking, "--ctstate", "INVALID,UNTRACKED"],
            [*tracking, "--ctstatus", "CONFIRMED"],
            [*tracking, "--ctstate", "NEW", "!", "--ctstatus", "CONFIRMED", *alone],
        ]


@dataclass(frozen=True, slots=True)
class _Chain:
    """As it is saved."""

    table_is_there: bool = False
    policy: str = "ACCEPT"
    rules: tuple[str, ...] = ()


def place(point: str, number: int, saved: Mapping[str, str], *, decides: bool = False) -> Place:
    """Of nft's tables or the legacy ones in those that the host uses; no legacy ones come into being for it.
    Raises Refused.
    """
    if point not in POINTS:
        raise Refused(f"{point} is no point for a shim (known: {', '.join(POINTS)})")
    why = []
    for program in _PROGRAMS:
        chain = _chain_of(program, point, saved)
        if any(TAG in rule for rule in chain.rules):
            raise Refused(f"{point}: shims of another pystack stand there")
        if program == LEGACY and not chain.table_is_there:
            continue
        if chain.policy == "ACCEPT":
            makes, facts = _makes(point, saved), (tracks(saved), translates(saved))
            return Place(point, program, number, makes, *facts, decides)
        why.append(f"the policy of {program}'s is {chain.policy}, and what a queue accepts does not meet it")
    raise Refused(f"{point}: {'; '.join(why)}")


def is_lawful(standing: Place, saved: Mapping[str, str]) -> bool:
    """Whether ours are still the last rules of a chain that accepts what comes to its end, on a host that
    does with connections what it did. Whoever decides may translate addresses, and there must not be two.
    """
    chain = _chain_of(standing.program, standing.point, saved)
    tagged = [TAG in rule for rule in chain.rules]
    is_last = any(tagged) and all(tagged[tagged.index(True) :])
    is_as_before = standing.tracked or not tracks(saved)
    has_one_translator = not standing.decides or standing.translated or not translates(saved)
    return is_last and chain.policy == "ACCEPT" and is_as_before and has_one_translator


def tracks(saved: Mapping[str, str]) -> bool:
    """Whether some rule of the host's asks for connections."""
    return _has_rule(saved, _ASKS)


def translates(saved: Mapping[str, str]) -> bool:
    """Whether some rule of the host's translates addresses."""
    return _has_rule(saved, _TRANSLATES)


def _has_rule(saved: Mapping[str, str], words: re.Pattern[str]) -> bool:
    theirs = (line for text in saved.values() for line in text.splitlines() if TAG not in line)
    return any(words.search(line) for line in theirs)


def standing_rules(saved: Mapping[str, str]) -> list[StandingRule]:
    """Rules of ours that are there."""
    found = []
    for saver, text in saved.items():
        program = saver.split()[0].removesuffix("-save")
        if program not in _PROGRAMS:
            continue
        for table, lines in _tables(text):
            found += [(program, table, _rule(line)) for line in lines if f"--comment {TAG}" in line]
    return found


def _makes(point: str, saved: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether nft has no such table, and no such chain, so far."""
    one = Place(point, NFT, 0)
    table = re.search(rf"^table ip {one.table} {{\n(.*?)^}}$", saved.get(NFT_RULES, ""), re.M | re.S)
    return table is None, table is None or re.search(rf"^\tchain {one.chain} {{$", table[1], re.M) is None


def _chain_of(program: str, point: str, saved: Mapping[str, str]) -> _Chain:
    one = Place(point, program, 0)
    table_is_there, policy, rules = False, "ACCEPT", []
    texts = [text for saver, text in saved.items() if saver.split()[0] == _PROGRAMS[program]]
    for table, lines in (row for text in texts for row in _tables(text)):
        if table != one.table:
            continue
        table_is_there = True
        for line in lines:
            known = _POLICY.match(line)
            if known is not None and known["chain"] == one.chain:
                policy = known["policy"]
            elif _rule(line).startswith(f"-A {one.chain} "):
                rules.append(line)
    return _Chain(table_is_there, policy, tuple(rules))


def _tables(text: str) -> list[tuple[str, Sequence[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("*"):
            found.append((line[1:], []))
        elif found and line != "COMMIT" and not line.startswith("#"):
            found[-1][1].append(line)
    return [(table, lines) for table, lines in found]


def _rule(line: str) -> str:
    """Without its counters."""
    return line.partition("] ")[2] if line.startswith("[") else line
