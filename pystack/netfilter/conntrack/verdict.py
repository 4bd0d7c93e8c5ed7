"""What a protocol's tracker says of a packet."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Tracked(Enum):
    """Linux: what struct nf_conntrack_l4proto's functions return"""

    FITS = "fits"
    INVALID = "invalid"
    DROP = "drop"
    AGAIN = "again"  # its connection was over: look it up once more


FITS: Final = Tracked.FITS  # what nearly every packet does: asking the enumeration each time is slow
