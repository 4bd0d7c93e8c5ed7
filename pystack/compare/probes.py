"""The probes of a comparison as nft's text: NFLOG rules at every point of points.py, that accept everything.

A chain a point, and no expression in it but the log: such a chain asks for no connection tracking and no
defragmentation, sets no mark, and its verdict is the one of a hook where nothing is registered. So it changes
the fate of no packet (a test plays the same frames with and without).

What probes cannot hide is that they exist: `nft list ruleset` names them, and `nft flush ruleset` ends them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from pystack.compare.points import NUMBERED, POINTS, Point

GROUP: Final = 0x7057  # of NFLOG; a rule of a setup hardly names it
NETDEV: Final = "netdev"
BEGINNINGS: Final = tuple(
    next((point.family, point.hook, point.priority) for point in POINTS if (point.family, point.hook) == hook)
    for hook in ((NETDEV, "INGRESS"), ("ip", "OUTPUT"), ("arp", "OUTPUT"))
)


def is_beginning(point: Point) -> bool:
    """Whether packets begin their way there: somebody may want all of their octets."""
    return (point.family, point.hook, point.priority) in BEGINNINGS


def ruleset(points: Iterable[Point], devices: Collection[str], *, table: str, snaplen: int = 0) -> str:
    """What `nft -f` loads, one table for each family; a point of netdev becomes a chain for every device.

    With `snaplen` only the beginnings are shown whole, and of the rest so many octets.
    """
    chains: dict[str, list[str]] = {}
    for point in points:
        family = chains.setdefault(point.family, [])
        if point.family == NETDEV:
            family += [_chain(point, number, device, snaplen) for number, device in enumerate(devices)]
        else:
            family.append(_chain(point, 0, "", snaplen))
    return "".join(
        f"table {family} {table} {{\n{''.join(rules)}}}\n" for family, rules in chains.items() if rules
    )


def _chain(point: Point, number: int, device: str, snaplen: int) -> str:
    """The prefix of a record is the number of its point."""
    cut = f" snaplen {snaplen}" if snaplen and not is_beginning(point) else ""
    index = NUMBERED.index(point)
    hook = f"hook {point.hook.lower()}" + (f' device "{device}"' if device else "")
    return (
        f"\tchain point{index}_{number} {{\n"
        f"\t\ttype filter {hook} priority {point.priority}; policy accept;\n"
        f'\t\tlog prefix "{index}" group {GROUP}{cut}\n'
        "\t}\n"
    )


def point_of(prefix: bytes) -> Point | None:
    """The point that a record's prefix means; None if no probe of ours wrote it."""
    if not prefix.isdigit() or int(prefix) >= len(NUMBERED):
        return None
    return NUMBERED[int(prefix)]
