"""What a well-behaved other end would answer to a frame that left."""

from __future__ import annotations

from pystack.explain.link_header import SOMEBODY
from pystack.wire import arp, icmp, ipv4, tcp, udp
from pystack.wire.checksum import transport_sum
from pystack.wire.ethernet import ETH_HLEN, ETH_P_ARP, ETH_P_IP, header
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

_WINDOW = 64240


def answer_to(frame: bytes) -> bytes | None:
    """An echo reply, a datagram back, the next segment of a handshake; None if nothing is owed."""
    if int.from_bytes(frame[12:14], "big") != ETH_P_IP:
        return None
    sent = ipv4.parse(frame, ETH_HLEN)
    if not isinstance(sent, Ipv4Header) or sent.is_fragment:
        return None
    body = frame[ETH_HLEN + sent.ihl : ETH_HLEN + sent.tot_len]
    makers = {IPPROTO_ICMP: _echo_reply, IPPROTO_UDP: _datagram_back, IPPROTO_TCP: _segment_back}
    maker = makers.get(sent.protocol)
    payload = None if maker is None else maker(sent, body)
    if payload is None:
        return None
    back = Ipv4Header(sent.daddr, sent.saddr, sent.protocol)
    link = header(bytes(frame[6:12]), bytes(frame[:6]), ETH_P_IP)
    return link + ipv4.build(back, len(payload)) + payload


def arp_answer(frame: bytes) -> bytes | None:
    """What a station that nothing is known of would say to a question by ARP."""
    question = arp.parse(frame, ETH_HLEN)
    if not isinstance(question, arp.Arp) or question.operation != arp.ARPOP_REQUEST:
        return None
    answer = arp.Arp(arp.ARPOP_REPLY, SOMEBODY, question.tpa, question.sha, question.spa)
    return header(question.sha, SOMEBODY, ETH_P_ARP) + arp.build(answer)


def _echo_reply(sent: Ipv4Header, body: bytes) -> bytes | None:
    if len(body) < icmp.HEADER_LENGTH or body[0] != icmp.ICMP_ECHO:
        return None
    _, _, _, ident, sequence = icmp.HEADER.unpack_from(body)
    return icmp.build(icmp.ICMP_ECHOREPLY, 0, ident, sequence, body[icmp.HEADER_LENGTH :])


def _datagram_back(sent: Ipv4Header, body: bytes) -> bytes | None:
    if len(body) < udp.HEADER_LENGTH:
        return None
    sport, dport, _, _ = udp.HEADER.unpack_from(body)
    bare = udp.HEADER.pack(dport, sport, udp.HEADER_LENGTH, 0)
    return udp.HEADER.pack(dport, sport, udp.HEADER_LENGTH, _check(sent, bare) or 0xFFFF)


def _segment_back(sent: Ipv4Header, body: bytes) -> bytes | None:
    if len(body) < tcp.HEADER_LENGTH:
        return None
    sport, dport, seq, ack, offset, flags, *_ = tcp.HEADER.unpack_from(body)
    if flags & tcp.RST:
        return None
    length = len(body) - (offset >> 4) * 4 + bool(flags & tcp.SYN) + bool(flags & tcp.FIN)
    if not length:  # a bare acknowledgment
        return None
    answer = tcp.ACK | flags & tcp.SYN
    words = (dport, sport, ack, (seq + length) & 0xFFFFFFFF, 5 << 4, answer, _WINDOW)
    return tcp.HEADER.pack(*words, _check(sent, tcp.HEADER.pack(*words, 0, 0)), 0)


def _check(sent: Ipv4Header, bare: bytes) -> int:
    """Both addresses change places, which no sum minds."""
    return 0xFFFF ^ transport_sum(sent.daddr, sent.saddr, sent.protocol, bare)
