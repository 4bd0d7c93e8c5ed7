"""Which packet a hop of the kernel's belongs to: the kernel does not say, so it is told by what it carries.

A number counts from 1 in the order in which packets were first seen. What enters by a port is a new packet,
and so is what nobody has seen before. A packet keeps its number through what changes on its way: link header,
TTL, TOS, addresses and ports (NAT), and through fragmenting and reassembly.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final, TypeVar

from pystack.wire import icmp6, ipv6
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6
from pystack.wire.icmp import ICMP_DEST_UNREACH, ICMP_PARAMETERPROB, ICMP_REDIRECT, ICMP_TIME_EXCEEDED
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

MIN_HEADER: Final = 20
FRAGMENT_BITS: Final = 0x3FFF  # more fragments, and the offset
ICMP_ERRORS: Final = (ICMP_DEST_UNREACH, ICMP_REDIRECT, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB)

Core = tuple[object, ...]
T = TypeVar("T")


class PacketNumbers:
    """The numbers of one scenario."""

    def __init__(self, *, remembered: int = 0) -> None:
        self.last = 0
        self._remembered = remembered  # how much is kept of each kind; 0: everything
        self._exact: dict[bytes, int] = {}  # by the bytes from the network header on
        self._cores: dict[Core, int] = {}  # by what NAT and routing keep
        self._wholes: dict[bytes, int] = {}  # by source, destination, id and protocol
        self._fragments: dict[bytes, int] = {}  # likewise
        self._began: dict[tuple[int, int], None] = {}

    def of(self, protocol: int, data: bytes, *, entered: bool = False, origin: int = 0) -> int:
        """The number of a packet that was seen, `data` being its bytes from the network header on.

        `entered`: it comes in by a port just now. `origin`: a number for the place if packets begin their
        way there (a local process sends): the same bytes there once more are another packet.
        """
        number = 0 if entered else self._exact.get(data, 0)
        if number and not origin:
            return number
        core, datagram, is_fragment = _core(protocol, data)
        if not entered:
            elsewhere = self._wholes if is_fragment else self._fragments
            number = number or self._cores.get(core, 0) or elsewhere.get(datagram, 0)
        if origin and (number, origin) in self._began:
            number = 0
        if not number:
            number = self.last = self.last + 1
        if origin:
            self._began[number, origin] = None
        self._exact[data] = self._cores[core] = number
        if datagram:
            (self._fragments if is_fragment else self._wholes)[datagram] = number
        if self._remembered and len(self._exact) > self._remembered:
            self._forget()
        return number

    def _forget(self) -> None:
        """The older half of each: what is met again so late is another packet."""
        _halve(self._exact)
        _halve(self._cores)
        _halve(self._wholes)
        _halve(self._fragments)
        _halve(self._began)


def _halve(known: dict[T, Any]) -> None:
    for key in list(islice(known, len(known) // 2)):
        del known[key]


def _core(protocol: int, data: bytes) -> tuple[Core, bytes, bool]:
    """What of a packet stays the same on its way, which datagram it belongs to, and whether as a fragment."""
    if protocol == ETH_P_IPV6 and len(data) >= ipv6.HEADER_LENGTH:
        return _core_of_ipv6(data)
    if protocol != ETH_P_IP or len(data) < MIN_HEADER:
        return (protocol, data), b"", False
    at = max((data[0] & 15) * 4, MIN_HEADER)
    kind = data[9]
    datagram = data[4:6] + data[9:10] + data[12:20]
    if int.from_bytes(data[6:8], "big") & FRAGMENT_BITS:
        return (kind, data[2:8], data[at:]), datagram, True
    return _core_of_whole(data, kind, at), datagram, False


def _core_of_ipv6(data: bytes) -> tuple[Core, bytes, bool]:
    """What was put together tells no more which fragments it was, so both are known by their ends."""
    ends = b"6" + data[8:40]
    if isinstance(ipv6.find_header(data, 0, ipv6.NEXTHDR_FRAGMENT), ipv6.Found):
        return (ETH_P_IPV6, data[4:6], data[40:]), ends, True
    found = ipv6.find_transport(data, 0)
    if found is None:
        return (ETH_P_IPV6, data[4:6], data[40:]), ends, False
    kind, at = found.protocol, found.offset
    head = (ETH_P_IPV6, kind, data[4:6])
    if kind == ipv6.IPPROTO_ICMPV6:
        is_error = data[at : at + 1] < bytes((icmp6.ERROR_LIMIT,))
        return (*head, data[at : at + 2], b"" if is_error else data[at + 6 :]), ends, False
    if kind == IPPROTO_TCP:
        return (*head, data[at + 4 : at + 16], data[at + 18 :]), ends, False
    return (*head, data[at + 8 if kind == IPPROTO_UDP else at :]), ends, False


def _core_of_whole(data: bytes, kind: int, at: int) -> Core:
    head = (kind, data[2:6])  # length and id
    if kind == IPPROTO_ICMP:
        if data[at : at + 1] and data[at] in ICMP_ERRORS:
            return (*head, data[at : at + 2])  # NAT rewrites the packet inside, too
        return (*head, data[at : at + 2], data[at + 6 :])
    if kind == IPPROTO_TCP:
        return (*head, data[at + 4 : at + 16], data[at + 18 :])
    if kind == IPPROTO_UDP:
        return (*head, data[at + 8 :])
    return (*head, data[at:])
