"""`hooks`: every function that hangs at a hook of a namespace, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pystack.applets.session import USAGE, Session
from pystack.netfilter.hooks import (
    IP_HOOK_NAMES,
    NFPROTO_ARP,
    NFPROTO_BRIDGE,
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    NFPROTO_NETDEV,
    HookPoint,
    Hooks,
)

_EXTREMES: Final = {-0x80000000: "INT_MIN", 0x7FFFFFFF: "INT_MAX"}

HELP: Final = """\
usage: pystack hooks [-j]

Every function that hangs at a hook of the namespace, in the order in which they run, with its packets.
"""

_FAMILIES: Final = {
    NFPROTO_BRIDGE: ("bridge", (*IP_HOOK_NAMES, "BROUTING")),
    NFPROTO_IPV4: ("ip", IP_HOOK_NAMES),
    NFPROTO_IPV6: ("ip6", IP_HOOK_NAMES),
    NFPROTO_ARP: ("arp", ("INPUT", "OUTPUT", "FORWARD")),
    NFPROTO_NETDEV: ("netdev", ("INGRESS", "EGRESS")),
}
_HEAD: Final = ("FAMILY", "HOOK", "PRIORITY", "WHO", "PACKETS")

Row = tuple[str, str, int, str, int]


def run(args: Sequence[str], session: Session) -> int:
    """`hooks [-j]`"""
    if args in (["-h"], ["--help"]):
        session.io.out.write(HELP)
        return 0
    unknown = [word for word in args if word != "-j"]
    if unknown:
        session.io.err.line(f"pystack: hooks: {unknown[0]} is not an argument (known: -j)")
        return USAGE
    rows = list(_rows(session.netns.hooks))
    if args:
        session.io.out.line(f"[{','.join(map(_as_json, rows))}]")
        return 0
    shown = [(*row[:2], _EXTREMES.get(row[2], str(row[2])), *row[3:]) for row in rows]
    for family, hook, priority, who, packets in (_HEAD, *shown):
        session.io.out.line(f"{family:<7} {hook:<12} {priority:>8}  {who:<22} {packets:>8}")
    return 0


def _as_json(row: Row) -> str:
    """The names are ours and Linux's: nothing in them needs escaping."""
    family, hook, priority, who, packets = row
    words = f'"family":"{family}","hook":"{hook}","priority":{priority}'
    return f'{{{words},"who":"{who}","packets":{packets}}}'


def _rows(hooks: Hooks) -> Iterator[Row]:
    *bridge, brouting = hooks.bridge  # Linux numbers it last, and asks it first
    devices = (point for points in hooks.netdev.values() for point in points)
    for point in (brouting, *bridge, *hooks.ip, *hooks.ip6, *hooks.arp, *devices):
        yield from _of_point(point)


def _of_point(point: HookPoint) -> Iterator[Row]:
    family, names = _FAMILIES[point.family]
    for entry in point.entries:
        yield family, names[point.hook], entry.priority, entry.name, entry.packets
