"""What IGMPv3 and MLDv2 reports share: records of who wants a group from whom, but for an address's size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.applets.tcpdump.page import Page

RECORDS: Final = {1: "is_in", 2: "is_ex", 3: "to_in", 4: "to_ex", 5: "allow", 6: "block"}
_FIRST: Final = 8  # octets of the report before its first record
_FIXED: Final = 4  # octets of a record before the group's address


@dataclass(frozen=True, slots=True)
class GroupAddresses:
    """How one of the two protocols writes addresses."""

    size: int
    text: Callable[[Page, int], str]
    report: str  # what an unknown kind of record is named by

    def print_records(self, page: Page, at: int, length: int, count: int) -> None:
        """All records of the report at `at`."""
        place, head = _FIRST, _FIXED + self.size
        for _ in range(count):
            if length < place + head:
                return page.say(" [invalid number of groups]")
            kind = page.u8(at + place)
            record = RECORDS.get(kind, f" [{self.report}-#{kind}]")
            page.say(f" [gaddr {self.text(page, at + place + _FIXED)} {record}")
            sources = page.u16(at + place + 2)
            if length < place + head + sources * self.size:
                return page.say(f" [invalid number of sources {sources}]")
            if page.look.v == 1:
                page.say(f", {sources} source(s)")
            else:
                self.print_sources(page, at + place + head, sources)
            place += head + sources * self.size
            page.say("]")

    def print_sources(self, page: Page, at: int, count: int) -> None:
        """So many addresses in a row."""
        page.say(" {")
        for number in range(count):
            page.say(f" {self.text(page, at + number * self.size)}")
        page.say(" }")


IGMP: Final = GroupAddresses(4, Page.ip, "v3-report")
MLD: Final = GroupAddresses(16, Page.ip6, "v2-report")
