"""Frames of both versions of IP with TCP or UDP inside, to the octet."""

import struct

from pystack.wire.checksum import checksum

LINK = bytes.fromhex("020000000002020000000001")
TCP, UDP = 6, 17
FRAGMENT = 44
ENDS = {4: bytes((10, 0, 0, 1, 10, 0, 0, 2)), 6: bytes(15) + b"\1" + bytes(15) + b"\2"}


def pseudo(version: int, protocol: int, length: int) -> int:
    """The sum of a pseudo-header, as a host writes it into a segment that a card completes."""
    return 0xFFFF ^ checksum(ENDS[version] + struct.pack("!HH", protocol, length))


def segment(protocol: int, octets: int, check: int = 0) -> bytes:
    """With so many octets of data."""
    if protocol == UDP:
        return struct.pack("!HHHH", 5000, 53, 8 + octets, check) + b"x" * octets
    return struct.pack("!HHIIBBHHH", 5000, 80, 1, 1, 5 << 4, 16, 1000, check, 0) + b"x" * octets


def frame(version: int, protocol: int, body: bytes, *, fragment: int = 0) -> bytes:
    """`fragment`: offset and bits of a fragment, as they stand in its header."""
    if version == 4:
        head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(body), 1, fragment, 64, protocol)
        check = checksum(head + ENDS[4]).to_bytes(2, "big")
        return LINK + b"\x08\0" + head + check + ENDS[4] + body
    if fragment:
        body, protocol = struct.pack("!BBHI", protocol, 0, fragment, 7) + body, FRAGMENT
    return LINK + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + ENDS[6] + body
