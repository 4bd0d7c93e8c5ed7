"""Which lines are of one packet: by what they say of it, by devices and link addresses, and by order.

An IP packet is known by its addresses, identification and ports; what NAT changed is known by the rest. Lines
of
ebtables show only link addresses: they belong to the packet that is at that bridge at that moment. A packet
that
begins its way anew (in the guest, in another namespace, sent a second time) is another passage.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from pystack.compare.log.message import ARP, BRIDGE, Message
from pystack.compare.log.passage import Line, Passage
from pystack.compare.log.place import Hook
from pystack.explain.path_kind import LOOPBACK
from pystack.wire.ethernet import ETH_P_ARP

_OPEN: Final = 64  # passages that a line may still belong to
_REACH: Final = 400  # lines: what is further back is over
_MOST_LINES: Final = 256  # of one packet
_NEAR: Final = 8  # lines between IP's last one of a packet and the first of the bridge behind it
_SWAPPED: Final = 2  # lines by which the log of two processors may be in disorder
_BROUTING: Final = Hook(BRIDGE, "BROUTING")
_INTO_BRIDGE: Final = (_BROUTING, Hook(BRIDGE, "PREROUTING"))


class Grouper:
    """Takes lines in the order of the log."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []
        self._next = 1
        self._open: deque[Passage] = deque(maxlen=_OPEN)  # the one that was last told of first
        self._bare: dict[tuple[str, str], Passage] = {}  # by host and text, of notes

    def add(self, line: Line) -> None:
        """One more line."""
        is_of_note = line.is_bare and _is_unmistakable(line.message)
        if is_of_note and (known := self._bare.get((line.host, line.text))) and not _goes_on(known, line):
            known.quoted_again += 1
            return
        passage = next((one for one in self._open if _fits(one, line)), None)
        if passage is None:
            passage = Passage(self._next, line.host)
            self._next += 1
            self.passages.append(passage)
        else:
            self._open.remove(passage)
        passage.lines.append(line)
        self._open.appendleft(passage)
        if is_of_note:
            self._bare[line.host, line.text] = passage

    def leave_out(self) -> None:
        """A note says that lines are left out here."""
        if self._open:
            passage = self._open[0]
            passage.left_out.append(len(passage.lines))

    def take(self, *, keep_open: bool = False) -> list[Passage]:
        """All packets, to be forgotten; or all but those of which more lines may come."""
        kept = list(self._open) if keep_open else []
        taken = [passage for passage in self.passages if passage not in kept]
        self.passages = [passage for passage in self.passages if passage in kept]
        if not keep_open:
            self._open.clear()
        self._bare.clear()
        for passage in taken:
            passage.settle()
        return taken


def _is_unmistakable(message: Message) -> bool:
    """Whether no other packet has the same line: it has an identification of its own."""
    return message.datagram is not None and bool(message.datagram.header.get("ID"))


def _goes_on(known: Passage, line: Line) -> bool:
    """Whether a line that was there already is no quotation, but the next of a log without dates."""
    return line.order - known.last.order <= 1 and line.message.place != known.last.message.place


def _fits(passage: Passage, line: Line) -> bool:
    if passage.host != line.host or line.order - passage.last.order > _REACH:
        return False
    if line.message.family == ARP or len(passage.lines) >= _MOST_LINES:
        return False
    if line.message.family == BRIDGE:
        fits = _fits_at_bridge(passage, line)
    else:
        fits = _is_of_ip(passage) and _is_same_packet(passage, line.message) and _is_same_way(passage, line)
    return fits and not any(known.message.place == line.message.place for known in passage.lines)


def _is_of_ip(passage: Passage) -> bool:
    link = passage.first.message.link
    return link is None or link.protocol != ETH_P_ARP


# --- lines of IP ----------------------------------------------------------------------------------------


def _is_same_packet(passage: Passage, message: Message) -> bool:
    told = message.datagram
    assert told is not None, "a line of IP tells of a packet"
    known = list(passage.datagrams)
    if not known:  # only ebtables has spoken yet
        return _has_link_of(passage, message)
    if any(other.identity == told.identity for other in known):
        return True
    last = known[-1]
    if last.body != told.body or not told.header.get("ID"):
        return False
    return last.source == told.source or last.destination == told.destination  # NAT between the two


def _has_link_of(passage: Passage, message: Message) -> bool:
    """A line of IP behind lines of ebtables: the same frame."""
    first = passage.first.message
    if message.physin and first.port_in and message.physin != first.port_in:
        return False
    if message.link is None or first.link is None:
        return bool(message.physin) and message.physin == first.port_in
    if message.indev == first.indev and all(line.hook == _BROUTING for line in passage.lines):
        return (
            message.link.source == first.link.source
        )  # broute took it, and may have given it another station
    return message.link == first.link and not passage.has(Hook(BRIDGE, "OUTPUT"))


def _is_same_way(passage: Passage, line: Line) -> bool:
    """By the same devices; what turns round at lo is still on its way."""
    message, known = line.message, [one.message for one in passage.lines if one.message.family != BRIDGE]
    port_in = passage.port_in
    if message.physin and port_in and message.physin != port_in:
        return False
    if not known:
        return True
    entered, left = passage.entered_by, passage.left_by
    if message.physout:  # between two ports: IN= is empty behind POSTROUTING
        return not left or message.outdev == left
    if not entered and not any(one.physin for one in known):
        return not message.indev or (message.indev == LOOPBACK and left == LOOPBACK)
    if not message.indev:
        return entered == LOOPBACK and message.outdev == LOOPBACK
    if message.indev != entered:
        return entered == "" and bool(known[0].physin)
    return not (message.outdev and left) or message.outdev == left


# --- lines of ebtables ----------------------------------------------------------------------------------


def _fits_at_bridge(passage: Passage, line: Line) -> bool:
    message = line.message
    assert message.link is not None, "ebtables tells the link header"
    if message.link.protocol == ETH_P_ARP and passage.datagram is not None:
        return False
    return _fits_behind_port(passage, line) if message.indev else _fits_before_port(passage, line)


def _fits_behind_port(passage: Passage, line: Line) -> bool:
    """BROUTING, PREROUTING, INPUT, FORWARD: the frame that came by this port, from this sender."""
    message, known = line.message, passage.link_in
    assert message.link is not None, "ebtables tells the link header"
    if passage.port_in not in ("", message.indev) or known is None or known.source != message.link.source:
        return False
    if not passage.port_in and passage.entered_by == message.indev:
        return False  # it came by that device without being bridged
    if known.protocol != message.link.protocol:
        return False
    if line.hook not in _INTO_BRIDGE:
        return not passage.has(Hook(BRIDGE, "OUTPUT"))
    if known.destination != message.link.destination:
        return False
    is_ahead = all(one.hook in _INTO_BRIDGE for one in passage.lines)
    return is_ahead or line.order - passage.first.order <= _SWAPPED


def _fits_before_port(passage: Passage, line: Line) -> bool:
    """OUTPUT, POSTROUTING: a bridged frame, or one that IP hands to a bridge."""
    message, link = line.message, line.message.link
    assert link is not None, "ebtables tells the link header"
    bridged = [
        one.message
        for one in passage.lines
        if one.hook == Hook(BRIDGE, "FORWARD") or (one.message.physin and one.message.physout)
    ]
    if bridged:
        ports = {one.port_out for one in bridged}
        known = passage.link_in
        return message.outdev in ports and (known is None or known.source == link.source)
    given = passage.link_out
    if given is not None:
        return given == link
    if passage.datagram is None:
        return False
    out = passage.left_by
    is_on_its_way_out = out not in ("", LOOPBACK, message.outdev)
    is_near = line.order - passage.last.order <= _NEAR
    return (
        is_near and is_on_its_way_out and not passage.has(Hook("ip", "INPUT")) and link.protocol != ETH_P_ARP
    )
