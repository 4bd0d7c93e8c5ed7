"""Whether two lines of the kernel's log tell the same: byte for byte, but for what each side draws itself.

Of a packet that the stack made, the line's identification (and a ping's id) is that side's own, as in frames
(equivalences.py); of one that came in, every octet counts. The same holds of a packet that an ICMP error
quotes in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pystack.wire.fields import place_of
from pystack.wire.ipv4 import address_text

NAME: Final = "log-ip-id"

_PACKET: Final = re.compile(r"SRC=(\S+) DST=(\S+) ([^\[\]]*? )?ID=(\d+) ")
_PING: Final = re.compile(r"(TYPE=[08] CODE=0 )ID=\d+ ")

Identity = tuple[str, str, int]


def identities(frames: Iterable[bytes]) -> frozenset[Identity]:
    """Who sent what to whom, of frames that were put in."""
    found: set[Identity] = set()
    for frame in frames:
        place = place_of(frame, "ip.src")
        if place is not None:
            at = place[0] - 12
            addresses = (int.from_bytes(frame[at + 12 + end : at + 16 + end], "big") for end in (0, 4))
            source, destination = (address_text(address) for address in addresses)
            found.add((source, destination, int.from_bytes(frame[at + 4 : at + 6], "big")))
    return frozenset(found)


def alike_lines(left: str, right: str, injected: frozenset[Identity]) -> list[str] | None:
    """The names of what had to be forgiven: nothing, NAME, or None if they differ."""
    if left == right:
        return []
    return [NAME] if _masked(left, injected) == _masked(right, injected) else None


def _masked(line: str, injected: frozenset[Identity]) -> str:
    """The line in pieces, one for each packet it tells of, with what is drawn blanked."""
    starts = [found.start() for found in _PACKET.finditer(line)]
    if not starts:
        return line
    pieces = [line[: starts[0]]]
    for start, end in zip(starts, [*starts[1:], len(line)], strict=True):
        pieces.append(_masked_packet(line[start:end], injected))
    return "".join(pieces)


def _masked_packet(piece: str, injected: frozenset[Identity]) -> str:
    found = _PACKET.match(piece)
    assert found is not None, "the line was cut where packets begin"
    if (found[1], found[2], int(found[4])) in injected:
        return piece
    head = f"SRC={found[1]} DST={found[2]} {found[3] or ''}ID=N "
    return head + _PING.sub(r"\1ID=N ", piece[found.end() :], count=1)
