"""A log from its octets to packets: what tells of packets is grouped, of the rest is said what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pystack.compare.log.datagram import Unreadable
from pystack.compare.log.grouping import Grouper
from pystack.compare.log.message import find_devices, read
from pystack.compare.log.passage import Line, Passage
from pystack.compare.log.place import place_of
from pystack.compare.log.report import Remark
from pystack.compare.log.wrappings import LEFT_OUT, Entry, Wrappings

MOST_PACKETS: Final = 2000  # that are held before they are judged
MOST_LINES: Final = 20_000  # likewise
MOST_REMARKS: Final = 50  # that are told


class Reading:
    """Takes the lines of a log, and has packets ready."""

    def __init__(self) -> None:
        self.lines = 0
        self.others = 0
        self.remarks: list[Remark] = []
        self.remarked = 0
        self._handed_out = 0  # lines, when packets were taken last
        self._grouper = Grouper()
        self._wrappings = Wrappings()

    def begin(self, host: str = "") -> None:
        """Another file; what names no host in it is of this one."""
        self._wrappings = Wrappings(host)

    def take_in(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[list[Passage]]:
        """Lines with their numbers; packets whenever there are many."""
        for number, octets in lines:
            for entry in self._wrappings.unwrap(number, octets):
                self._add(entry)
            if len(self._grouper.passages) > MOST_PACKETS or self.lines - self._handed_out > MOST_LINES:
                self._handed_out = self.lines
                yield self._grouper.take(keep_open=True)

    def rest(self) -> list[Passage]:
        """All packets that were not handed out yet: nothing more is to be expected of them."""
        for entry in self._wrappings.end():
            self._add(entry)
        return self._grouper.take()

    def _add(self, entry: Entry) -> None:
        devices = find_devices(entry.text) if entry.is_message else None
        if devices is None:
            self.others += 1
            if LEFT_OUT.fullmatch(entry.text):
                self._grouper.leave_out()
            if entry.is_gap:
                self._remark(
                    entry.number, f"the log itself says that lines are missing: {entry.text.strip()}"
                )
            return
        try:
            message = read(entry.text, devices, entry.text[: devices.start()])
        except Unreadable as why:
            self.others += 1
            self._remark(entry.number, f"tells of no packet: {why}")
            return
        place, host = place_of(message), entry.host
        line = Line(entry.number, self.lines, host, entry.is_bare, message, place, entry.moment)
        self._grouper.add(line)
        self.lines += 1

    def _remark(self, line: int, text: str) -> None:
        self.remarked += 1
        if len(self.remarks) < MOST_REMARKS:
            self.remarks.append(Remark(line, text))
