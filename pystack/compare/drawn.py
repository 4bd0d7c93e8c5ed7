"""What TCP and UDP draw at random, and what a peer says back: blanked where two stacks are held side by side.

Drawn by the sender: an ephemeral port, the base of its timestamps. Echoed by whom it speaks to: the same as
destination port and timestamp echo. Sequence numbers are held against each other (relative.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.wire.fields import place_of
from pystack.wire.tcp_options import EOL, NOP, TIMESTAMP

_HEADER: Final = 20
_EPHEMERAL: Final = range(32768, 61000)  # net.ipv4.ip_local_port_range, as it is by default
_SPORT, _DPORT, _CHECKSUM = 0, 2, 16
_UDP_HEADER, _UDP_CHECKSUM = 8, 6


def without_drawn(frame: bytes) -> bytes:
    """Without what the sender drew."""
    return _blanked(frame, _SPORT, 2)


def without_echoed(frame: bytes) -> bytes:
    """Without what its peer drew."""
    return _blanked(frame, _DPORT, 6)


def _blanked(frame: bytes, port: int, in_timestamp: int) -> bytes:
    place = place_of(frame, "tcp.sport")
    if place is None or len(frame) < place[0] + _HEADER:
        return _udp_blanked(frame, port)
    at, masked = place[0], bytearray(frame)
    if int.from_bytes(frame[at + port : at + port + 2], "big") in _EPHEMERAL:
        masked[at + port : at + port + 2] = bytes(2)
    masked[at + _CHECKSUM : at + _CHECKSUM + 2] = bytes(2)
    end = min(at + (frame[at + 12] >> 4) * 4, len(frame))
    for start in _timestamps(frame, at + _HEADER, end):
        masked[start + in_timestamp : start + in_timestamp + 4] = bytes(4)
    return bytes(masked)


def _udp_blanked(frame: bytes, port: int) -> bytes:
    place = place_of(frame, "udp.sport")
    if place is None or len(frame) < place[0] + _UDP_HEADER:
        return frame
    at, masked = place[0], bytearray(frame)
    if int.from_bytes(frame[at + port : at + port + 2], "big") in _EPHEMERAL:
        masked[at + port : at + port + 2] = bytes(2)
        masked[at + _UDP_CHECKSUM : at + _UDP_CHECKSUM + 2] = bytes(2)
    return bytes(masked)


def _timestamps(frame: bytes, at: int, end: int) -> Iterator[int]:
    """Where timestamp options begin."""
    while at < end and frame[at] != EOL:
        size = 1 if frame[at] == NOP else frame[at + 1] if at + 1 < end else 0
        if not size or at + size > end:
            return
        if frame[at] == TIMESTAMP and size == 10:
            yield at
        at += size
