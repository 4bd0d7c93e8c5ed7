"""`-m set` and the keys of packets in sets; `-j SET` takes these too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.ipset import DIMENSIONS, HASH_IP, HASH_NET, Element, IpSet, Key, Settings, network_of
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6, NEXTHDR_NONE, Ipv6Header, find_upper

_IPPROTO_SCTP: Final = 132
_IPPROTO_UDPLITE: Final = 136
_LENGTHS: Final = {  # of headers, which have to be there whole
    IPPROTO_ICMP: 8,
    IPPROTO_TCP: 20,
    IPPROTO_UDP: 8,
    IPPROTO_ICMPV6: 8,
    _IPPROTO_SCTP: 12,
    _IPPROTO_UDPLITE: 8,
}
_ICMPS: Final = frozenset({IPPROTO_ICMP, IPPROTO_ICMPV6})

Ends = tuple[bool, ...]  # for each dimension, whether the packet's source is meant


def key_of(view: View, settings: Settings, ends: Ends) -> Key | None:
    """Under what a packet would stand in a set; None if it cannot. Linux: .kadt of the set's type"""
    if len(ends) < DIMENSIONS[settings.kind]:
        return None
    address = view.saddr if ends[0] else view.daddr
    if settings.kind == HASH_NET:
        return address, settings.bits
    if settings.kind == HASH_IP:
        length = settings.bits if settings.prefix is None else settings.prefix
        network = network_of(address, length, settings.bits)
        return (network,) if network else None
    service = _service(view, from_source=ends[1])
    return None if service is None else (address, *service)


def key_to_store(view: View, ipset: IpSet, ends: Ends) -> Key | None:
    """The same, for a packet's own element: of networks the smallest size that the set has.

    Linux: ip_set_hash_net.c hash_net4_kadt()
    """
    key, bits = key_of(view, ipset.settings, ends), ipset.settings.bits
    if key is None or ipset.settings.kind != HASH_NET:
        return key
    length = max(ipset.body.lengths, default=bits)
    return network_of(key[0], length, bits), length


def _service(view: View, *, from_source: bool) -> tuple[int, int] | None:
    """Protocol and port. Linux: net/netfilter/ipset/ip_set_getport.c get_port()"""
    protocol, at = view.protocol, view.transport
    if isinstance(view.header, Ipv6Header):
        upper = find_upper(view.pkt.data, view.pkt.network_header)
        if upper is None or upper.fragment or upper.protocol == NEXTHDR_NONE:
            return None
        protocol, at = upper.protocol, upper.offset
    length = _LENGTHS.get(protocol)
    if length is None:
        return (protocol, 0) if protocol else None
    header = bytes(view.pkt.data[at : at + length])
    if view.fragment or len(header) < length:
        return None
    start = 0 if from_source or protocol in _ICMPS else 2
    return protocol, header[start] << 8 | header[start + 1]


@dataclass(frozen=True, slots=True)
class CounterTest:
    """`--packets-gt 5`: eq, ne, lt or gt."""

    sign: str
    value: int

    def holds(self, number: int) -> bool:
        """Linux: ip_set_core.c ip_set_match_counter()"""
        return {
            "eq": number == self.value,
            "ne": number != self.value,
            "lt": number < self.value,
            "gt": number > self.value,
        }[self.sign]


@dataclass(frozen=True, slots=True)
class InSet(Match):
    """Whether an address of the packet, or an address and a port, is in a set."""

    ipset: IpSet
    ends: Ends
    inverted: bool = False
    excluded_instead: bool = False  # --return-nomatch: matches what an element excludes
    counts: bool = True
    packets: CounterTest | None = None
    octets: CounterTest | None = None

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_set.c set_match_v4(), ip_set_core.c ip_set_test()"""
        return self._is_in(view) != self.inverted

    @property
    def ipsets(self) -> tuple[IpSet, ...]:
        """The one that it asks."""
        return (self.ipset,)

    def _is_in(self, view: View) -> bool:
        settings = self.ipset.settings
        key = key_of(view, settings, self.ends)
        if key is None:
            return False
        wants_excluded = self.excluded_instead and settings.kind == HASH_NET
        for element in self.ipset.candidates(key):
            if self._holds(element, view):
                return element.excludes == wants_excluded
        return False

    def _holds(self, element: Element, view: View) -> bool:
        """Whether its counters are as asked for. Linux: ip_set_core.c ip_set_match_extensions()"""
        if not self.ipset.settings.counters:
            return True
        if self.counts:
            element.packets += 1
            element.octets += view.length
        if self.packets is not None and not self.packets.holds(element.packets):
            return False
        return self.octets is None or self.octets.holds(element.octets)
