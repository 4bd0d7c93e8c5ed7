"""The areas that can be fuzzed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.compare.fuzz import (
    arp,
    bridge,
    conntrack,
    ebtables,
    fragments,
    icmp,
    nat,
    nft,
    nft_text,
    route,
    rules,
    sockets,
)
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Scenario

Draw = Callable[[Dice, int], Scenario]  # a topology, and so many steps on it

AREAS: Final[Mapping[str, Draw]] = {
    "arp": arp.draw,
    "bridge": bridge.draw,
    "conntrack": conntrack.draw,
    "ebtables": ebtables.draw,
    "fragments": fragments.draw,
    "icmp": icmp.draw,
    "nat": nat.draw,
    "nft": nft.draw,
    "nft-text": nft_text.draw,
    "route": route.draw,
    "rules": rules.draw,
    "sockets": sockets.draw,
}
