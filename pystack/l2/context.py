"""What a device may use of the namespace it lives in, and the base class that holds it."""

from __future__ import annotations

from pystack.clock import Clock
from pystack.device import NetDevice
from pystack.drop import Drop, Outcomes
from pystack.events import EventSink
from pystack.l2.backlog import Backlog
from pystack.l2.egress import Egress
from pystack.l2.ingress import Ingress
from pystack.netfilter.hooks import Hooks
from pystack.rng import Rng
from pystack.timers import Timers


class LinkContext:
    """One per namespace; a device that moves to another namespace is handed the other's.

    Linux: dev_net(dev)
    """

    __slots__ = (
        "backlog",
        "clock",
        "drop",
        "egress",
        "events",
        "hooks",
        "ingress",
        "outcomes",
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
    ) -> None:
        self.clock = clock
        self.timers = timers
        self.rng = rng
        self.events = events
        self.outcomes = outcomes
        self.backlog = backlog
        self.drop = drop
        self.hooks = hooks
        self.ingress = Ingress(hooks, drop, outcomes)
        self.egress = Egress(hooks, drop, outcomes)


class Link(NetDevice):
    """A device that lives in a namespace."""

    net: LinkContext  # set by attach()

    def attach(self, net: LinkContext) -> None:
        """Come to live in a namespace."""
        self.net = net
        self.netif_receive_skb = net.ingress.netif_receive_skb
