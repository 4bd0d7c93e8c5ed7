"""What the tracker asks of NAT, which is built on top of it, and helpers of the tracker."""

from __future__ import annotations

from typing import Protocol

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.expectation import Expectation, Refusal
from pystack.packet import Packet


class NatHelp(Protocol):
    """What helpers need where addresses are translated."""

    def mangle_tcp(
        self, pkt: Packet, conn: Conn, transport: int, at: int, length: int, instead: bytes
    ) -> bool:
        """Put other octets into a segment, `at` its payload's octet; sums, lengths and later sequence numbers
        follow. Linux: net/netfilter/nf_nat_helper.c nf_nat_mangle_tcp_packet()
        """

    def follow_master(self, conn: Conn, expected: Expectation) -> None:
        """Translate a connection as the one on which it was agreed. Linux: nf_nat_follow_master()"""

    def adjust_sequence(self, pkt: Packet, conn: Conn, transport: int) -> bool:
        """Count a segment's numbers as if nothing had been inserted; whether that was possible.

        Linux: net/netfilter/nf_conntrack_seqadj.c nf_ct_seq_adjust()
        """

    def sequence_offset(self, conn: Conn, direction: int, seq: int) -> int:
        """By how much the numbers of one direction are moved there. Linux: nf_ct_seq_offset()"""

    def below(self, limit: int) -> int:
        """A random number. Linux: prandom_u32_max()"""


class ForHelpers(Protocol):
    """The tracker, as helpers see it."""

    nat: NatHelp | None  # while addresses are translated

    def expect(self, expected: Expectation) -> Refusal | None:
        """Expect a connection, or say why not."""

    def log_dropped(self, pkt: Packet, prefix: str) -> None:
        """Write down that a packet was dropped."""
