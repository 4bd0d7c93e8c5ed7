"""The way out of a device: hook, checks, what the device cannot do itself, taps, and the device."""

from __future__ import annotations

from typing import Final

from pystack.device import IFF_UP
from pystack.drop import QDISC_DROP, RECURSION, Drop, Outcomes
from pystack.l2.backlog import Backlog
from pystack.l2.offload import prepare_for
from pystack.netfilter.hooks import NETDEV_EGRESS, Hooks
from pystack.packet import Packet
from pystack.wire.virtio import NONE

XMIT_RECURSION_LIMIT: Final = 8


class Egress:
    """The send path of one namespace."""

    __slots__ = ("_backlog", "_depth", "_drop", "_hooks", "_outcomes")

    def __init__(self, hooks: Hooks, drop: Drop, outcomes: Outcomes, backlog: Backlog) -> None:
        self._backlog = backlog
        self._hooks = hooks
        self._drop = drop
        self._outcomes = outcomes
        self._depth = 0  # transmit() of stacked devices now open

    def send(self, pkt: Packet) -> None:
        """A program puts a frame on a device."""
        self._backlog.for_program(self.dev_queue_xmit, pkt)

    def dev_queue_xmit(self, pkt: Packet) -> None:
        """Send a frame, link header in place, by `pkt.dev`. Linux: net/core/dev.c __dev_queue_xmit()"""
        dev = pkt.dev
        if self._hooks.netdev and dev.name in self._hooks.netdev:
            return self._hooks.netdev[dev.name][NETDEV_EGRESS].run(pkt, None, dev, self._xmit)
        self._xmit(pkt)

    def _xmit(self, pkt: Packet) -> None:
        """Linux: net/core/dev.c validate_xmit_skb(), dev_hard_start_xmit()"""
        dev = pkt.dev
        if not (dev.flags & IFF_UP and dev.carrier):  # Linux has then a queue that takes nothing
            return self._drop(pkt, QDISC_DROP)
        if self._depth > XMIT_RECURSION_LIMIT:
            return self._drop(pkt, RECURSION)
        packets = (pkt,) if pkt.offload is NONE else prepare_for(dev, pkt, self._drop, self._outcomes)
        self._depth += 1
        try:
            for packet in packets:
                for tap in dev.taps:
                    tap(packet, True)
                dev.transmit(packet)
        finally:  # a fault costs its frame, not the path
            self._depth -= 1
        if self._backlog.in_program and not self._depth:
            self._backlog.catch_up()
