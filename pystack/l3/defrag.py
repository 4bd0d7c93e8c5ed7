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
    FRAG_TOO_FAR,
    NOMEM,
    Drop,
    DropReason,
    Outcomes,
)
from pystack.l3.peers import Peers
from pystack.packet import Packet
from pystack.timers import Timer, Timers
from pystack.wire.ipv4 import IP_DF, IP_MF, IP_OFFSET, Ipv4Header, address_text, build

OVERHEAD: Final = 512  # what a waiting fragment is charged besides its octets
LONGEST: Final = 65535
ECN_MASK: Final = 3
ECN_CE: Final = 3


Key = tuple[int, int, int, int, int]  # addresses, identification, protocol, who reassembles


@dataclass(slots=True)
class FragSysctl:
    """net.ipv4.ipfrag_*"""

    ipfrag_time: int = 30
    ipfrag_high_thresh: int = 4 << 20
    ipfrag_low_thresh: int = 3 << 20
    ipfrag_max_dist: int = 64  # fragments of other datagrams that may come in between; 0: any number


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
        "seen",
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
        self.seen = 0  # how many fragments its sender had sent when the last one came
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
        index = bisect_right(runs, (start, LONGEST)) - 1
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
        peers: Peers,
        expired: Callable[[Packet], None],
        log: Callable[[str], None],
    ) -> None:
        self.sysctl = FragSysctl()
        self._clock = clock
        self._timers = timers
        self._drop = drop
        self._outcomes = outcomes
        self._snmp = snmp
        self._peers = peers
        self._log = log
        self._expired = expired  # tells the sender of a first fragment that the rest did not come
        self._datagrams: dict[Key, Datagram] = {}
        self.memory = 0
        self.queued = 0

    def ip_defrag(self, pkt: Packet, header: Ipv4Header, user: int) -> Packet | None:
        """The whole datagram if this fragment completes it; else the fragment was kept or dropped.

        Linux: net/ipv4/ip_fragment.c ip_defrag()
        """
        self._snmp.Ip.ReasmReqds += 1
        if not self.sysctl.ipfrag_high_thresh or self.memory > self.sysctl.ipfrag_high_thresh:
            self._snmp.Ip.ReasmFails += 1
            self._drop(pkt, NOMEM)
            return None
        key = (header.saddr, header.daddr, header.id, header.protocol, user)
        datagram = self._datagrams.get(key)
        if datagram is None:
            datagram = self._datagrams[key] = Datagram()
            self._arm(key, datagram)
        if self._is_too_far(datagram, header.saddr):
            self._begin_anew(key, datagram)
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

    def _arm(self, key: Key, datagram: Datagram) -> None:
        if datagram.timer is not None:
            datagram.timer.cancel()
        datagram.timer = self._timers.after(self.sysctl.ipfrag_time, lambda: self._expire(key))

    def _is_too_far(self, datagram: Datagram, sender: int) -> bool:
        """Whether so much of the same sender came in between that its identifications may have wrapped.

        Linux: net/ipv4/ip_fragment.c ip_frag_too_far()
        """
        most = self.sysctl.ipfrag_max_dist
        if not most:
            return False
        peer = self._peers.get(sender)
        peer.fragments += 1
        passed, datagram.seen = peer.fragments - datagram.seen, peer.fragments
        return bool(datagram.pieces) and passed > most

    def _begin_anew(self, key: Key, datagram: Datagram) -> None:
        """Linux: net/ipv4/ip_fragment.c ip_frag_reinit()"""
        self._snmp.Ip.ReasmFails += 1
        self._release(datagram)
        for _, piece in datagram.pieces.values():
            self._drop(piece, FRAG_TOO_FAR)
        datagram.pieces.clear()
        datagram.runs.clear()
        datagram.complete_at = None
        datagram.has_first = False
        datagram.meat = datagram.memory = datagram.ecn = 0
        self._arm(key, datagram)

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
        charge = end - start + OVERHEAD
        size = end - start + header.ihl
        datagram.pieces[start] = (end, pkt)
        datagram.has_first |= start == 0
        datagram.meat += end - start
        datagram.memory += charge
        datagram.largest = max(datagram.largest, size)
        if header.frag_off & IP_DF:
            datagram.largest_df = max(datagram.largest_df, size)
        datagram.ecn |= 1 << (header.tos & ECN_MASK)
        self.memory += charge
        self.queued += 1

    def _glue(self, key: Key, last: Packet, header: Ipv4Header) -> Packet | None:
        """Linux: net/ipv4/ip_fragment.c ip_frag_reasm()"""
        datagram = self._datagrams[key]
        first = datagram.pieces[0][1]
        length = (first.ip or header).ihl + datagram.meat
        is_mixed = datagram.ecn & 1 and datagram.ecn != 1  # some of it knows of ECN, some does not
        if is_mixed or length > LONGEST:
            if not is_mixed:
                self._log(f"IPv4: Oversized IP packet from {address_text(header.saddr)}")
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
        whole.frag_max = max(datagram.largest_df, datagram.largest)
        whole.frag_lengths = tuple(len(part) for part in parts)
        if datagram.ecn & 1 << ECN_CE and datagram.ecn != 1 << ECN_CE:
            whole.tos |= ECN_CE
        link_header = bytes(last.data[last.mac_header : last.network_header])
        last.data = bytearray(link_header + build(whole, datagram.meat) + b"".join(parts))
        last.shared = False
        last.mac_header = 0
        last.network_header = len(link_header)
        last.transport_header = last.network_header + whole.ihl
        last.ip = whole
        self._snmp.Ip.ReasmOKs += 1
        return last

    def _expire(self, key: Key) -> None:
        """Linux: net/ipv4/ip_fragment.c ip_expire()"""
        datagram = self._datagrams[key]
        self._snmp.Ip.ReasmTimeout += 1
        if datagram.has_first:
            self._expired(datagram.pieces[0][1])
        self._give_up(key, FRAG_REASM_TIMEOUT)

    def _give_up(self, key: Key, reason: DropReason) -> None:
        datagram = self._forget(key)
        self._snmp.Ip.ReasmFails += 1
        for _, piece in datagram.pieces.values():
            self._drop(piece, reason)

    def _forget(self, key: Key) -> Datagram:
        datagram = self._datagrams.pop(key)
        if datagram.timer is not None:
            datagram.timer.cancel()
        self._release(datagram)
        return datagram

    def _release(self, datagram: Datagram) -> None:
        self.memory -= datagram.memory
        self.queued -= len(datagram.pieces)

    def purge(self) -> None:
        """The namespace goes: nothing will be completed any more."""
        for key in list(self._datagrams):
            self._give_up(key, FRAG_REASM_TIMEOUT)
