"""What the kernel learned or was told about its neighbours, on the link and behind a bridge's ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.hooks.imported.building import Building
from pystack.hooks.imported.seen import Row
from pystack.wire.ethernet import mac_text

_USELESS: Final = frozenset(("FAILED", "INCOMPLETE"))
_UNRESOLVED_STATES: Final = frozenset(("NOARP",))  # come by themselves
_GROUPS: Final = ("01:00:5e:", "33:33:", "01:80:c2:00:00:21")  # joined, not learned; the last one with VLANs


def add_neighbours(building: Building, rows: list[Row], proxies: list[Row]) -> None:
    """With the state in which each is."""
    for row in rows:
        states = row.get("state", [])
        if "lladdr" not in row or _USELESS.intersection(states) or _UNRESOLVED_STATES.intersection(states):
            continue
        if building.knows(row["dev"]):
            words = [row["dst"], "lladdr", row["lladdr"], "dev", row["dev"], "nud", states[0].lower()]
            building.do(["ip", "neighbour", "replace", *words], what=f"neighbour {row['dst']}")
    for row in proxies:
        words = [row["dst"], *(["dev", row["dev"]] if "dev" in row else [])]
        building.do(["ip", "neighbour", "add", "proxy", *words], what=f"proxy for {row['dst']}")


def add_fdb(building: Building, rows: list[Row]) -> None:
    """What is not there by itself: no address of a device's own, no group that its host joined."""
    for row in rows:
        if not building.knows(row["ifname"]) or _comes_by_itself(building, row):
            continue
        argv = ["bridge", "fdb", "replace", row["mac"], "dev", row["ifname"], *_fdb_words(row)]
        building.do(argv, what=f"fdb {row['mac']} of {row['ifname']}")


def _comes_by_itself(building: Building, row: Row) -> bool:
    if row["mac"].startswith(_GROUPS):
        return True
    own = {mac_text(dev.address) for dev in building.netns.devices}
    return row["state"] == "permanent" and row["mac"] in own


def _fdb_words(row: Row) -> Iterator[str]:
    yield "master" if "master" in row else "self"
    if "vlan" in row:
        yield from ("vlan", str(row["vlan"]))
    yield {"permanent": "permanent", "static": "static"}.get(row["state"], "dynamic")
    if "sticky" in row["flags"]:
        yield "sticky"
    if "extern_learn" in row["flags"]:
        yield "extern_learn"
