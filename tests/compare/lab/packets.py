"""Packets for the tests of the kernel's side, built by hand: they must not come from pystack itself."""

import socket
import struct

BROADCAST = bytes([0xFF] * 6)
BR0 = bytes.fromhex("020000000001")  # a bridge takes over the lowest address of its ports
HOST_A = bytes.fromhex("02aa00000001")
HOST_B = bytes.fromhex("02aa00000002")


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def ipv4(
    source: str,
    destination: str,
    protocol: int,
    body: bytes,
    *,
    ident: int = 7,
    ttl: int = 64,
    fragment: int = 0,
) -> bytes:
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), ident, fragment, ttl, protocol, 0) + addresses
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def echo(number: int = 1, kind: int = 8) -> bytes:
    data = bytes(range(56))
    head = struct.pack("!BBHHH", kind, 0, 0, 104, number)
    return head[:2] + struct.pack("!H", checksum(head + data)) + head[4:] + data


def udp(sport: int, dport: int, data: bytes) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def ethernet(destination: bytes, source: bytes, packet: bytes, kind: int = 0x0800) -> bytes:
    return destination + source + struct.pack("!H", kind) + packet


def ping(
    destination: bytes,
    source: bytes,
    saddr: str,
    daddr: str,
    *,
    number: int = 1,
    ttl: int = 64,
) -> bytes:
    return ethernet(destination, source, ipv4(saddr, daddr, 1, echo(number), ttl=ttl))


def who_has(sender: bytes, saddr: str, daddr: str) -> bytes:
    addresses = sender + socket.inet_aton(saddr) + bytes(6) + socket.inet_aton(daddr)
    return ethernet(BROADCAST, sender, bytes.fromhex("0001080006040001") + addresses, 0x0806)


def is_at(sender: bytes, saddr: str, target: bytes, taddr: str) -> bytes:
    addresses = sender + socket.inet_aton(saddr) + target + socket.inet_aton(taddr)
    return ethernet(target, sender, bytes.fromhex("0001080006040002") + addresses, 0x0806)
