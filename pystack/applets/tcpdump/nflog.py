"""`-i nflog:5`: what rules with `-j NFLOG` handed to a group; read and printed."""

from __future__ import annotations

from collections import deque
from typing import Final

from pystack.applets.tcpdump.filter import Test
from pystack.applets.tcpdump.link import NFLOG, LinkType
from pystack.applets.tcpdump.options import Refused
from pystack.applets.tcpdump.page import Page
from pystack.events import Event, Nflogged
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nflog import ATTRIBUTE, HEADER, NFULA_PAYLOAD
from pystack.netns import Netns
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6
from pystack.wire.pcap import NANOSECONDS, Captured

DEVICE: Final = "nflog"
_MOST: Final = 0xFFFF
_FAMILIES: Final = {NFPROTO_IPV4: (ETH_P_IP, "IPv4"), NFPROTO_IPV6: (ETH_P_IPV6, "IPv6")}


def groups_of(name: str) -> frozenset[int] | None:
    """The groups that a device's name means; None if it is another device. libpcap: nflog_activate()"""
    device, colon, text = name.partition(":")
    if device != DEVICE:
        return None
    groups = [int(word) if word.isdigit() else -1 for word in text.split(",")] if colon else [0]
    for group, word in zip(groups, text.split(","), strict=False):
        if not 0 <= group <= _MOST:
            raise Refused(f"Netfilter group range from 0 to {_MOST} (got {word})")
    return frozenset(groups)


class NflogCapture:
    """As capture.Capture, of groups instead of a device."""

    link: LinkType = NFLOG

    def __init__(self, netns: Netns, groups: frozenset[int], *, snaplen: int) -> None:
        self._netns = netns
        self._groups = groups
        self._snaplen = snaplen
        self._waiting: deque[Captured] = deque()
        self.received = self.dropped = 0
        self._stop = netns.events.subscribe(self._heard)

    def close(self) -> None:
        """Listen no more."""
        self._stop()

    def use(self, test: Test) -> None:
        """No filter can be made for what comes here; what came before is forgotten."""
        self._waiting.clear()
        self.received = 0

    def is_gone(self) -> bool:
        """A group is always there."""
        return False

    def has_news(self) -> bool:
        """Whether there is a packet."""
        return bool(self._waiting)

    def take(self) -> Captured | None:
        """The next one."""
        return self._waiting.popleft() if self._waiting else None

    def _heard(self, event: Event) -> None:
        if not isinstance(event, Nflogged) or event.netns != self._netns.name:
            return
        if event.group in self._groups:
            self.received += 1
            time = round(self._netns.clock.wall * 1e6) * (NANOSECONDS // 1_000_000)
            self._waiting.append(Captured(time, event.record[: self._snaplen], len(event.record)))


def print_nflog(page: Page, length: int) -> None:
    """tcpdump: print-nflog.c nflog_if_print()"""
    page.protocol = "nflog"
    page.need(0, HEADER.size)
    family, version, group = HEADER.unpack_from(page.data)
    protocol, name = _FAMILIES.get(family, (0, "Unknown"))
    if page.look.e:
        page.say(f"version {version}, resource ID {group}")
        if not page.look.q:
            page.say(f", family {name} ({family}), length {length}: ")
    at = HEADER.size
    while True:
        page.need(at, ATTRIBUTE.size)
        size, kind = ATTRIBUTE.unpack_from(page.data, at)
        if size < ATTRIBUTE.size:
            return page.truncated()
        if kind == NFULA_PAYLOAD:
            break
        at += size + -size % 4
    start = at + ATTRIBUTE.size
    page.link_length = start
    printer = page.protocols.network.get(protocol)
    if printer is None:
        return page.truncated()
    printer(page, start, length - start)  # what fills the attribute up included
