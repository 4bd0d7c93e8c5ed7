"""Which kind of path lines show, in the numbers of the README's picture, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pystack.compare.log.message import ARP, BRIDGE
from pystack.compare.log.order import rank
from pystack.compare.log.passage import Line, Passage
from pystack.compare.log.place import Hook
from pystack.explain.path_kind import Crossed, Wiring, kind_of
from pystack.wire import ipv4

# How those who write rules call it: no line of a kernel says what became of the packet.
_REFUSES: Final = re.compile(r"drop|block|den[iy]|reject|\bban|invalid|refuse", re.IGNORECASE)
_BRIDGE_INPUT: Final = Hook(BRIDGE, "INPUT")


def crossed(passage: Passage, wiring: Wiring) -> list[Crossed]:
    """The hooks that a packet met, in the kernel's order: those that lines tell of, and those that must have
    been before.
    """
    lines = sorted(passage.lines, key=lambda line: rank(line.hook))
    told = [_crossed(line) for line in lines]
    return [*_beginning(passage, lines[0], wiring), *told]


def _crossed(line: Line) -> Crossed:
    message = line.message
    told = message.datagram
    daddr = None if told is None else ipv4.parse_address(told.destination)
    return Crossed(*line.hook, message.indev or None, message.outdev or None, daddr)


def _beginning(passage: Passage, first: Line, wiring: Wiring) -> Iterator[Crossed]:
    """The way in, where the first line is behind it already."""
    port = passage.port_in
    by_bridge = bool(port) or passage.entered_by in wiring.bridges
    if by_bridge and first.hook.family != BRIDGE:
        yield Crossed(BRIDGE, "PREROUTING", port or None, None)
    bridged = next((line.message for line in passage.lines if line.message.physout), None)
    if bridged is not None:
        yield Crossed(BRIDGE, "FORWARD", bridged.physin, bridged.physout)
    if passage.is_made_here and first.hook.name in ("POSTROUTING", "OUTPUT"):
        yield Crossed(ARP if passage.datagram is None else "ip", "OUTPUT", None, passage.left_by or None)


def path_of(passage: Passage, wiring: Wiring) -> str:
    """`1-7`, `1-2-8`, `4-lo-4` …"""
    return kind_of(crossed(passage, wiring), wiring)


def end_of(passage: Passage, kind: str) -> str:
    """Where it went, or where it was seen last."""
    last = max(passage.lines, key=lambda line: rank(line.hook))
    if _REFUSES.search(last.message.prefix):
        return f"dropped at {passage.named(last.hook)}, as the prefix of its line says"
    hooks = {line.hook.name for line in passage.lines if line.hook.family != BRIDGE}
    if "INPUT" in hooks and kind != "1-7":
        return "delivered"
    ports = passage.ports_out
    behind = any(line.hook.name == "POSTROUTING" for line in passage.lines)
    if ports and behind:
        return f"sent by {', '.join(ports)}"
    out = passage.left_by
    if behind and out and kind != "4-lo-4":
        return f"sent by {out}"
    if passage.datagram is None and passage.has(_BRIDGE_INPUT):
        return "handed up by its bridge"
    return f"last seen at {passage.named(last.hook)}: dropped there, or no rule logs what came after"
