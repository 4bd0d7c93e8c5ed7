"""Something about a packet's lines that is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """What is wrong."""

    MISSING = "missing"  # a line that should be there
    EXTRA = "extra"  # a line that should not be there
    ORDER = "order"
    FIELD = "field"  # a line says something else than it should
    PATH = "path"  # the packet goes another way


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, in words."""

    fault: Fault
    packet: int
    text: str
    line: int = 0  # of the file; 0 where there is none
    about: str = ""  # what it has in common with those of other packets: whose line, which of its words

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "v": 1,
            "type": "diff",
            "class": "LOG" if self.fault is not Fault.PATH else "VERDICT",
            "fault": self.fault.value,
            "packet": self.packet,
            "line": self.line or None,
            "about": self.about,
            "text": self.text,
        }
