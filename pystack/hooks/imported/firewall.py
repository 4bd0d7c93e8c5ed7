"""Rules of iptables' relatives and of nft, and the sets that they ask."""

from __future__ import annotations

import re
from typing import Final

from pystack.hooks.imported.building import STDIN, Building
from pystack.hooks.ours import PROBES
from pystack.hooks.shim.placement import TAG

_FAMILIES: Final = {"iptables": "ip", "ip6tables": "ip6", "ebtables": "bridge", "arptables": "arp"}
_SAVED: Final = re.compile(r"^\*(\S+)$", re.MULTILINE)
_SHIM: Final = re.compile(rf'--comment "?{TAG}')
_TABLE: Final = re.compile(r"^table (?P<family>\S+) (?P<name>\S+) \{.*?^\}$", re.MULTILINE | re.DOTALL)


def add_firewalls(building: Building, ipsets: str, firewalls: dict[str, str], nft: str) -> None:
    """Each through the tool that wrote it down; what is ours is not the host's."""
    if ipsets.strip():
        building.do(["ipset", "restore"], stdin=ipsets, what="ipset")
    for saver, text in firewalls.items():
        if text.strip():
            text = _without_shims(text)
            program = saver.split()[0].replace("-save", "-restore")
            counters = ["-c"] if program.startswith("ip") else []
            building.do([program, *counters], stdin=text, what=saver)
    for table in native_tables(nft, firewalls):
        what = " ".join(table.split(maxsplit=3)[:3])
        building.do(["nft", "-f", STDIN], stdin=table, what=what)


def native_tables(listing: str, firewalls: dict[str, str]) -> list[str]:
    """Those that iptables' relatives do not keep: what they keep, they have saved."""
    kept = {
        (_FAMILIES[saver.removesuffix("-nft-save")], name)
        for saver, text in firewalls.items()
        if saver.endswith("-nft-save")
        for name in _SAVED.findall(text)
    }
    found = _TABLE.finditer(listing)
    return [
        table[0] + "\n"
        for table in found
        if table["name"] != PROBES and (table["family"], table["name"]) not in kept
    ]


def _without_shims(saved: str) -> str:
    """Without the rules that hand packets to us and change nothing about them."""
    return "".join(line for line in saved.splitlines(keepends=True) if not _SHIM.search(line))
