"""Whether the copy's routes give local senders the same source address as the kernel's.

A packet of a program shows the source that its socket has, which may be bound to it. So only where the copy
would have chosen another one is the kernel asked what it would choose for a socket that is not.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Final

from pystack.compare.align import place
from pystack.compare.diff import Difference
from pystack.compare.records import Hop
from pystack.errors import NetError
from pystack.hooks.imported.building import Building
from pystack.l3.fib_types import IPTOS_RT_MASK, Flow
from pystack.wire import ipv4
from pystack.wire.ipv4 import address_text
from pystack.wire.malformed import Malformed

BETWEEN: Final = 0.05  # seconds from one question to the next: what a host sends is much
_MOST: Final = 4096
_SOURCE: Final = re.compile(r" src (\S+)")

Ask = Callable[[list[str]], str]  # `ip` in the namespace, its first line


class Sources:
    """Of one namespace."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._asked = float("-inf")
        self._known: set[tuple[int, int, int, int]] = set()

    def differences(self, building: Building, first: Hop) -> Iterator[Difference]:
        """Of a packet that a program sent."""
        header = ipv4.parse(first.data, 0)
        if isinstance(header, Malformed):
            return
        flow = Flow(header.daddr, 0, tos=header.tos & IPTOS_RT_MASK, mark=first.mark or 0)
        ours = _chosen(building, flow)
        if ours in (0, header.saddr) or not self._may_ask((header.daddr, header.saddr, ours, flow.mark)):
            return
        argv = ["ip", "route", "get", address_text(header.daddr)]
        found = _SOURCE.search(self._ask([*argv, *(["mark", str(flow.mark)] if flow.mark else [])]))
        if found is not None and found[1] != address_text(ours):
            cause = f"the route to {argv[-1]} gives source {found[1]}, pystack's {address_text(ours)}"
            yield Difference("REWRITE", 0, place(first), first, None, cause)

    def _may_ask(self, key: tuple[int, int, int, int]) -> bool:
        now = time.monotonic()
        if key in self._known or now < self._asked + BETWEEN:
            return False
        self._asked = now
        self._known.add(key)
        if len(self._known) > _MOST:
            self._known.clear()
        return True


def _chosen(building: Building, flow: Flow) -> int:
    try:
        building.netns.ipv4.router.route_output(flow)
    except NetError:
        return 0
    return flow.saddr
