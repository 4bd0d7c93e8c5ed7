"""Frames as nobody in his right mind would send them, beside some that anybody might."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.wire import arp, icmp, ipv4, vlan
from pystack.wire.checksum import checksum
from pystack.wire.ethernet import ETH_P_8021AD, ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, header
from pystack.wire.ipv4 import IP_MF, IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

# LLC lengths, types that nobody speaks, types that somebody does: LLDP, EAPOL, pause, RARP, MPLS, loopback.
OTHER_TYPES: Final = (
    *(0x0000, 0x0003, 0x0010, 0x0040, 0x05DC, 0x05FF, 0x0600, 0x6003, 0x8035),
    *(0x8808, 0x8809, 0x8847, 0x888E, 0x88B5, 0x88B6, 0x88CC, 0x9000, 0xFFFF),
)
STRANGE_IPS: Final = (0x00000000, 0x7F000001, 0xC0000201, 0xE0000001, 0xE0000005, 0xEFFFFFFA, 0xFFFFFFFF)
OPERATIONS: Final = (arp.ARPOP_REQUEST, arp.ARPOP_REQUEST, arp.ARPOP_REQUEST, arp.ARPOP_REPLY, 0, 3)
TAG_TYPES: Final = (ETH_P_8021Q, ETH_P_8021Q, ETH_P_8021AD)
VLANS: Final = (0, 0, 1, 5, 4094, 4095)
ECHO_TYPES: Final = (icmp.ICMP_ECHO, icmp.ICMP_ECHO, icmp.ICMP_ECHOREPLY)
PROTOCOLS: Final = {IPPROTO_ICMP: 8, IPPROTO_UDP: 6, IPPROTO_TCP: 2, 253: 1, 255: 1}
LENGTHS: Final = {"none": 2, "few": 6, "some": 8, "full": 1}
IP_FAULTS: Final = "version ihl short long checksum cut options fragment ttl".split()


@dataclass(frozen=True, slots=True)
class People:
    """Who is there to talk and to be talked to."""

    sources: Mapping[bytes, int]  # weights
    destinations: Mapping[bytes, int]
    stations: Mapping[int, bytes]  # IP -> MAC
    own: tuple[int, ...]  # IPs of this host


def frame(dice: Dice, people: People, *, longest: int, plain_groups: bool) -> bytes:
    """Any frame of 14 octets or more. `plain_groups`: to groups only what IGMP and MLD snooping lets pass."""
    destination, source = dice.weighted(people.destinations), dice.weighted(people.sources)
    to_group = destination[0] & 1 and destination != b"\xff" * 6
    protocol, payload = _content(dice, people, sound=plain_groups and bool(to_group), longest=longest)
    tags = dice.weighted({0: 40, 1: 8, 2: 1})
    for _ in range(tags):
        tag = dice.between(0, 15) << 12 | dice.among(VLANS)
        payload = vlan.TAG.pack(tag, protocol) + payload
        protocol = dice.among(TAG_TYPES)
    if dice.chance(2) and not (plain_groups and to_group) and tags < 2:  # br_netfilter looks for inner tags
        payload = payload[: dice.between(0, 6)]
    return header(destination, source, protocol) + payload


def _content(dice: Dice, people: People, *, sound: bool, longest: int) -> tuple[int, bytes]:
    kind = dice.weighted({"arp": 5, "ip": 6, "ipv6": 0 if sound else 1, "other": 4})
    if kind == "arp":
        return ETH_P_ARP, _arp(dice, people)
    if kind == "ip":
        return ETH_P_IP, _ipv4(dice, people, sound=sound)
    return ETH_P_IPV6 if kind == "ipv6" else dice.among(OTHER_TYPES), _payload(dice, longest)


def _payload(dice: Dice, longest: int) -> bytes:
    match dice.weighted(LENGTHS):
        case "few":
            return dice.octets(dice.between(1, 8))
        case "some":
            return dice.octets(dice.between(9, 64))
        case "full":
            return dice.octets(8) + bytes(longest - 8 - dice.between(0, 9))
        case _:
            return b""


def _arp(dice: Dice, people: People) -> bytes:
    """A sender's address follows from its IP: what a second one with another address does is a matter of time
    (locktime), and time passes differently on the two sides.
    """
    spa = dice.among([*people.stations, *people.own, 0])
    sha = people.stations.get(spa, b"\x02\0\0\0\xdd\x01")
    tpa = dice.among([*people.stations, *people.own, *people.own, 0xC0000201])
    packet = arp.build(arp.Arp(dice.among(OPERATIONS), sha, spa, dice.among([bytes(6), sha]), tpa))
    if dice.chance(8):  # hardware, protocol, lengths
        at = dice.between(0, 5)
        packet = packet[:at] + dice.octets(1) + packet[at + 1 :]
    if dice.chance(5):
        packet = packet[: dice.between(0, len(packet))]
    return packet + bytes(dice.among([0, 0, 18]))


def _ipv4(dice: Dice, people: People, *, sound: bool) -> bytes:
    source = dice.among([*people.stations, *STRANGE_IPS] if dice.chance(10) else [*people.stations])
    target = dice.among([*people.stations, *people.own, *people.own, *STRANGE_IPS])
    protocol = dice.weighted(PROTOCOLS | {IPPROTO_IGMP: 0 if sound else 1})
    message = _message(dice, protocol)
    head = Ipv4Header(source, target, protocol, ttl=dice.among([1, 64, 255]), id=dice.between(0, 0xFFFF))
    packet = ipv4.build(head, len(message)) + message + bytes(dice.among([0, 0, 0, 7, 18]))
    if sound or not dice.chance(25):
        return packet
    return _spoiled(dice, packet, dice.among(IP_FAULTS))


def _message(dice: Dice, protocol: int) -> bytes:
    if protocol == IPPROTO_ICMP:
        return icmp.build(dice.among(ECHO_TYPES), 0, 7, dice.between(0, 3), dice.octets(dice.between(0, 24)))
    if protocol == IPPROTO_UDP:
        length = 8 + dice.between(0, 16)
        return b"\x10\0\x20\0" + length.to_bytes(2, "big") + bytes(2) + dice.octets(length - 8)
    return dice.octets(dice.between(0, 40))


def _spoiled(dice: Dice, packet: bytes, fault: str) -> bytes:
    """The packet with one thing wrong, or unusual, its checksum right again unless that is the fault."""
    head = bytearray(packet[: ipv4.HEADER_LENGTH])
    rest = packet[ipv4.HEADER_LENGTH :]
    match fault:
        case "version":
            head[0] = dice.among([0x05, 0x15, 0x65, 0xF5])
        case "ihl":
            head[0] = 0x40 | dice.among([0, 1, 4, 6, 15])
        case "short":
            head[2:4] = dice.between(0, 19).to_bytes(2, "big")
        case "long":
            head[2:4] = (len(packet) + dice.between(1, 9000)).to_bytes(2, "big")
        case "options":
            head[0] = 0x46
            rest = b"\x01\x01\x01\x01" + rest  # others are for the area of routing
        case "fragment":
            head[6:8] = (IP_MF | dice.among([0, 1, 100])).to_bytes(2, "big")
        case "ttl":
            head[8] = 0
    head[10:12] = bytes(2)
    head[10:12] = (checksum(bytes(head) + (rest[:4] if fault == "options" else b""))).to_bytes(2, "big")
    if fault == "checksum":
        head[10] ^= 1 + dice.between(0, 254)
    whole = bytes(head) + rest
    return whole[: dice.between(0, len(whole))] if fault == "cut" else whole
