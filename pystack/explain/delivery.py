"""What happens to a packet that is for this host, and why: the protocol, the sockets."""

from __future__ import annotations

from typing import Final

from pystack.explain.stage import Told
from pystack.netns import Netns
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import IPPROTO_ICMP, Ipv4Header

PROTOCOLS: Final = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP"}

_DELIVER: Final = "net/ipv4/ip_input.c ip_protocol_deliver_rcu()"
_ICMP: Final = "net/ipv4/icmp.c icmp_rcv()"
_ICMP_WORDS: Final = {
    icmp.ICMP_ECHOREPLY: "an echo reply, for whoever sent the request",
    icmp.ICMP_DEST_UNREACH: "an error, for the socket whose packet it quotes",
    icmp.ICMP_ECHO: "an echo request: the stack itself answers",
    icmp.ICMP_TIME_EXCEEDED: "an error, for the socket whose packet it quotes",
}


def delivers(netns: Netns, pkt: Packet, header: Ipv4Header) -> Told:
    """Who gets it; asked just before it is handed over."""
    name = PROTOCOLS.get(header.protocol, f"protocol {header.protocol}")
    if header.protocol not in netns.ipv4.input.protocols:
        return Told(f"nobody here speaks {name}", _DELIVER)
    if header.protocol == IPPROTO_ICMP:
        kind = pkt.data[pkt.transport_header] if len(pkt.data) > pkt.transport_header else -1
        return Told(f"ICMP: {_ICMP_WORDS.get(kind, f'type {kind}')}", _ICMP)
    return Told(f"handed to {name}", _DELIVER)
