"""Putting IPv6 fragments together (RFC 8200 4.5) where connections are tracked: nobody else here asks for it.

    | IPv6 header, options ... | fragment header | a piece |      what stands in front of the fragment header
    | as in the first fragment                   | pieces  |      comes from the first fragment

Linux: net/ipv6/netfilter/nf_conntrack_reasm.c
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.drop import (
    DUP_FRAG,
    FRAG_CORRUPT,
    FRAG_OVERLAP,
    FRAG_REASM_TIMEOUT,
    Drop,
    DropReason,
    Outcomes,
)
from pystack.l3.defrag import ECN_CE, ECN_MASK, LONGEST, OVERHEAD, Datagram
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP, NF_STOLEN
from pystack.packet import Packet
from pystack.sysctl import Knob, Sysctls
from pystack.timers import Timers
from pystack.wire import icmp6, tcp, udp
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import (
    EXTENSION_HEADERS,
    HEADER_LENGTH,
    IP6_MF,
    IP6_OFFSET,
    IPPROTO_ICMPV6,
    NEXTHDR_FRAGMENT,
    NEXTHDR_NONE,
    Ipv6Header,
    extension_length,
    is_multicast,
    skip_extensions,
)

_FRAGMENT_LENGTH: Final = 8
_NEXT_AT: Final = 6  # where the IPv6 header says what follows it
_LENGTH_AT: Final = 4
_LINK_LOCAL: Final = 0xFE80 >> 6  # fe80::/10
_UPPER: Final = {
    IPPROTO_TCP: tcp.HEADER_LENGTH,
    IPPROTO_UDP: udp.HEADER_LENGTH,
    IPPROTO_ICMPV6: icmp6.HEADER_LENGTH,
}

Key = tuple[int, int, bytes, int, int]  # addresses, identification, who reassembles, device


@dataclass(slots=True)
class Frag6Sysctl:
    """net.netfilter.nf_conntrack_frag6_*"""

    timeout: int = 60
    high_thresh: int = 4 << 20
    low_thresh: int = 3 << 20


@dataclass(frozen=True, slots=True)
class _Fragment:
    """One fragment's header, and where it stands."""

    at: int  # octets into the packet's data
    named_at: int  # where the header in front says that it follows
    offset: int
    is_last: bool
    identification: bytes


class Ipv6Defrag:
    """A conntrack.Defrag6."""

    def __init__(self, *, timers: Timers, drop: Drop, outcomes: Outcomes) -> None:
        self.sysctl = Frag6Sysctl()
        self._timers = timers
        self._drop = drop
        self._outcomes = outcomes
        self._datagrams: dict[Key, Datagram] = {}
        self.memory = 0
        self.queued = 0

    def bind(self, sysctls: Sysctls) -> None:
        """Give its sysctls their names."""
        for name in ("timeout", "high_thresh", "low_thresh"):
            sysctls.bind(("net", "netfilter", f"nf_conntrack_frag6_{name}"), Knob(self.sysctl, name))

    def gather(self, pkt: Packet, user: int) -> int:
        """A fragment that completes its datagram is that datagram from then on; one that is kept is stolen.

        Linux: nf_ct_frag6_gather()
        """
        header = pkt.ip6
        if header is None or not header.payload_len:
            return NF_ACCEPT
        fragment = _fragment_of(pkt)
        if fragment is None or _is_cut_off(pkt, fragment):
            return NF_ACCEPT
        if not self.sysctl.high_thresh or self.memory > self.sysctl.high_thresh:
            return NF_DROP
        device = pkt.dev.ifindex if _is_of_a_link(header.daddr) else 0
        key = (header.saddr, header.daddr, fragment.identification, user, device)
        return self._queue(key, pkt, header, fragment)

    def _queue(self, key: Key, pkt: Packet, header: Ipv6Header, fragment: _Fragment) -> int:
        """Linux: nf_ct_frag6_queue()"""
        start = fragment.offset
        begins = fragment.at + _FRAGMENT_LENGTH
        end = start + pkt.network_header + header.tot_len - begins
        if end > LONGEST:
            return NF_DROP
        datagram = self._datagrams.get(key)
        if datagram is None:
            datagram = self._datagrams[key] = Datagram()
            datagram.timer = self._timers.after(self.sysctl.timeout, lambda: self._expire(key))
        if not fragment.is_last and end & 7:  # RFC: tell the sender; Linux lets it go on as it is
            self._give_up(key, FRAG_CORRUPT)
            return NF_ACCEPT
        if _contradicts(datagram, fragment, end) or end == start:
            return NF_DROP
        reason = datagram.place(start, end)
        if reason is DUP_FRAG:
            self._drop(pkt, reason)
            return NF_STOLEN
        if reason is not None:
            self._give_up(key, FRAG_OVERLAP)
            return NF_DROP
        pkt.transport_header = begins
        self._keep(datagram, pkt, header, start, end)
        if datagram.has_first and datagram.meat == datagram.complete_at:
            return self._glue(key, pkt, fragment)
        return NF_STOLEN

    def _keep(self, datagram: Datagram, pkt: Packet, header: Ipv6Header, start: int, end: int) -> None:
        charge = end - start + OVERHEAD
        datagram.pieces[start] = (end, pkt)
        datagram.has_first |= start == 0
        datagram.meat += end - start
        datagram.memory += charge
        datagram.largest = max(datagram.largest, header.tot_len)
        datagram.ecn |= 1 << (header.tos & ECN_MASK)
        self.memory += charge
        self.queued += 1

    def _glue(self, key: Key, last: Packet, fragment: _Fragment) -> int:
        """Linux: nf_ct_frag6_reasm()"""
        datagram = self._forget(key)
        first = datagram.pieces[0][1]
        first_fragment = _fragment_of(first)
        header = first.ip6
        assert first_fragment is not None, "it was kept as a fragment"
        assert header is not None, "nor without its header"
        front = bytearray(first.data[: first_fragment.at])
        length = len(front) - first.network_header - HEADER_LENGTH + datagram.meat
        if (datagram.ecn & 1 and datagram.ecn != 1) or length > LONGEST:
            self._drop_all(datagram, FRAG_CORRUPT)
            return NF_STOLEN
        parts = []
        for start, (end, piece) in sorted(datagram.pieces.items(), key=lambda entry: entry[0]):
            begin = piece.transport_header
            parts.append(bytes(piece.data[begin : begin + end - start]))
        self._outcomes.merged += len(parts) - 1
        at = first.network_header
        front[first_fragment.named_at] = first.data[first_fragment.at]
        front[at + _LENGTH_AT : at + _LENGTH_AT + 2] = length.to_bytes(2, "big")
        whole = header.copy()
        whole.payload_len, whole.next_header = length, front[at + _NEXT_AT]
        whole.frag_max = datagram.largest
        whole.frag_lengths = tuple(len(part) for part in parts)
        if datagram.ecn & 1 << ECN_CE and datagram.ecn != 1 << ECN_CE:
            whole.tos |= ECN_CE
            front[at + 1] |= ECN_CE << 4
        last.data, last.shared = front + b"".join(parts), False
        last.mac_header, last.network_header = first.mac_header, at
        last.transport_header = at + HEADER_LENGTH
        last.ip6 = whole
        return NF_ACCEPT

    def _expire(self, key: Key) -> None:
        """There is no way to tell the sender. Linux: ip6frag_expire_frag_queue()"""
        self._give_up(key, FRAG_REASM_TIMEOUT)

    def _give_up(self, key: Key, reason: DropReason) -> None:
        self._drop_all(self._forget(key), reason)

    def _drop_all(self, datagram: Datagram, reason: DropReason) -> None:
        for _, piece in datagram.pieces.values():
            self._drop(piece, reason)

    def _forget(self, key: Key) -> Datagram:
        datagram = self._datagrams.pop(key)
        if datagram.timer is not None:
            datagram.timer.cancel()
        self.memory -= datagram.memory
        self.queued -= len(datagram.pieces)
        return datagram

    def purge(self) -> None:
        """The namespace goes: nothing will be completed any more."""
        for key in list(self._datagrams):
            self._give_up(key, FRAG_REASM_TIMEOUT)


def _fragment_of(pkt: Packet) -> _Fragment | None:
    """The fragment header, if there is one and it is whole. Linux: find_prev_fhdr()"""
    data, named_at = pkt.data, pkt.network_header + _NEXT_AT
    at, kind = pkt.network_header + HEADER_LENGTH, data[named_at]
    while kind != NEXTHDR_FRAGMENT:
        if kind not in EXTENSION_HEADERS or kind == NEXTHDR_NONE or len(data) - at < 2:
            return None
        named_at, kind, at = at, data[at], at + extension_length(data, kind, at)
    if len(data) - at < _FRAGMENT_LENGTH:
        return None
    field = int.from_bytes(data[at + 2 : at + 4], "big")
    return _Fragment(at, named_at, field & IP6_OFFSET, not field & IP6_MF, bytes(data[at + 4 : at + 8]))


def _is_cut_off(pkt: Packet, fragment: _Fragment) -> bool:
    """Whether a first fragment does not hold all headers (RFC 8200 4.5). Linux: ipv6frag_thdr_truncated()"""
    found = skip_extensions(pkt.data, NEXTHDR_FRAGMENT, fragment.at)
    if found is None or found.fragment:
        return False
    return found.offset + _UPPER.get(found.protocol, 1) > len(pkt.data)


def _contradicts(datagram: Datagram, fragment: _Fragment, end: int) -> bool:
    """Whether fragments do not agree about how long the whole is; the last one says it."""
    if not fragment.is_last:
        return datagram.complete_at is not None and end > datagram.complete_at
    if end < datagram.end or datagram.complete_at not in (None, end):
        return True
    datagram.complete_at = end
    return False


def _is_of_a_link(address: int) -> bool:
    """Whether it means something else on every link."""
    return is_multicast(address) or address >> 118 == _LINK_LOCAL
