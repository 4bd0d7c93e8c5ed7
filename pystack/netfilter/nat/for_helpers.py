"""What the tracker's helpers get from NAT."""

from __future__ import annotations

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.expectation import Expectation
from pystack.netfilter.nat import sequence
from pystack.netfilter.nat.mangle import mangle_tcp
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC, NatRange
from pystack.netfilter.nat.setup import Nat
from pystack.packet import Packet
from pystack.rng import Rng


class ForHelpers:
    """A conntrack.needs.NatHelp."""

    def __init__(self, nat: Nat, rng: Rng) -> None:
        self._nat = nat
        self._rng = rng

    def mangle_tcp(
        self, pkt: Packet, conn: Conn, transport: int, at: int, length: int, instead: bytes
    ) -> bool:
        """Linux: nf_nat_mangle_tcp_packet()"""
        return mangle_tcp(pkt, conn, transport, at, length, instead)

    def follow_master(self, conn: Conn, expected: Expectation) -> None:
        """From where the master's answers go to, to where they come from.

        Linux: net/netfilter/nf_nat_helper.c nf_nat_follow_master()
        """
        answers = expected.master.tuple(1 - expected.saved_direction)
        self._nat.setup_info(conn, NatRange((answers.daddr, answers.daddr)), MANIP_SRC)
        port = expected.saved_port
        self._nat.setup_info(conn, NatRange((answers.saddr, answers.saddr), (port, port)), MANIP_DST)

    def adjust_sequence(self, pkt: Packet, conn: Conn, transport: int) -> bool:
        """Linux: nf_ct_seq_adjust()"""
        return sequence.adjust(pkt, conn, transport)

    def sequence_offset(self, conn: Conn, direction: int, seq: int) -> int:
        """Linux: nf_ct_seq_offset()"""
        return sequence.offset_at(conn, direction, seq)

    def below(self, limit: int) -> int:
        """Linux: get_random_u32_below()"""
        return self._rng.below(limit)
