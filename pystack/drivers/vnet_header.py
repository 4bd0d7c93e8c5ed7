"""The virtio header on a descriptor: cutting it off what was read.

A large frame is not copied: `memoryview` leaves it where the kernel put it. Small ones are, since a slice of
bytes costs less than a view and everything that is done with a view later.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pystack.wire.checksum import Buffer
from pystack.wire.virtio import HEADER, HEADER_LENGTH, NONE, Offload

FRAME_ROOM: Final = 65536 + 18  # the largest IP packet with an Ethernet header and a tag
READ_ROOM: Final = HEADER_LENGTH + FRAME_ROOM
BURST_OCTETS: Final = 512 << 10  # read before they are sent on: the more packets go one after the other, the
# faster goes each, until they leave the processor's cache
SMALL: Final = 4096

_NOTHING: Final = bytes(HEADER_LENGTH)


def split_header(data: bytes) -> tuple[Buffer, Offload]:
    """The frame, and what is still owed on it. Preconditions: at least HEADER_LENGTH octets."""
    offload = NONE if data.startswith(_NOTHING) else _offload_of(data[:HEADER_LENGTH])
    if len(data) <= SMALL:
        return data[HEADER_LENGTH:], offload
    return memoryview(data)[HEADER_LENGTH:], offload


@lru_cache(maxsize=1024)
def _offload_of(header: bytes) -> Offload:
    """Packets of a flow owe the same, and most of them share the one that says so."""
    return Offload(*HEADER.unpack(header))
