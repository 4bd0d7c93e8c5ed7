"""Frames for tests: a few stations and networks, and what they say to each other.

Built with pystack's own wire builders, which tests/wire holds against bytes written by hand.
"""

from pystack.wire import arp as arp_wire
from pystack.wire import icmp, ipv4
from pystack.wire.checksum import checksum, ones_sum, pseudo_header_sum
from pystack.wire.ethernet import BROADCAST, ETH_P_ARP, ETH_P_IP, ZERO, header
from pystack.wire.udp import HEADER as UDP_HEADER

OUR_MAC = bytes.fromhex("02000000aa01")
OUR_MAC2 = bytes.fromhex("02000000aa02")
ALICE_MAC = bytes.fromhex("020000000001")
BOB_MAC = bytes.fromhex("020000000002")


def ip(text: str) -> int:
    """`10.0.0.1` as the number that pystack uses."""
    address = ipv4.parse_address(text)
    assert address is not None, text
    return address


OUR_IP = ip("10.0.0.1")
OUR_IP2 = ip("10.0.1.1")
ALICE_IP = ip("10.0.0.2")
BOB_IP = ip("10.0.1.2")


def ethernet(payload: bytes, protocol: int, to: bytes = OUR_MAC, sender: bytes = ALICE_MAC) -> bytes:
    return header(to, sender, protocol) + payload


def datagram(
    payload: bytes,
    protocol: int = ipv4.IPPROTO_ICMP,
    *,
    src: int = ALICE_IP,
    dst: int = OUR_IP,
    ttl: int = 64,
    tos: int = 0,
    id: int = 0x1234,
    frag_off: int = 0,
    options: bytes = b"",
) -> bytes:
    """An IPv4 packet without a link header."""
    fields = ipv4.Ipv4Header(src, dst, protocol, ttl=ttl, tos=tos, id=id, frag_off=frag_off, options=options)
    return ipv4.build(fields, len(payload)) + payload


def packet_frame(packet: bytes, to: bytes = OUR_MAC, sender: bytes = ALICE_MAC) -> bytes:
    """An IPv4 packet in an Ethernet frame."""
    return ethernet(packet, ETH_P_IP, to, sender)


def echo_message(payload: bytes = b"ping", ident: int = 7, sequence: int = 1) -> bytes:
    return icmp.build(icmp.ICMP_ECHO, 0, ident, sequence, payload)


def echo_frame(
    *,
    src: int = ALICE_IP,
    dst: int = OUR_IP,
    to: bytes = OUR_MAC,
    sender: bytes = ALICE_MAC,
    payload: bytes = b"ping",
    ttl: int = 64,
    tos: int = 0,
    frag_off: int = 0,
) -> bytes:
    """An echo request in a frame."""
    packet = datagram(echo_message(payload), src=src, dst=dst, ttl=ttl, tos=tos, frag_off=frag_off)
    return packet_frame(packet, to, sender)


def udp_packet(
    payload: bytes = b"hello", *, src: int = ALICE_IP, dst: int = OUR_IP, sport: int = 1000, dport: int = 53
) -> bytes:
    """A UDP datagram in an IPv4 packet, its checksum right."""
    length = UDP_HEADER.size + len(payload)
    bare = UDP_HEADER.pack(sport, dport, length, 0) + payload
    pseudo = pseudo_header_sum(src, dst, ipv4.IPPROTO_UDP, length)
    check = 0xFFFF ^ ones_sum(pseudo.to_bytes(2, "big") + bare) or 0xFFFF
    return datagram(
        UDP_HEADER.pack(sport, dport, length, check) + payload, ipv4.IPPROTO_UDP, src=src, dst=dst
    )


def arp_frame(
    operation: int,
    *,
    sha: bytes = ALICE_MAC,
    spa: int = ALICE_IP,
    tha: bytes = ZERO,
    tpa: int = OUR_IP,
    to: bytes = BROADCAST,
) -> bytes:
    message = arp_wire.build(arp_wire.Arp(operation, sha, spa, tha, tpa))
    return ethernet(message, ETH_P_ARP, to, sha)


def arp_request(
    target: int = OUR_IP, *, sha: bytes = ALICE_MAC, spa: int = ALICE_IP, to: bytes = BROADCAST
) -> bytes:
    """Who has `target`?"""
    return arp_frame(arp_wire.ARPOP_REQUEST, sha=sha, spa=spa, tpa=target, to=to)


def arp_reply(
    *, sha: bytes = ALICE_MAC, spa: int = ALICE_IP, tpa: int = OUR_IP, to: bytes = OUR_MAC
) -> bytes:
    """`spa` is at `sha`."""
    return arp_frame(arp_wire.ARPOP_REPLY, sha=sha, spa=spa, tha=to, tpa=tpa, to=to)


def parsed_arp(frame: bytes) -> arp_wire.Arp:
    """The resolution packet in a frame; fails if it is none."""
    assert frame[12:14] == b"\x08\x06", frame.hex()
    message = arp_wire.parse(frame, 14)
    assert isinstance(message, arp_wire.Arp), message
    return message


def parsed_ip(frame: bytes) -> ipv4.Ipv4Header:
    """The IPv4 header in a frame; fails if it is none, or a wrong one."""
    assert frame[12:14] == b"\x08\x00", frame.hex()
    fields = ipv4.parse(frame, 14)
    assert isinstance(fields, ipv4.Ipv4Header), fields
    return fields


def parsed_icmp(frame: bytes) -> tuple[int, int, int, bytes]:
    """Type, code, the rest of the header and the payload of the ICMP message in a frame."""
    fields = parsed_ip(frame)
    assert fields.protocol == ipv4.IPPROTO_ICMP
    message = frame[14 + fields.ihl : 14 + fields.tot_len]
    assert checksum(message) == 0, "the ICMP checksum is wrong"
    return message[0], message[1], int.from_bytes(message[4:8], "big"), message[8:]
