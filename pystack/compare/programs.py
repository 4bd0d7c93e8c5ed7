"""Who takes on a copy what is for a program: the copy has none."""

from __future__ import annotations

from collections.abc import Callable

from pystack.compare.refusals import connection_key, datagram_key
from pystack.netns import Netns
from pystack.packet import Packet
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

Refused = Callable[[bytes], bool]  # by the keys of refusals.py


def stand_in_for_programs(netns: Netns, is_refused: Refused) -> None:
    """From now on TCP and UDP are taken, unless it is known that nobody was there to take it."""
    protocols = netns.ipv4.input.protocols
    for number in (IPPROTO_TCP, IPPROTO_UDP):
        protocols[number] = _taken_or(protocols[number], netns, is_refused)


def nobody_refuses(key: bytes) -> bool:
    """For a copy where somebody listens everywhere."""
    return False


def _taken_or(
    handler: Callable[[Packet, Ipv4Header], None], netns: Netns, is_refused: Refused
) -> Callable[[Packet, Ipv4Header], None]:
    outcomes = netns.link.outcomes

    def deliver(pkt: Packet, header: Ipv4Header) -> None:
        packet = bytes(pkt.data[pkt.network_header :])
        if is_refused(datagram_key(packet)) or is_refused(connection_key(packet)):
            handler(pkt, header)
        else:
            outcomes.delivered += 1

    return deliver
