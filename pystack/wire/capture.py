"""A capture file in either format."""

from __future__ import annotations

from collections.abc import Iterator

from pystack.wire import pcap, pcapng
from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed
from pystack.wire.pcap import Captured


def parse(data: Buffer) -> Iterator[Captured | Malformed]:
    """The frames of a file; where it makes no sense any more, the reason comes last and alone."""
    first = int.from_bytes(data[:4], "big")
    return pcapng.parse(data) if first == pcapng.SECTION else pcap.parse(data)
