"""What was seen, on one line each, in the words of tcpdump."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.dissect import Dissector
from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.page import Look
from pystack.compare.points import framed
from pystack.compare.records import Captured, ConnChange, Frame, Hop, Log, Output, Record, State

NOTHING: Final = "-"


def one_line(frame: bytes) -> str:
    """A frame as `tcpdump -nn -e -t` prints it."""
    return _line(frame, Look(e=True, n=2, t=1))


def short_line(frame: bytes) -> str:
    """A frame without its link header."""
    return _line(frame, Look(n=2, t=1))


def _line(frame: bytes, look: Look) -> str:
    return Dissector(look, Names()).text(0, frame, len(frame)).strip()


def words(record: Record | None) -> str:
    """One record."""
    match record:
        case None:
            return NOTHING
        case Frame() | Captured():
            return one_line(record.data)
        case Hop():
            where = f"{record.indev or ''}>{record.outdev or ''}"
            return f"{record.family} {record.hook} {record.priority} {where} {one_line(framed(record))}"
        case Log() | ConnChange():
            return record.text
        case Output():
            return f"exit code {record.rc}: {record.text.strip()}"
        case State():
            return record.text.strip()


def printable(text: str) -> str:
    """Text of somebody else's, for a terminal that must not obey it."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
