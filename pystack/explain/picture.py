"""`explain --path`: a packet's way as a line through the picture in the README, with its numbers, and beside
each hook the lines that its LOG rules print; where there are none, what one would begin its line with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pystack.explain.path_kind import LOOPBACK, Crossed, Wiring, way_in
from pystack.explain.stage import Passing

_LEGEND: Final = {
    "1-7": "from one port of a bridge to another",
    "1-2": "from a port of a bridge to the bridge's own address",
    "1-4": "from a port of a bridge to another address of this host",
    "1-6": "from a port of a bridge, routed, out by a device that is no port",
    "1-2-8": "from a port of a bridge, routed, to a port of another bridge",
    "3-4": "in by a device that is no port, to this host",
    "3-6": "in by one device, routed, out by another",
    "3-2-8": "in by a device that is no port, routed, to a port of a bridge",
    "4-6": "made here, out by a device that is no port",
    "4-2-8": "made here, to a port of a bridge",
    "4-lo-4": "made here, and for this host: over lo",
    "x-ns": "into another namespace",
}
_DOOR: Final = "+"  # a bridge's own device, where a packet enters or leaves IP
_HOOK: Final = 18


def picture(kind: str, passed: Sequence[Passing], wiring: Wiring) -> Iterator[str]:
    """The lines of one packet, which met these hooks on a path of this kind."""
    legend = _LEGEND.get(kind, "lost before its way was clear")
    yield f"path {kind}: {legend}"
    if not passed:
        return
    first = way_in([passing.crossed for passing in passed], wiring)
    if first == "4":
        yield _node("4", "a local process, or the stack itself")
    came_in = first == "4"
    for passing in _once(passed):
        crossed = passing.crossed
        if crossed.family != "netdev":
            beside = [line.rstrip() for line in passing.lines] or [passing.log]
            yield f"  |     {f'{crossed.family} {crossed.hook}':{_HOOK}} {beside[0]}"
            yield from (f"  |     {'':{_HOOK}} {line}" for line in beside[1:])
            if crossed.hook == "INPUT" and crossed.family != "bridge":
                yield _node("2" if kind in ("1-2", "1-7") else "4", "this host")
        elif node := _device(crossed, kind, wiring, "" if came_in else first):
            came_in = True
            yield node


def _once(passed: Iterable[Passing]) -> Iterator[Passing]:
    """Without what lo says a second time."""
    for passing in passed:
        if not (passing.crossed.hook == "INGRESS" and passing.crossed.indev == LOOPBACK):
            yield passing


def _device(crossed: Crossed, kind: str, wiring: Wiring, first: str) -> str:
    name = crossed.indev or crossed.outdev or ""
    if first:
        return _node(first, name)
    if name == LOOPBACK:
        return _node(LOOPBACK, "where what is for this host turns round")
    if name in wiring.bridges:
        goes_down = crossed.hook == "EGRESS" and "-2-" in kind
        return _node("2" if goes_down else _DOOR, name)
    if crossed.hook == "INGRESS":
        return _node(_DOOR, name)
    into = wiring.leads_into.get(name)
    return _node(kind.rsplit("-", 1)[-1], name + (f", into namespace {into}" if into else ""))


def _node(number: str, name: str) -> str:
    return f"  {number:3} {name}"
