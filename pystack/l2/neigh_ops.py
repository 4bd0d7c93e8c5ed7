"""What a neighbour asks of the world: time, the wire, and its address family's way of asking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pystack.clock import Clock
from pystack.drop import Drop
from pystack.packet import Packet
from pystack.timers import Timers

if TYPE_CHECKING:  # a neighbour and its context know each other
    from pystack.l2.neighbour import Neighbour


class NeighContext:
    """Shared by all entries of one table. Linux: struct neigh_ops and the table behind it"""

    __slots__ = ("changed", "clock", "drop", "error_report", "queued", "solicit", "timers", "xmit")

    def __init__(
        self,
        *,
        clock: Clock,
        timers: Timers,
        drop: Drop,
        xmit: Callable[[Packet], None],
        solicit: Callable[[Neighbour, Packet | None], None],
        error_report: Callable[[Neighbour, Packet], None],
        changed: Callable[[Neighbour], None],
    ) -> None:
        self.clock = clock
        self.timers = timers
        self.drop = drop
        self.xmit = xmit  # dev_queue_xmit()
        self.solicit = solicit  # ask; the packet that waits may lend its source address
        self.error_report = error_report  # nobody answered: tell the sender of the packet
        self.changed = changed
        self.queued = 0  # packets that wait in all entries together
