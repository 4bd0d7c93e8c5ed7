"""The kernel's order: which hooks a kind of path must meet, one behind the other, and the tables at each.

Held against the kernel by `compare lab`: scenarios/kernel-logs, scenarios/path-*.
"""

from __future__ import annotations

from typing import Final

from pystack.compare.log.message import BRIDGE
from pystack.compare.log.place import Hook


def _hooks(words: str) -> tuple[Hook, ...]:
    """`b:` is the bridge's own, the rest is IP's."""
    found = (word.rpartition(":") for word in words.split())
    return tuple(Hook(BRIDGE if family else "ip", name) for family, _, name in found)


_IN: Final = "b:BROUTING b:PREROUTING PREROUTING b:INPUT"
_OUT: Final = "b:OUTPUT b:POSTROUTING"
HOOKS: Final = {
    "1-2": _hooks(f"{_IN} INPUT"),
    "1-4": _hooks(f"{_IN} INPUT"),
    "1-6": _hooks(f"{_IN} FORWARD POSTROUTING"),
    "1-7": _hooks("b:BROUTING b:PREROUTING PREROUTING b:FORWARD FORWARD b:POSTROUTING POSTROUTING"),
    "1-2-8": _hooks(f"{_IN} FORWARD POSTROUTING {_OUT}"),
    "1-?": _hooks(_IN),
    "3-4": _hooks("PREROUTING INPUT"),
    "3-6": _hooks("PREROUTING FORWARD POSTROUTING"),
    "3-2-8": _hooks(f"PREROUTING FORWARD POSTROUTING {_OUT}"),
    "3-?": _hooks("PREROUTING"),
    "4-6": _hooks("OUTPUT POSTROUTING"),
    "4-2-8": _hooks(f"OUTPUT POSTROUTING {_OUT}"),
    "4-lo-4": _hooks("OUTPUT POSTROUTING PREROUTING INPUT"),
    "4-?": _hooks("OUTPUT"),
}
# bridge-nf-call-iptables=0: IP sees a packet when the bridge hands it up, and not what the bridge forwards.
_UNBRIDGED: Final = (Hook(BRIDGE, "INPUT"), Hook("ip", "PREROUTING"))
TABLES: Final = ("broute", "raw", "mangle", "nat", "filter", "security", "")
_LATE_NAT: Final = ("PREROUTING", "OUTPUT")  # elsewhere IP's nat is asked last

_RANKS: Final = {
    hook: number
    for number, hook in enumerate(
        _hooks(
            "OUTPUT b:BROUTING b:PREROUTING PREROUTING b:INPUT b:FORWARD FORWARD POSTROUTING b:OUTPUT "
            "b:POSTROUTING INPUT"
        )
    )
}


def rank(hook: Hook) -> int:
    """A place in one order for all paths, to tell beginnings from ends; others come first (ARP)."""
    return _RANKS.get(hook, -1)


def hooks_of(kind: str, way_in: str, *, calls_ip: bool) -> tuple[Hook, ...]:
    """What a packet of this kind meets, in order; `calls_ip` is br_netfilter."""
    known = HOOKS.get(kind) or HOOKS[{"1": "1-6", "3": "3-6"}.get(way_in, "4-6")]  # x-ns
    if calls_ip:
        return known
    if kind == "1-7":
        return tuple(hook for hook in known if hook.family == BRIDGE)
    swapped = dict(zip(_UNBRIDGED, reversed(_UNBRIDGED), strict=True))
    return tuple(swapped.get(hook, hook) for hook in known) if way_in == "1" else known


def table_rank(hook: Hook, table: str) -> int | None:
    """Its place among the tables of a hook; None where it is not known, or is the back end's affair."""
    if table not in TABLES[:-1] or (hook.family == BRIDGE and hook.name == "OUTPUT"):
        return None  # ebtables-legacy asks nat before filter there, ebtables-nft behind it
    if hook.family == "ip" and table == "nat" and hook.name not in _LATE_NAT:
        return len(TABLES)
    return TABLES.index(table)
