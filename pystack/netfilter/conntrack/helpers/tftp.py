"""TFTP: the server answers a request from a port of its own choice.

Linux: net/netfilter/nf_conntrack_tftp.c, nf_nat_tftp.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.expectation import Expectation
from pystack.netfilter.conntrack.helper import Helper, Policy
from pystack.netfilter.conntrack.info import IPS_DST_NAT, IPS_SRC_NAT, ORIGINAL, REPLY
from pystack.netfilter.conntrack.needs import ForHelpers
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.packet import Packet
from pystack.wire.ipv4 import IPPROTO_UDP
from pystack.wire.udp import HEADER_LENGTH

_REQUESTS: Final = (b"\0\1", b"\0\2")  # to read, to write


class TftpHelper(Helper):
    """Linux: nf_conntrack_tftp.c"""

    name = "tftp"
    protocol = IPPROTO_UDP
    policy = Policy(most=1, timeout=300)

    def help(self, pkt: Packet, transport: int, conn: Conn, context: ForHelpers) -> int:
        """Linux: tftp_help()"""
        start = transport + HEADER_LENGTH
        if bytes(pkt.data[start : start + 2]) not in _REQUESTS:
            return NF_ACCEPT
        reply = conn.tuple(REPLY)
        expected = Expectation(conn, reply._replace(sport=0, zone=0))
        if conn.status & (IPS_SRC_NAT | IPS_DST_NAT) and context.nat is not None:
            expected.saved_port = conn.tuple(ORIGINAL).sport
            expected.saved_direction = REPLY
            expected.follow = context.nat.follow_master
        if context.expect(expected) is None:
            return NF_ACCEPT
        context.log_dropped(pkt, f"nf_ct_{self.name}: dropping packet: cannot add expectation ")
        return NF_DROP
