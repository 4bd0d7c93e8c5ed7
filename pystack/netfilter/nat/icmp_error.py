"""ICMP errors about connections whose packets are translated: what they quote goes the other way round."""

from __future__ import annotations

from pystack.netfilter import checksum
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.info import IPS_DST_NAT, IPS_SRC_NAT, ORIGINAL, direction
from pystack.netfilter.conntrack.tuples import inverted, read
from pystack.netfilter.nat.manip import End, translate, translate_at, translate_ipv6_at, written_to
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC
from pystack.netfilter.nat.setup import CHANGED, DONE
from pystack.packet import Packet
from pystack.wire import icmp, icmp6, ipv6
from pystack.wire.checksum import checksum as summed
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP
from pystack.wire.ipv6 import IPPROTO_ICMPV6, find_transport

_ALL_DONE = DONE[MANIP_SRC] | DONE[MANIP_DST]
_NAT = IPS_SRC_NAT | IPS_DST_NAT
_CHECK_AT = 2


def is_icmp(pkt: Packet) -> bool:
    """Whether a packet is a message of its family's ICMP."""
    if pkt.ip is not None:
        return pkt.ip.protocol == IPPROTO_ICMP
    found = find_transport(pkt.data, pkt.network_header)
    return found is not None and found.protocol == IPPROTO_ICMPV6


def translate_error(pkt: Packet, conn: Conn, manip: int) -> bool:
    """Whether it may go on, translated outside and inside.

    Linux: net/netfilter/nf_nat_proto.c nf_nat_icmp_reply_translation(), nf_nat_icmpv6_reply_translation()
    """
    if pkt.ip is None:
        return _translate_icmpv6_error(pkt, conn, manip)
    message = pkt.network_header + pkt.ip.ihl
    quoted = message + icmp.HEADER_LENGTH
    if len(pkt.data) < quoted + HEADER_LENGTH or not checksum.holds(pkt, pkt.ip):
        return False
    if pkt.data[message] == icmp.ICMP_REDIRECT and not _may_redirect(conn):
        return False
    if not _is_changed(pkt, conn, manip):
        return True
    data, partial, answers = pkt.writable(), pkt.offload.needs_checksum, _answers(pkt, conn)
    if not translate_at(data, quoted, End.of(read(answers), 1 - manip), partial=partial):
        return False
    if not partial:
        data[message + _CHECK_AT : message + _CHECK_AT + 2] = bytes(2)
        check = summed(data[message:])
        data[message + _CHECK_AT : message + _CHECK_AT + 2] = check.to_bytes(2, "big")
    return translate(pkt, _outer_end(answers, IPPROTO_ICMP, manip))


def _translate_icmpv6_error(pkt: Packet, conn: Conn, manip: int) -> bool:
    """The same of ICMPv6, whose sum is over the addresses too."""
    header, found = pkt.ip6, find_transport(pkt.data, pkt.network_header)
    assert header is not None, "no IPv6 packet comes to an ip6 hook unparsed"
    assert found is not None, "it was seen that it is a message of ICMPv6"
    message = found.offset
    quoted = message + icmp6.HEADER_LENGTH
    if len(pkt.data) < quoted + ipv6.HEADER_LENGTH:
        return False
    header.join(quoted + ipv6.HEADER_LENGTH - pkt.network_header)
    if not checksum.holds_of_ipv6(pkt, header):
        return False
    if pkt.data[message] == icmp6.REDIRECT and not _may_redirect(conn):
        return False
    if not _is_changed(pkt, conn, manip):
        return True
    data, partial, answers = pkt.writable(), pkt.offload.needs_checksum, _answers(pkt, conn)
    header.join(written_to(data, quoted, conn.protocol) - pkt.network_header)
    if not translate_ipv6_at(data, quoted, End.of(read(answers), 1 - manip), partial=partial):
        return False
    if not partial:
        data[message + _CHECK_AT : message + _CHECK_AT + 2] = bytes(2)
        check = 0xFFFF ^ transport_sum(header.saddr, header.daddr, IPPROTO_ICMPV6, data[message:])
        data[message + _CHECK_AT : message + _CHECK_AT + 2] = check.to_bytes(2, "big")
    return translate(pkt, _outer_end(answers, IPPROTO_ICMPV6, manip))


def _is_changed(pkt: Packet, conn: Conn, manip: int) -> bool:
    """Whether packets of the connection that go the error's way are changed at this end."""
    way = direction(pkt.ctinfo)
    return bool(conn.status & CHANGED[manip if way == ORIGINAL else 1 - manip])


def _answers(pkt: Packet, conn: Conn) -> bytes:
    """The key of the direction that the error does not belong to, in which what it quotes went."""
    return conn.reply if direction(pkt.ctinfo) == ORIGINAL else conn.original


def _outer_end(answers: bytes, protocol: int, manip: int) -> End:
    """That of the message itself, which has the addresses of a packet but not its ports."""
    return End.of(read(inverted(answers) or answers)._replace(protocol=protocol), manip)


def _may_redirect(conn: Conn) -> bool:
    """Not where any address is another on the other side, or may still become one."""
    return conn.status & _ALL_DONE == _ALL_DONE and not conn.status & _NAT
