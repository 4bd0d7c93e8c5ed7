"""The Internet checksum, whole and by difference, bit-exact with Linux.

0x0000 and 0xFFFF both verify but are different bytes on the wire, so every function here keeps to the one
that the kernel would write (RFC 1071, RFC 1624 equation 3).
"""

from __future__ import annotations

Buffer = bytes | bytearray | memoryview


_ONES = (1 << 128) - 1  # 0 modulo 65535, as long as the longest address


def ones_sum(data: Buffer) -> int:
    """The folded one's-complement sum; 0 only if every octet is 0.

    2**16 is 1 modulo 65535, so the big-endian number modulo 65535 is the sum; one division beats a loop
    over words.
    """
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    return number % 0xFFFF or (0xFFFF if number else 0)


def checksum(data: Buffer) -> int:
    """The checksum that a header with a zeroed checksum field must carry.

    Linux: include/asm-generic/checksum.h csum_fold()
    """
    return 0xFFFF ^ ones_sum(data)


def verifies(data: Buffer) -> bool:
    """Whether bytes that include their checksum add up."""
    return ones_sum(data) == 0xFFFF


def add(left: int, right: int) -> int:
    """One's-complement sum of two folded sums."""
    total = left + right
    return (total & 0xFFFF) + (total >> 16)


def update16(check: int, old: int, new: int) -> int:
    """The checksum after one 16-bit word changed.

    Linux: include/net/checksum.h csum_replace2()
    """
    total = (0xFFFF ^ check) + (0xFFFF ^ old) + new
    total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF ^ ((total & 0xFFFF) + (total >> 16))


def update32(check: int, old: int, new: int) -> int:
    """The checksum after one 32-bit word changed, or, in a transport header, a 16-bit one; never 0xFFFF.

    The sum of several such changes is that of their differences. Linux: include/net/checksum.h
    csum_replace4(), net/core/utils.c inet_proto_csum_replace4(), inet_proto_csum_replace2()
    """
    return (check + old - new) % 0xFFFF


def update_partial(owed: int, old: int, new: int) -> int:
    """A bare pseudo-header sum after one of its words changed, or one of its addresses.

    Linux: net/core/utils.c inet_proto_csum_replace4(), inet_proto_csum_replace16() with CHECKSUM_PARTIAL
    """
    number = owed + (_ONES ^ old) + new
    return number % 0xFFFF or (0xFFFF if number else 0)


def pseudo_header_sum(saddr: int, daddr: int, protocol: int, length: int) -> int:
    """The folded, not inverted, sum of the IPv4 pseudo-header: what a partial checksum field holds.

    Linux: include/asm-generic/checksum.h csum_tcpudp_nofold()
    """
    number = (saddr >> 16) + (saddr & 0xFFFF) + (daddr >> 16) + (daddr & 0xFFFF) + protocol + length
    return number % 0xFFFF or (0xFFFF if number else 0)


def transport_sum(saddr: int, daddr: int, protocol: int, segment: Buffer) -> int:
    """The folded sum of a segment and its pseudo-header: 0xFFFF if the checksum in it is right."""
    length = len(segment)
    number = int.from_bytes(segment, "big") << 8 * (length & 1)
    number += saddr + daddr + protocol + length  # modulo 65535 an address is the sum of its halves
    return number % 0xFFFF or (0xFFFF if number else 0)
