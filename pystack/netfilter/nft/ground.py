"""What rules of nftables stand on: the parts of the namespace that expressions and statements use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pystack.clock import Clock
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.nat.setup import Nat
from pystack.netfilter.needs import Path
from pystack.netfilter.nft.needs import Devices, Routes, Sockets
from pystack.netfilter.view import View
from pystack.rng import Rng


@dataclass(frozen=True, slots=True)
class Ground:
    """Handed in by netns.py; what differs by family stands under NFPROTO_*."""

    clock: Clock
    rng: Rng
    devices: Devices
    context: TrackContext
    paths: Mapping[int, Path]
    routes: Mapping[int, Routes]
    sockets: Mapping[int, Sockets]
    nats: Mapping[int, Nat]
    printk: Callable[[str], None]
    nflog: Callable[[int, int, str, View, int | None], None]
