"""The virtio network header in front of every frame of a TAP opened with IFF_VNET_HDR, and the Offload it
stands for.

An Offload says what is still owed on a frame: a checksum to finish, a large segment to cut. It travels
beside the bytes, never in them. Offsets count from the first octet of the Ethernet header. Never changed
once made: packets share it.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed

HEADER: Final = Struct("<BBHHHH")  # flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
HEADER_LENGTH: Final = HEADER.size

NEEDS_CSUM: Final = 1
DATA_VALID: Final = 2

GSO_NONE: Final = 0
GSO_TCPV4: Final = 1
GSO_UDP: Final = 3  # UFO: a UDP datagram to be cut into IP fragments
GSO_TCPV6: Final = 4
GSO_UDP_L4: Final = 5  # USO: to be cut into UDP datagrams
GSO_ECN: Final = 0x80


class Offload:
    """What the sender of a frame left to be done, and the VLAN tag that is carried out of band."""

    __slots__ = ("csum_offset", "csum_start", "flags", "gso_size", "gso_type", "hdr_len", "vlan")

    def __init__(
        self,
        flags: int = 0,
        gso_type: int = GSO_NONE,
        hdr_len: int = 0,
        gso_size: int = 0,
        csum_start: int = 0,
        csum_offset: int = 0,
        vlan: int | None = None,
    ) -> None:
        self.flags = flags
        self.gso_type = gso_type
        self.hdr_len = hdr_len
        self.gso_size = gso_size
        self.csum_start = csum_start
        self.csum_offset = csum_offset
        self.vlan = vlan

    @property
    def needs_checksum(self) -> bool:
        """The field at csum_start + csum_offset holds only the pseudo-header's sum."""
        return bool(self.flags & NEEDS_CSUM)

    @property
    def is_gso(self) -> bool:
        """One packet to every hook, several on a wire that cannot cut it itself."""
        return self.gso_type != GSO_NONE


NONE: Final = Offload()

_NOTHING: Final = bytes(HEADER_LENGTH)


def parse_header(data: Buffer) -> Offload | Malformed:
    """The Offload in the first ten octets."""
    if len(data) < HEADER_LENGTH:
        return Malformed.TRUNCATED
    if data[:HEADER_LENGTH] == _NOTHING:
        return NONE
    return Offload(*HEADER.unpack_from(data))


def build_header(offload: Offload) -> bytes:
    """The ten octets that say the same."""
    if offload is NONE:
        return _NOTHING
    return HEADER.pack(
        offload.flags,
        offload.gso_type,
        offload.hdr_len,
        offload.gso_size,
        offload.csum_start,
        offload.csum_offset,
    )
