"""Somebody behind a port: answers ARP and echo requests by itself, bytes in and bytes out.

The same code stands behind the ports of both sides, and what it says depends on nothing but what it hears, so
no difference comes from here. It is no host: it has no routes and no neighbours, answers go to the station
that the question came from; fragments, tags and wrong checksums it does not understand.

How both sides have stations heard: after every frame that enters, and again after every moment at which time
has passed, what left is collected port by port in the order of the ports; all answers to it then enter one
after the other, and so on until nobody answers any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pystack.compare.scenario import Station
from pystack.wire import arp, icmp, ipv4
from pystack.wire.checksum import verifies
from pystack.wire.ethernet import BROADCAST, ETH_HLEN, ETH_P_ARP, ETH_P_IP, HEADER, header, is_valid_unicast
from pystack.wire.malformed import Malformed

Heard = tuple[str, bytes]  # a port, and a frame that passed it


class Stations:
    """All that stand behind the ports of one scenario."""

    def __init__(self, stations: Iterable[Station]) -> None:
        self._behind: dict[str, list[Station]] = {}
        for station in stations:
            self._behind.setdefault(station.port, []).append(station)

    def __bool__(self) -> bool:
        return bool(self._behind)

    def answers(self, emitted: Sequence[Heard]) -> list[Heard]:
        """What is said, in order, to frames that left by the ports."""
        return [
            (port, answer)
            for port, frame in emitted
            for station in self._behind.get(port, ())
            for answer in answers(station, frame)
        ]


def answers(station: Station, frame: bytes) -> list[bytes]:
    """What a station says to a frame that reaches it."""
    if len(frame) < ETH_HLEN:
        return []
    destination, source, protocol = HEADER.unpack_from(frame)
    if not is_valid_unicast(source) or destination not in (station.mac, BROADCAST):
        return []
    if protocol == ETH_P_ARP:
        return _answer_arp(station, frame)
    if protocol == ETH_P_IP and destination == station.mac:
        return _answer_echo(station, frame, source)
    return []


def _answer_arp(station: Station, frame: bytes) -> list[bytes]:
    """Probes (sender 0.0.0.0) are answered too: the address is taken."""
    asked = arp.parse(frame, ETH_HLEN)
    if isinstance(asked, Malformed) or asked.operation != arp.ARPOP_REQUEST:
        return []
    if asked.tpa not in station.addresses or not is_valid_unicast(asked.sha):
        return []
    reply = arp.Arp(arp.ARPOP_REPLY, station.mac, asked.tpa, asked.sha, asked.spa)
    return [header(asked.sha, station.mac, ETH_P_ARP) + arp.build(reply)]


def _answer_echo(station: Station, frame: bytes, source: bytes) -> list[bytes]:
    """The answer has IP ID 0: a number that counts would have to count alike on both sides."""
    asked = ipv4.parse(frame, ETH_HLEN)
    if isinstance(asked, Malformed) or asked.protocol != ipv4.IPPROTO_ICMP or asked.is_fragment:
        return []
    if asked.daddr not in station.addresses:
        return []
    message = frame[ETH_HLEN + asked.ihl : ETH_HLEN + asked.tot_len]
    if len(message) < icmp.HEADER_LENGTH or not verifies(message):
        return []
    type_, code, _, identifier, sequence = icmp.HEADER.unpack_from(message)
    if (type_, code) != (icmp.ICMP_ECHO, 0):
        return []
    body = icmp.build(icmp.ICMP_ECHOREPLY, 0, identifier, sequence, message[icmp.HEADER_LENGTH :])
    ip = ipv4.Ipv4Header(asked.daddr, asked.saddr, ipv4.IPPROTO_ICMP, tos=asked.tos)
    return [header(source, station.mac, ETH_P_IP) + ipv4.build(ip, len(body)) + body]
