"""The 802.1Q tag."""

from __future__ import annotations

from struct import Struct
from typing import Final

TAG: Final = Struct("!HH")  # TPID, TCI
TAG_LENGTH: Final = TAG.size
VID_MASK: Final = 0x0FFF
