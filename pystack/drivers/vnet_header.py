"""The virtio header on a descriptor: cutting it off what was read.

A large frame is not copied: `memoryview` leaves it where the kernel put it. Small ones are, since a slice of
bytes costs less than a view and everything that is done with a view later.
"""

from __future__ import annotations

from typing import Final

from pystack.wire.checksum import Buffer
from pystack.wire.virtio import HEADER, HEADER_LENGTH, NONE, Offload

FRAME_ROOM: Final = 65536 + 18  # the largest IP packet with an Ethernet header and a tag
READ_ROOM: Final = HEADER_LENGTH + FRAME_ROOM
BURST_OCTETS: Final = 128 << 10  # read before they are sent on: more would leave the processor's cache, and
# glibc would give the memory back after each burst and fault it in again at the next, which costs 20 us a
# frame
SMALL: Final = 4096

_NOTHING: Final = bytes(HEADER_LENGTH)


def split_header(data: bytes) -> tuple[Buffer, Offload]:
    """The frame, and what is still owed on it. Preconditions: at least HEADER_LENGTH octets."""
    offload = NONE if data.startswith(_NOTHING) else Offload(*HEADER.unpack_from(data))
    if len(data) <= SMALL:
        return data[HEADER_LENGTH:], offload
    return memoryview(data)[HEADER_LENGTH:], offload
