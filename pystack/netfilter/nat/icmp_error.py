"""ICMP errors about connections whose packets are translated: what they quote goes the other way round."""

from __future__ import annotations

from pystack.netfilter import checksum
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.info import IPS_DST_NAT, IPS_SRC_NAT, ORIGINAL, direction
from pystack.netfilter.conntrack.tuples import inverted, read
from pystack.netfilter.nat.manip import End, translate, translate_at
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC
from pystack.netfilter.nat.setup import CHANGED, DONE
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.checksum import checksum as summed
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP

_ALL_DONE = DONE[MANIP_SRC] | DONE[MANIP_DST]
_NAT = IPS_SRC_NAT | IPS_DST_NAT
_CHECK_AT = 2


def translate_error(pkt: Packet, conn: Conn, manip: int) -> bool:
    """Whether it may go on, translated outside and inside.

    Linux: net/netfilter/nf_nat_proto.c nf_nat_icmp_reply_translation()
    """
    header = pkt.ip
    assert header is not None, "no IPv4 packet comes to an ip hook unparsed"
    message = pkt.network_header + header.ihl
    quoted = message + icmp.HEADER_LENGTH
    if len(pkt.data) < quoted + HEADER_LENGTH or not checksum.holds(pkt, header):
        return False
    if pkt.data[message] == icmp.ICMP_REDIRECT and not _may_redirect(conn):
        return False
    way = direction(pkt.ctinfo)
    if not conn.status & CHANGED[manip if way == ORIGINAL else 1 - manip]:
        return True
    other = conn.tuple(1 - way)
    data = pkt.writable()
    partial = pkt.offload.needs_checksum
    if not translate_at(data, quoted, End.of(other, 1 - manip), partial=partial):
        return False
    if not partial:
        data[message + _CHECK_AT : message + _CHECK_AT + 2] = bytes(2)
        check = summed(data[message:])
        data[message + _CHECK_AT : message + _CHECK_AT + 2] = check.to_bytes(2, "big")
    target = read(inverted(other.key) or other.key)._replace(protocol=IPPROTO_ICMP)
    return translate(pkt, End.of(target, manip))


def _may_redirect(conn: Conn) -> bool:
    """Not where any address is another on the other side, or may still become one."""
    return conn.status & _ALL_DONE == _ALL_DONE and not conn.status & _NAT
