"""Link addresses for a packet that was told without them: what a real neighbour would have written."""

from __future__ import annotations

from typing import Final

from pystack.explain.bridging import bridge_of
from pystack.explain.words import Made
from pystack.l2.devices import Link
from pystack.l3.fib_types import RTN_BROADCAST
from pystack.netns import Netns
from pystack.wire import arp, ipv4
from pystack.wire.ethernet import BROADCAST, ETH_P_ARP, ETH_P_IP, header
from pystack.wire.ipv4 import INADDR_BROADCAST, Ipv4Header, is_multicast

SOMEBODY: Final = bytes.fromhex("0200000000fe")  # a station that nothing is known of


def framed(netns: Netns, dev: Link, made: Made) -> bytes:
    """The frame as it arrives by `dev`."""
    station = bridge_of(dev) or dev
    destination = made.destination or _destination(netns, station.address, made)
    source = made.source or _source(netns, station, made)
    payload = made.payload
    message = arp.parse(payload, 0) if made.protocol == ETH_P_ARP else None
    if isinstance(message, arp.Arp) and not any(message.sha):
        message.sha = source
        payload = arp.build(message)
    return header(destination, source, made.protocol) + payload


def _destination(netns: Netns, station: bytes, made: Made) -> bytes:
    if made.protocol == ETH_P_ARP:
        message = arp.parse(made.payload, 0)
        asks = isinstance(message, arp.Arp) and message.operation == arp.ARPOP_REQUEST
        return BROADCAST if asks else station
    packet = ipv4.parse(made.payload, 0) if made.protocol == ETH_P_IP else None
    if not isinstance(packet, Ipv4Header):
        return station
    if is_multicast(packet.daddr):
        return (0x01005E000000 | packet.daddr & 0x7FFFFF).to_bytes(6, "big")
    cast = netns.ipv4.fib.address_type(packet.daddr) == RTN_BROADCAST
    return BROADCAST if cast or packet.daddr == INADDR_BROADCAST else station


def _source(netns: Netns, station: object, made: Made) -> bytes:
    sender = None
    if made.protocol == ETH_P_ARP:
        message = arp.parse(made.payload, 0)
        return message.sha if isinstance(message, arp.Arp) and any(message.sha) else SOMEBODY
    packet = ipv4.parse(made.payload, 0) if made.protocol == ETH_P_IP else None
    if isinstance(packet, Ipv4Header) and isinstance(station, Link):
        sender = netns.ipv4.neighbours.lookup(station, packet.saddr)
    return sender.ha if sender is not None and any(sender.ha) else SOMEBODY
