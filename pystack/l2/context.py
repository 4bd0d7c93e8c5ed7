"""What a device may use of the namespace it lives in, besides the other devices there."""

from __future__ import annotations

from collections.abc import Callable

from pystack.clock import Clock
from pystack.drop import Drop, Outcomes
from pystack.events import EventSink, Printk
from pystack.l2.backlog import Backlog
from pystack.l2.egress import Egress
from pystack.l2.ingress import Ingress
from pystack.l2.ratelimit import RateLimit
from pystack.netfilter.hooks import Hooks
from pystack.origins import Origins
from pystack.packet import Packet
from pystack.rng import Rng
from pystack.timers import Timers


class LinkContext:
    """One per namespace; a device that moves to another namespace is handed the other's.

    Linux: dev_net(dev)
    """

    __slots__ = (
        "backlog",
        "check_bridged_arp",
        "checks_bridged",
        "clock",
        "drop",
        "egress",
        "events",
        "hooks",
        "ingress",
        "origins",
        "outcomes",
        "ratelimit",
        "rng",
        "timers",
    )

    def __init__(
        self,
        *,
        clock: Clock,
        timers: Timers,
        rng: Rng,
        events: EventSink,
        outcomes: Outcomes,
        backlog: Backlog,
        drop: Drop,
        hooks: Hooks,
        origins: Origins,
    ) -> None:
        self.clock = clock
        self.timers = timers
        self.rng = rng
        self.events = events
        self.outcomes = outcomes
        self.backlog = backlog
        self.drop = drop
        self.hooks = hooks
        self.origins = origins
        # Whether a frame that came to a bridge may go on, by its EtherType.
        self.checks_bridged: dict[int, Callable[[Packet], bool]] = {}
        self.check_bridged_arp: Callable[[Packet], bool] | None = None
        self.ratelimit = RateLimit(clock)
        self.ingress = Ingress(hooks, drop, outcomes)
        self.egress = Egress(hooks, drop, outcomes, backlog)

    def printk(self, text: str) -> None:
        """Write a line to the kernel's log."""
        if self.events.is_log_read:
            self.events.emit(Printk(self.drop.netns, text))

    def printk_ratelimited(self, *lines: str) -> None:
        """Write lines that packets cause, all or none. Linux: net/core/utils.c net_ratelimit()"""
        allowed, missed = self.ratelimit.allows()
        if missed:
            self.printk(f"net_ratelimit: {missed} callbacks suppressed")
        if allowed:
            for line in lines:
                self.printk(line)
