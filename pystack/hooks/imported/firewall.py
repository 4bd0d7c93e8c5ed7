"""Rules of iptables' relatives and of nft, and the sets that they ask.

What iptables' relatives keep in tables of nft is taken over as they have saved it. Where nft lists something
there that they do not say, or say wrongly, nft's text is taken.
"""

from __future__ import annotations

import re
from typing import Final

from pystack.hooks.imported.building import STDIN, Building
from pystack.hooks.imported.nft_tables import Place, chains_of, foreign_tables, meanings_of, tables_of
from pystack.hooks.imported.seen import Seen
from pystack.hooks.ours import PROBES
from pystack.hooks.shim.placement import TAG

_FAMILIES: Final = {
    "iptables-nft-save": "ip",
    "ip6tables-nft-save": "ip6",
    "ebtables-nft-save": "bridge",
    "arptables-nft-save": "arp",
}
_SAVED: Final = re.compile(r"^\*(\S+)$")
_DECLARED: Final = re.compile(r"^:(\S+) ")
_SHIM: Final = re.compile(rf'--comment "?{TAG}')


def add_firewalls(building: Building, seen: Seen) -> None:
    """Each through the tool that wrote it down; what is ours is not the host's."""
    if seen.ipsets.strip():
        building.do(["ipset", "restore"], stdin=seen.ipsets, what="ipset")
    tables, kept = tables_of(seen.nft), set[Place]()
    for saver, text in seen.firewalls.items():
        if text.strip():
            family = _FAMILIES.get(saver, "")
            kept |= _restore(building, saver, _without_shims(text), family, tables)
    foreign = foreign_tables(seen.nft_things)
    for (family, name), table in tables.items():
        if name != PROBES and (family, name) not in kept:
            _take_text(building, (family, name), table, foreign)
    told = "".join(seen.firewalls.values())
    if _SHIM.search(told):  # nft lists them, too
        return
    plain = tables_of(seen.nft_plain)
    for place in sorted(_differing(building, kept & plain.keys(), plain)):
        _take_text(building, place, f"delete table {' '.join(place)}\n{tables[place]}", foreign)


def _restore(building: Building, saver: str, text: str, family: str, tables: dict[Place, str]) -> set[Place]:
    """Which tables of nft have been taken over so."""
    kept: set[Place] = set()
    if family and tables:
        text = _without_absent_chains(text, family, tables)
        kept = {(family, found[1]) for line in text.splitlines() if (found := _SAVED.match(line))}
    program = saver.split()[0].replace("-save", "-restore")
    counters = ["-c"] if program.startswith("ip") else []
    building.do([program, *counters], stdin=text, what=saver)
    return kept


def _without_shims(saved: str) -> str:
    """Without the rules that hand packets to us and change nothing about them."""
    return "".join(line for line in saved.splitlines(keepends=True) if not _SHIM.search(line))


def _without_absent_chains(saved: str, family: str, tables: dict[Place, str]) -> str:
    """Built-in chains are saved whether they are there or not."""
    kept, chains = [], dict[str, str]()
    for line in saved.splitlines(keepends=True):
        if found := _SAVED.match(line.rstrip("\n")):
            chains = chains_of(tables.get((family, found[1]), ""))
        declared = _DECLARED.match(line)
        if declared is None or not chains or declared[1] in chains:
            kept.append(line)
    return "".join(kept)


def _differing(building: Building, places: set[Place], plain: dict[Place, str]) -> set[Place]:
    """Tables that nft would list otherwise if they were what iptables and its kin say of them."""
    ours = tables_of(building.said(["nft", "-n", "-s", "list", "ruleset"]))
    return {place for place in places if meanings_of(plain[place]) != meanings_of(ours.get(place, "table"))}


def _take_text(building: Building, place: Place, text: str, foreign: set[Place]) -> None:
    """As nft says it; where rules of iptables stand beside nft's own, neither tool says all."""
    name = f"table {' '.join(place)}"
    if place in foreign:
        building.left_out.append(f"{name}: iptables-nft keeps it, and nft has put there what that cannot say")
    else:
        building.do(["nft", "-f", STDIN], stdin=text, what=name)
