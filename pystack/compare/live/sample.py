"""Which packets are looked at, where all are too many: whole flows, for half of a flow is no connection.

What is not looked at does not go through the copy either, but for what other flows need of it: a bridge
learns
who is where, and ICMP errors teach a path's MTU. Where rules count packets of several flows (limits, quotas)
all go through the copy, or it would count less than the kernel; then only the comparison is saved.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from pystack.applets.running_tables import firewall_lines
from pystack.compare.live.flows import Flows, error_at, key_of, tuple_of
from pystack.compare.live.passing import Passing
from pystack.compare.points import framed
from pystack.compare.records import Hop
from pystack.hooks.imported.building import Building
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_port import BridgePort
from pystack.netfilter.conntrack.tuples import inverted, read
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP, ETH_P_IPV6
from pystack.wire.ipv4 import IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6

_IP: Final = tuple(kind.to_bytes(2, "big") for kind in (ETH_P_IP, ETH_P_IPV6))
_SOURCE: Final = slice(6, 12)  # of a frame
_LETS_OTHERS_IN: Final = {(IPPROTO_TCP, 21), (IPPROTO_UDP, 69)}  # FTP and TFTP: what follows is related
_COUNTS: Final = re.compile(
    r"-m (limit|hashlimit|recent|connlimit|quota|statistic)\b|-j SET\b"
    r"|\b(limit rate|quota|numgen|ct count|meter)\b|\b(add|update|delete) @"
)


@dataclass(slots=True)
class Choice:
    """About one flow."""

    why_not: str = ""  # nothing: it is looked at


class Sample:
    """One flow in so many, and no more packets a second than that; 0: no such limit."""

    def __init__(self, one_in: int = 0, rate: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._one_in = one_in
        self._rate = rate
        self._clock = clock
        self._left = float(rate)
        self._filled = clock()
        self._flows: Flows[Choice] = Flows(self._chosen)
        self._counts = False  # rules of the copy do

    def use(self, building: Building) -> None:
        """Packets go through this copy from now on."""
        self._counts = any(map(_COUNTS.search, firewall_lines(building.netns)))

    def why_not(self, passing: Passing) -> str:
        """Why nobody looks at a packet; nothing if somebody does."""
        if not (self._one_in or self._rate) or not _may_be_left_out(passing.first):
            return ""
        choice = self._flows.of(passing.hops)
        if not choice.why_not and self._rate and not self._has_room():
            choice.why_not = f"more than {self._rate} packets a second"
        return choice.why_not

    def goes_through(self, passing: Passing) -> bool:
        """Whether the copy must see a packet at which nobody looks."""
        return self._counts or error_at(framed(passing.first)) is not None

    def _chosen(self, first: Hop) -> Choice:
        if self._one_in and crc32(key_of(framed(first))) % self._one_in:
            return Choice(f"one flow in {self._one_in} is looked at")
        return Choice()

    def _has_room(self) -> bool:
        """A bucket that runs full in a second."""
        now = self._clock()
        self._left = min(self._rate, self._left + (now - self._filled) * self._rate)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _may_be_left_out(first: Hop) -> bool:
    """Not what teaches the host or its bridges something, nor what lets other flows in."""
    frame = framed(first)
    if frame[ETH_HLEN - 2 : ETH_HLEN] not in _IP:
        return False
    key = tuple_of(frame)
    if key is None:  # a later fragment
        return True
    flow = read(key)
    if flow.protocol == IPPROTO_ICMPV6 and error_at(frame) is None and inverted(key) is None:
        return False  # neighbours and groups are found so
    ends = {(flow.protocol, flow.sport), (flow.protocol, flow.dport)}
    return flow.protocol != IPPROTO_IGMP and not ends & _LETS_OTHERS_IN


def learn(building: Building, passing: Passing) -> None:
    """A bridge learns who is where of a packet that does not go through the copy."""
    if not any(hop.family == "bridge" and hop.hook in ("INPUT", "FORWARD") for hop in passing.hops):
        return
    for hop in passing.beginnings:
        dev = building.netns.devices.get(hop.indev or "")
        if dev is None or not isinstance(dev.port, BridgePort) or not isinstance(dev.master, Bridge):
            continue
        if dev.port.learning:
            dev.master.fdb.learn(dev.port, hop.data[_SOURCE], 0)
