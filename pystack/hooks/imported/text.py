"""A host that was taken over as a setup: what pystack prints of every host, and what this one has learned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.running_setup import setup_lines
from pystack.hooks.imported.building import Building
from pystack.l2.nud import NUD_DELAY, NUD_PROBE, NUD_REACHABLE, NUD_STALE
from pystack.wire.ethernet import mac_text
from pystack.wire.ipv4 import address_text

_LEARNED: Final = {NUD_REACHABLE: "reachable", NUD_STALE: "stale", NUD_DELAY: "delay", NUD_PROBE: "probe"}


def lines(building: Building) -> list[str]:
    """The commands."""
    return [*setup_lines(building.host, building.ports), *_neighbours(building)]


def _neighbours(building: Building) -> Iterator[str]:
    for neigh in building.netns.ipv4.neighbours:
        state = _LEARNED.get(neigh.state)
        if state is not None:
            where = f"lladdr {mac_text(neigh.ha)} dev {neigh.dev.name}"
            yield f"ip neighbour replace {address_text(neigh.key)} {where} nud {state}"
