"""The kernel's hops, gathered into packets: one is complete once nothing more was heard of it for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pystack.compare.points import framed
from pystack.compare.records import Hop
from pystack.compare.refusals import datagram_key
from pystack.wire import ipv6
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP, ETH_P_IPV6

ENTRY: Final = ("netdev", "INGRESS")
SETTLED: Final = 0.1  # seconds without another hop
_IPV4: Final = ETH_P_IP.to_bytes(2, "big")
_IPV6: Final = ETH_P_IPV6.to_bytes(2, "big")
_HEADER: Final = 20
_FRAGMENT_BITS: Final = 0x3FFF  # more fragments, and the offset
_MOST_LATE: Final = 4096  # packets whose latecomers are still told from new ones

T = TypeVar("T")


@dataclass(slots=True)
class Passing:
    """One packet on its way through the kernel."""

    began: float  # when its first hop was read
    heard: float  # and its last
    hops: list[Hop] = field(default_factory=list)
    spoilt: str = ""  # why it cannot be compared: some of its hops may be missing
    at: float = 0.0  # when it began, as far as can be told: reports may wait long until they are read

    @property
    def first(self) -> Hop:
        """Where it was first seen."""
        return self.hops[0]

    @property
    def beginnings(self) -> list[Hop]:
        """Where it enters; of fragments each does."""
        return [hop for hop in self.hops if (hop.family, hop.hook) == ENTRY] or [self.hops[0]]


class Passings:
    """In the order in which they began. All fragments of a datagram are one: hooks see them as a whole."""

    def __init__(self) -> None:
        self._open: dict[int, Passing] = {}
        self._done: dict[int, None] = {}
        self._leaders: dict[int, int] = {}  # of packets that are a later fragment: the first one
        self._datagrams: dict[bytes, int] = {}  # the first fragment of each
        self.late = 0  # hops of packets that were taken for complete
        self._read = 0.0  # when was read last

    def add(self, hops: Sequence[Hop], now: float) -> None:
        """What was read just now: it passed by one after the other since something was read last."""
        since, self._read = self._read, now
        for count, hop in enumerate(hops, start=1):
            number = self._leader(hop)
            passing = self._open.get(number)
            if passing is None:
                if number in self._done:
                    self.late += 1
                    continue
                at = since + (now - since) * count / len(hops)
                passing = self._open[number] = Passing(now, now, at=at)
            passing.hops.append(hop)
            passing.heard = now

    def spoil(self, why: str) -> None:
        """Nothing that is on its way can be compared."""
        for passing in self._open.values():
            passing.spoilt = why

    def _leader(self, hop: Hop) -> int:
        known = self._leaders.get(hop.packet)
        if known is not None:
            return known
        datagram = fragment_of(framed(hop))
        if not datagram:
            return hop.packet
        leader = self._datagrams.get(datagram)
        if leader is None or leader in self._done:
            leader = self._datagrams[datagram] = hop.packet
        self._leaders[hop.packet] = leader
        _forget_eldest(self._leaders)
        _forget_eldest(self._datagrams)
        return leader

    def settled(self, now: float) -> Iterator[Passing]:
        """Those that are complete, as far as none that began earlier is not."""
        while self._open:
            number, passing = next(iter(self._open.items()))
            if passing.heard > now - SETTLED:
                return
            yield self._close(number)

    def rest(self) -> Iterator[Passing]:
        """All others, complete or not."""
        while self._open:
            yield self._close(next(iter(self._open)))

    def _close(self, number: int) -> Passing:
        self._done[number] = None
        _forget_eldest(self._done)
        return self._open.pop(number)

    def __len__(self) -> int:
        return len(self._open)


def _forget_eldest(known: dict[T, Any]) -> None:
    if len(known) > _MOST_LATE:
        del known[next(iter(known))]


def fragment_of(frame: bytes) -> bytes:
    """Of which datagram it is a piece: addresses, protocol and identification; nothing if it is whole."""
    packet = frame[ETH_HLEN:]
    if frame[ETH_HLEN - 2 : ETH_HLEN] == _IPV6:
        return _fragment_of_ipv6(packet)
    if frame[ETH_HLEN - 2 : ETH_HLEN] != _IPV4 or len(packet) < _HEADER:
        return b""
    if not int.from_bytes(packet[6:8], "big") & _FRAGMENT_BITS:
        return b""
    return datagram_key(packet)


def _fragment_of_ipv6(packet: bytes) -> bytes:
    """Addresses and identification; whichever header comes next says nothing more."""
    if len(packet) < ipv6.HEADER_LENGTH:
        return b""
    found = ipv6.find_header(packet, 0, ipv6.NEXTHDR_FRAGMENT)
    if not isinstance(found, ipv6.Found):
        return b""
    return packet[8:40] + packet[found.offset + 4 : found.offset + 8]
