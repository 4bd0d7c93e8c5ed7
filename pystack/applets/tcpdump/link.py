"""The kinds of frames that a capture here can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class LinkType:
    """What libpcap calls a link type, and where a filter finds things in such frames."""

    number: int  # in a file
    name: str
    description: str
    type_at: int  # where the EtherType stands
    payload_at: int  # where the packet begins


EN10MB: Final = LinkType(1, "EN10MB", "Ethernet", 12, 14)
LINUX_SLL2: Final = LinkType(276, "LINUX_SLL2", "Linux cooked v2", 0, 20)
NFLOG: Final = LinkType(239, "NFLOG", "Linux netfilter log messages", 0, 0)  # no filter looks into it
LINK_TYPES: Final = {link.number: link for link in (EN10MB, LINUX_SLL2, NFLOG)}
