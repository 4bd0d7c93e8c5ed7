"""What the core tells the outside while it runs: a line of the kernel's log, a change that `ip monitor`
would show.

Nothing here is on the packet path: with no subscriber an event is not even built (callers test `wanted`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Printk:
    """A line of the kernel's log, such as `br0: port 1(tap1) entered forwarding state`."""

    netns: str
    text: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A packet ended without reaching anyone."""

    netns: str
    device: str
    reason: str
    frame: bytes
    trace: object | None = None  # what somebody who follows it wrote on it


@dataclass(frozen=True, slots=True)
class Changed:
    """A link, address, neighbour or route was added, changed or removed."""

    netns: str
    what: str  # link, addr, neigh, route, fdb
    action: str  # new, del
    text: str


@dataclass(frozen=True, slots=True)
class Nflogged:
    """A rule with `-j NFLOG` matched: what a listener to the group gets."""

    netns: str
    group: int
    prefix: str
    record: bytes  # as the listener gets it: netfilter/nflog.py


@dataclass(frozen=True, slots=True)
class TracedPacket:
    """What a packet that is followed is like. Linux: struct nlattr NFTA_TRACE_*"""

    family: int  # NFPROTO_*, also where the table is for several
    iif: int  # index; 0: it came from no device
    oif: int
    iiftype: int  # ARPHRD_*
    link: bytes  # the beginnings of its headers; empty where there is none
    network: bytes
    transport: bytes


@dataclass(frozen=True, slots=True)
class Traced:
    """A packet that is followed met a rule, or a policy, of an nft table."""

    netns: str
    family: int  # NFPROTO_*, of the table
    id: int  # of the packet
    packet: TracedPacket | None  # with the first that is told in a base chain
    table: str
    chain: str
    rule: object | None  # None: the policy
    verdict: str  # as nft writes it
    mark: int


@dataclass(frozen=True, slots=True)
class RulesetChanged:
    """A batch of changes to the tables of nftables holds."""

    netns: str
    generation: int
    changes: tuple[object, ...]  # as the front end has them
    program: str  # whose batch it was


Event = Printk | Dropped | Changed | Nflogged | Traced | RulesetChanged
Subscriber = Callable[[Event], None]


class EventSink:
    """Hands every event to every subscriber, in order."""

    __slots__ = ("_readers", "_subscribers")

    def __init__(self) -> None:
        self._subscribers: tuple[Subscriber, ...] = ()
        self._readers: tuple[Subscriber, ...] = ()  # of the kernel's log alone

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscribers)

    @property
    def is_log_read(self) -> bool:
        """Whether anybody reads the kernel's log: that costs nothing but its lines."""
        return bool(self._subscribers or self._readers)

    def read_log(self, reader: Subscriber) -> Callable[[], None]:
        """Start reading the lines of the kernel's log; the returned function stops it."""
        self._readers = (*self._readers, reader)

        def stop() -> None:
            self._readers = tuple(known for known in self._readers if known is not reader)

        return stop

    def fall_silent(self) -> None:
        """Tell nobody any more: what listens is another process's."""
        self._subscribers = self._readers = ()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Start listening; the returned function stops it."""
        self._subscribers = (*self._subscribers, subscriber)

        def stop() -> None:
            self._subscribers = tuple(known for known in self._subscribers if known is not subscriber)

        return stop

    def emit(self, event: Event) -> None:
        """Tell everybody."""
        for subscriber in self._subscribers:
            subscriber(event)
        if isinstance(event, Printk):
            for reader in self._readers:
                reader(event)
