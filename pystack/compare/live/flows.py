"""Which packets belong together: both directions of a flow, the errors about it, and what it is translated
to.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

from pystack.compare.points import framed
from pystack.compare.records import Hop
from pystack.netfilter.conntrack.tuples import inverted, of_whole
from pystack.wire import icmp, icmp6
from pystack.wire.ethernet import ETH_HLEN, ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6
from pystack.wire.ipv4 import IP_OFFSET, IPPROTO_ICMP
from pystack.wire.ipv6 import IPPROTO_ICMPV6, find_transport

T = TypeVar("T")

MOST: Final = 1 << 16  # flows that are told apart; the one that was silent for the longest time goes first
_IPV4: Final = ETH_P_IP.to_bytes(2, "big")
_PROTOCOL: Final = slice(9, 10)  # where it stands in an IPv4 header
_ICMP: Final = bytes((IPPROTO_ICMP,))
_ADDRESSES: Final = slice(12, 20)
_ADDRESSES6: Final = slice(8, 40)
_TAG_LENGTH: Final = 4


class Flows(Generic[T]):
    """Something for every flow, made when its first packet is seen."""

    def __init__(self, make: Callable[[Hop], T]) -> None:
        self._make = make
        self._by_key: OrderedDict[bytes, T] = OrderedDict()

    def of(self, hops: Sequence[Hop]) -> T:
        """What belongs to a packet, by all its hops: at the last one it may have been translated."""
        keys = list(_keys(hops))
        found = next((self._by_key[key] for key in keys if key in self._by_key), None)
        if found is None:
            found = self._make(hops[0])
        for key in keys:
            self._by_key[key] = found
            self._by_key.move_to_end(key)
        while len(self._by_key) > MOST:
            self._by_key.popitem(last=False)
        return found


def _keys(hops: Sequence[Hop]) -> Iterator[bytes]:
    first, last = _telling(hops), _telling(hops[::-1])
    yield first
    if last != first:
        yield last


def _telling(hops: Sequence[Hop]) -> bytes:
    """The key of the first that has one; the later fragments of a datagram have no ports."""
    frames = map(framed, hops)
    return key_of(next((frame for frame in frames if not _is_rest(frame)), framed(hops[0])))


def _is_rest(frame: bytes) -> bool:
    """Whether it is a later fragment of an IPv4 packet."""
    kind, offset = frame[ETH_HLEN - 2 : ETH_HLEN], frame[ETH_HLEN + 6 : ETH_HLEN + 8]
    return kind == _IPV4 and bool(int.from_bytes(offset, "big") & IP_OFFSET)


def key_of(frame: bytes) -> bytes:
    """The same for both directions of a flow, and for the errors about it."""
    kind, at = _network_of(frame)
    if kind in (ETH_P_IP, ETH_P_IPV6):
        quoted = error_at(frame)
        found = of_whole(frame, at if quoted is None else quoted, is_ipv6=kind == ETH_P_IPV6)
        if found is not None:
            return _both_ways(found)
    if kind == ETH_P_IP:
        return _pair(frame[at:][_ADDRESSES], frame[at:][_PROTOCOL])
    if kind == ETH_P_IPV6:
        return _pair(frame[at:][_ADDRESSES6], b"6")
    if kind == ETH_P_ARP:
        return _pair(frame[at + 14 : at + 18] + frame[at + 24 : at + 28], b"arp")
    return _pair(frame[:12], kind.to_bytes(2, "big"))


def tuple_of(frame: bytes) -> bytes | None:
    """How connection tracking knows a packet; None if it is no IP packet, or a later fragment."""
    kind = int.from_bytes(frame[ETH_HLEN - 2 : ETH_HLEN], "big")
    if kind not in (ETH_P_IP, ETH_P_IPV6):
        return None
    return of_whole(frame, ETH_HLEN, is_ipv6=kind == ETH_P_IPV6)


def error_at(frame: bytes) -> int | None:
    """Where the packet begins that an ICMP error quotes; None if this is none."""
    kind, at = _network_of(frame)
    if len(frame) <= at:
        return None
    if kind == ETH_P_IP:
        is_icmp, message = frame[at:][_PROTOCOL] == _ICMP, at + (frame[at] & 15) * 4
        is_error = is_icmp and len(frame) > message and frame[message] in icmp.ERROR_TYPES
        return message + icmp.HEADER_LENGTH if is_error else None
    found = find_transport(frame, at) if kind == ETH_P_IPV6 else None
    if found is None or found.protocol != IPPROTO_ICMPV6:
        return None
    is_error = len(frame) > found.offset and frame[found.offset] < icmp6.ERROR_LIMIT
    return found.offset + icmp6.HEADER_LENGTH if is_error else None


def _network_of(frame: bytes) -> tuple[int, int]:
    """What is in a frame, and where that begins."""
    at = ETH_HLEN
    kind = int.from_bytes(frame[at - 2 : at], "big")
    if kind != ETH_P_8021Q:
        return kind, at
    at += _TAG_LENGTH
    return int.from_bytes(frame[at - 2 : at], "big"), at


def _both_ways(key: bytes) -> bytes:
    answer = inverted(key)
    return key if answer is None else min(key, answer)


def _pair(ends: bytes, kind: bytes) -> bytes:
    half = len(ends) // 2
    return kind + b"".join(sorted((ends[:half], ends[half:])))
