"""Putting IPv4 fragments together again (RFC 815), with Linux's limits and its way with overlaps.

Fragments that overlap make the whole datagram void (RFC 5722 for IPv6, and Linux for both); an exact
repetition of
something already here is only dropped itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.clock import Clock
from pystack.counters import Snmp
from pystack.drop import (
    DUP_FRAG,
    FRAG_CORRUPT,
    FRAG_OVERLAP,
    FRAG_REASM_TIMEOUT,
    NOMEM,
    Drop,
    DropReason,
    Outcomes,
)
from pystack.packet import Packet
from pystack.timers import Timer, Timers
from pystack.wire.ipv4 import IP_DF, IP_MF, IP_OFFSET, Ipv4Header, build

_OVERHEAD: Final = 512  # what a waiting fragment is charged besides its octets
_LONGEST: Final = 65535
_ECN_MASK: Final = 3
_ECN_CE: Final = 3


@dataclass(slots=True)
class FragSysctl:
    """net.ipv4.ipfrag_*"""

    ipfrag_time: int = 30
    ipfrag_high_thresh: int = 4 << 20
    ipfrag_low_thresh: int = 3 << 20


class Datagram:
    """One datagram in the making. Linux: net/ipv4/ip_fragment.c struct ipq"""

    __slots__ = (
        "complete_at",
        "ecn",
        "has_first",
        "largest",
        "largest_df",
        "meat",
        "memory",
        "pieces",
        "runs",
        "timer",
    )

    def __init__(self) -> None:
        self.pieces: dict[int, tuple[int, Packet]] = {}  # offset -> (end, fragment)
        self.runs: list[tuple[int, int]] = []  # stretches that came in one go, by start
        self.complete_at: int | None = None  # the length, once the last fragment is here
        self.has_first = False
        self.meat = 0
        self.memory = 0
        self.largest = 0
        self.largest_df = 0
        self.ecn = 0  # which codepoints were seen, a bit each
        self.timer: Timer | None = None

    @property
    def end(self) -> int:
        """How far the fragments reach."""
        return self.runs[-1][1] if self.runs else 0

    def place(self, start: int, end: int) -> DropReason | None:
        """Note a stretch, or say why it cannot be.

        Linux: net/ipv4/inet_fragment.c inet_frag_queue_insert()
        """
        runs = self.runs
        if not runs or end > runs[-1][1]:
            if runs and start < runs[-1][1]:
                return FRAG_OVERLAP
            if runs and start == runs[-1][1]:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((start, end))
            return None
        index = bisect_right(runs, (start, _LONGEST)) - 1
        if index >= 0 and start < runs[index][1]:
            return DUP_FRAG if end <= runs[index][1] else FRAG_OVERLAP
        if index + 1 < len(runs) and end > runs[index + 1][0]:
            return FRAG_OVERLAP
        runs.insert(index + 1, (start, end))
        return None


class Defrag:
    """Linux: net/ipv4/ip_fragment.c"""

    def __init__(
        self,
        *,
        clock: Clock,
        timers: Timers,
        drop: Drop,
        outcomes: Outcomes,
        snmp: Snmp,
        expired: Callable[[Packet], None],
    ) -> None:
        self.sysctl = FragSysctl()
        self._clock = clock
        self._timers = timers
        self._drop = drop
        self._outcomes = outcomes
        self._snmp = snmp
        self._expired = expired  # tells the sender of a first fragment that the rest did not come
        self._datagrams: dict[tuple[int, int, int, int, int], Datagram] = {}
        self.memory = 0
        self.queued = 0

    def ip_defrag(self, pkt: Packet, header: Ipv4Header, user: int) -> Packet | None:
        """The whole datagram if this fragment completes it; else the fragment was kept or dropped.

        Linux differs: it also gives up a datagram when too many fragments of its sender passed meanwhile
        (ipfrag_max_dist).
        Linux: net/ipv4/ip_fragment.c ip_defrag()
        """
        self._snmp.Ip.ReasmReqds += 1
        key = (header.saddr, header.daddr, header.id, header.protocol, user)
        datagram = self._datagrams.get(key)
        if datagram is None:
            if self.memory > self.sysctl.ipfrag_high_thresh:
                self._snmp.Ip.ReasmFails += 1
                self._drop(pkt, NOMEM)
                return None
            datagram = self._datagrams[key] = Datagram()
            datagram.timer = self._timers.after(self.sysctl.ipfrag_time, lambda: self._expire(key))
        reason = self._add(datagram, pkt, header)
        if reason is DUP_FRAG:
            self._drop(pkt, reason)
            return None
        if reason is not None:
            self._drop(pkt, reason)
            self._give_up(key, reason)
            return None
        if datagram.has_first and datagram.meat == datagram.complete_at:
            return self._glue(key, pkt, header)
        return None

    def _add(self, datagram: Datagram, pkt: Packet, header: Ipv4Header) -> DropReason | None:
        """Linux: net/ipv4/ip_fragment.c ip_frag_queue()"""
        start = (header.frag_off & IP_OFFSET) * 8
        end = start + header.tot_len - header.ihl
        if not header.frag_off & IP_MF:
            if end < datagram.end or datagram.complete_at not in (None, end):
                return FRAG_CORRUPT
            datagram.complete_at = end
        else:
            end &= ~7
            if datagram.complete_at is not None and end > datagram.complete_at:
                return FRAG_CORRUPT
        if end == start:
            return FRAG_CORRUPT
        reason = datagram.place(start, end)
        if reason is not None:
            self._snmp.IpExt.ReasmOverlaps += reason is FRAG_OVERLAP
            return reason
        self._keep(datagram, pkt, header, start, end)
        return None

    def _keep(self, datagram: Datagram, pkt: Packet, header: Ipv4Header, start: int, end: int) -> None:
        charge = end - start + _OVERHEAD
        size = end - start + header.ihl
        datagram.pieces[start] = (end, pkt)
        datagram.has_first |= start == 0
        datagram.meat += end - start
        datagram.memory += charge
        datagram.largest = max(datagram.largest, size)
        if header.frag_off & IP_DF:
            datagram.largest_df = max(datagram.largest_df, size)
        datagram.ecn |= 1 << (header.tos & _ECN_MASK)
        self.memory += charge
        self.queued += 1

    def _glue(self, key: tuple[int, int, int, int, int], last: Packet, header: Ipv4Header) -> Packet | None:
        """Linux: net/ipv4/ip_fragment.c ip_frag_reasm()"""
        datagram = self._datagrams[key]
        first = datagram.pieces[0][1]
        length = (first.ip or header).ihl + datagram.meat
        if (datagram.ecn & 1 and datagram.ecn != 1) or length > _LONGEST:
            self._give_up(key, FRAG_CORRUPT)
            return None
        parts = []
        for start, (end, piece) in sorted(datagram.pieces.items(), key=lambda entry: entry[0]):
            begin = piece.transport_header
            parts.append(bytes(piece.data[begin : begin + end - start]))
        self._forget(key)
        self._outcomes.merged += len(parts) - 1
        whole = (first.ip or header).copy()
        whole.frag_off = IP_DF if datagram.largest_df == datagram.largest else 0
        if datagram.ecn & 1 << _ECN_CE and datagram.ecn != 1 << _ECN_CE:
            whole.tos |= _ECN_CE
        link_header = bytes(last.data[last.mac_header : last.network_header])
        last.data = bytearray(link_header + build(whole, datagram.meat) + b"".join(parts))
        last.shared = False
        last.mac_header = 0
        last.network_header = len(link_header)
        last.transport_header = last.network_header + whole.ihl
        last.ip = whole
        self._snmp.Ip.ReasmOKs += 1
        return last

    def _expire(self, key: tuple[int, int, int, int, int]) -> None:
        """Linux: net/ipv4/ip_fragment.c ip_expire()"""
        datagram = self._datagrams[key]
        self._snmp.Ip.ReasmTimeout += 1
        if datagram.has_first:
            self._expired(datagram.pieces[0][1])
        self._give_up(key, FRAG_REASM_TIMEOUT)

    def _give_up(self, key: tuple[int, int, int, int, int], reason: DropReason) -> None:
        datagram = self._forget(key)
        self._snmp.Ip.ReasmFails += 1
        for _, piece in datagram.pieces.values():
            self._drop(piece, reason)

    def _forget(self, key: tuple[int, int, int, int, int]) -> Datagram:
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
