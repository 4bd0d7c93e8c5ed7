"""The 802.1Q tag."""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.wire.ethernet import ETH_P_8021AD, ETH_P_8021Q

TAG: Final = Struct("!HH")  # TPID, TCI
TAG_LENGTH: Final = TAG.size
VID_MASK: Final = 0x0FFF
PRIO_SHIFT: Final = 13
TAGGED: Final = frozenset({ETH_P_8021Q, ETH_P_8021AD})


def tag_length(protocol: int) -> int:
    """By how much Linux takes such a frame for shorter: it keeps the outer tag beside the bytes."""
    return TAG_LENGTH if protocol in TAGGED else 0


def behind_tags(protocol: int, payload: bytes) -> tuple[int, bytes]:
    """The EtherType and the octets behind all tags that a payload begins with."""
    while protocol in TAGGED and len(payload) >= TAG_LENGTH:
        _, protocol = TAG.unpack_from(payload)
        payload = payload[TAG_LENGTH:]
    return protocol, payload
