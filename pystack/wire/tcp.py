"""The TCP header (RFC 9293)."""

from __future__ import annotations

from struct import Struct
from typing import Final

HEADER: Final = Struct("!HHIIBBHHH")  # source, destination, seq, ack, offset, flags, window, checksum, urgent
HEADER_LENGTH: Final = HEADER.size
CHECK_OFFSET: Final = 16

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
URG: Final = 0x20
ECE: Final = 0x40
CWR: Final = 0x80
