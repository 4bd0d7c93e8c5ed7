"""FTP: the data of a transfer go over a connection of their own, agreed on in the first one.

Linux: net/netfilter/nf_conntrack_ftp.c, nf_nat_ftp.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.expectation import Expectation, Refusal
from pystack.netfilter.conntrack.helper import Helper, Policy, help_of
from pystack.netfilter.conntrack.helpers.ftp_words import PATTERNS, PATTERNS6, Kind, Numbers, Partial, search
from pystack.netfilter.conntrack.info import (
    IP_CT_ESTABLISHED,
    IP_CT_ESTABLISHED_REPLY,
    IPS_DST_NAT,
    IPS_SRC_NAT,
    direction,
)
from pystack.netfilter.conntrack.needs import ForHelpers, NatHelp
from pystack.netfilter.conntrack.tcp_segment import after, before, read
from pystack.netfilter.conntrack.tuples import Tuple
from pystack.netfilter.hooks import NFPROTO_IPV4
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.packet import Packet
from pystack.wire.ipv4 import IPPROTO_TCP

_MASK: Final = 0xFFFFFFFF
_REMEMBERED: Final = 2  # ends of lines. Linux: NUM_SEQ_TO_REMEMBER
_TRIES: Final = 128  # for a port. Linux: net/netfilter/nf_nat_helper.c nf_nat_exp_find_port()
_U16: Final = 0xFFFF


class FtpMemory:
    """Where lines of each direction begin. Linux: struct nf_ct_ftp_master"""

    __slots__ = ("line_starts", "picked_up")

    def __init__(self) -> None:
        self.line_starts: tuple[list[int], list[int]] = ([], [])
        self.picked_up = [False, False]  # nothing is known yet: the next segment counts as a line

    def begins_line(self, way: int, seq: int) -> bool:
        """Whether a line begins there, as far as is known. Linux: find_nl_seq()"""
        if seq in self.line_starts[way]:
            return True
        picked_up, self.picked_up[way] = self.picked_up[way], False
        return picked_up

    def note(self, way: int, seq: int) -> None:
        """A line begins there. Linux: update_nl_seq()"""
        known = self.line_starts[way]
        if seq in known:
            return
        if len(known) < _REMEMBERED:
            known.append(seq)
            return
        oldest = 0 if before(known[0], known[1]) else 1
        if after(seq, known[oldest]):
            known[oldest] = seq


class FtpHelper(Helper):
    """Linux: nf_conntrack_ftp.c"""

    name = "ftp"
    protocol = IPPROTO_TCP
    policy = Policy(most=1, timeout=300)

    def memory(self) -> FtpMemory:
        """Linux: nfct_help_data()"""
        return FtpMemory()

    def help(self, pkt: Packet, transport: int, conn: Conn, context: ForHelpers) -> int:
        """Linux: help()"""
        segment, help_ = read(pkt.data, transport), help_of(conn)
        if pkt.ctinfo not in (IP_CT_ESTABLISHED, IP_CT_ESTABLISHED_REPLY) or segment is None:
            return NF_ACCEPT
        assert help_ is not None, "who helps is known"
        assert isinstance(help_.memory, FtpMemory), "memory() made it"
        memory, way = help_.memory, direction(pkt.ctinfo)
        header = (pkt.data[transport + 12] >> 4) * 4
        data = bytes(pkt.data[transport + header :])
        if not data:
            return NF_ACCEPT
        verdict = NF_ACCEPT
        if memory.begins_line(way, segment.seq):
            found = search(data, (PATTERNS if conn.family == NFPROTO_IPV4 else PATTERNS6)[way])
            if isinstance(found, Partial):
                return self._drop(pkt, context, f"partial matching of `{found.word}'")
            if found is not None:
                verdict = self._agreed(pkt, transport, conn, context, *found)
        if data.endswith(b"\n"):
            memory.note(way, segment.seq + len(data) & _MASK)
        return verdict

    def _agreed(
        self, pkt: Packet, transport: int, conn: Conn, context: ForHelpers, kind: Kind, numbers: Numbers
    ) -> int:
        """They agreed on a connection in the other direction."""
        way = direction(pkt.ctinfo)
        mine, other = conn.tuple(way), conn.tuple(1 - way)
        if not numbers.means(mine.saddr, kind, is_ipv6=conn.family != NFPROTO_IPV4):
            return NF_ACCEPT  # an address of somebody else's: a hole for others
        flow = Tuple(other.family, IPPROTO_TCP, other.saddr, other.daddr, 0, numbers.port)
        expected = Expectation(conn, flow)
        if conn.status & (IPS_SRC_NAT | IPS_DST_NAT) and context.nat is not None:
            expected.follow = context.nat.follow_master
            return self._translated(pkt, transport, context, context.nat, expected, kind, numbers)
        if context.expect(expected) is not None:
            return self._drop(pkt, context, "cannot add expectation")
        return NF_ACCEPT

    def _translated(
        self,
        pkt: Packet,
        transport: int,
        context: ForHelpers,
        nat: NatHelp,
        expected: Expectation,
        kind: Kind,
        numbers: Numbers,
    ) -> int:
        """The other end is to be told an address that it can reach. Linux: nf_nat_ftp.c nf_nat_ftp()"""
        expected.saved_port = numbers.port
        expected.saved_direction = 1 - direction(pkt.ctinfo)
        if not _expect_somewhere(expected, context, nat):
            return self._drop(pkt, context, "all ports in use")
        flow = expected.tuple
        instead = kind.text(flow.daddr, flow.dport, is_ipv6=flow.family != NFPROTO_IPV4)
        if not nat.mangle_tcp(pkt, expected.master, transport, numbers.at, numbers.length, instead):
            return self._drop(pkt, context, "cannot mangle packet")
        return NF_ACCEPT

    def _drop(self, pkt: Packet, context: ForHelpers, why: str) -> int:
        """Linux: net/netfilter/nf_conntrack_helper.c nf_ct_helper_log()"""
        context.log_dropped(pkt, f"nf_ct_{self.name}: dropping packet: {why} ")
        return NF_DROP


def _expect_somewhere(expected: Expectation, context: ForHelpers, nat: NatHelp) -> bool:
    """At the port that was named, or another above it.

    Linux: net/netfilter/nf_nat_helper.c nf_nat_exp_find_port()
    """
    lowest = port = expected.tuple.dport
    room = _U16 - lowest
    for _ in range(min(room, _TRIES) + 1):
        expected.tuple = expected.tuple._replace(dport=port)
        refusal = context.expect(expected)
        if refusal is not Refusal.BUSY:
            return refusal is None
        port = lowest + nat.below(room)
    return False
