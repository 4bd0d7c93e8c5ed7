"""The UDP header (RFC 768)."""

from __future__ import annotations

from struct import Struct
from typing import Final

HEADER: Final = Struct("!HHHH")  # source, destination, length, checksum
HEADER_LENGTH: Final = HEADER.size
CHECK_OFFSET: Final = 6
