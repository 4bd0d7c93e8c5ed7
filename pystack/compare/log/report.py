"""An account of a log for people: a packet after the other, and at the end the whole in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.compare.log.account import Account
from pystack.compare.log.datagram import PROTOCOLS, Datagram
from pystack.compare.log.drawing import drawing
from pystack.compare.log.finding import Fault, Finding
from pystack.compare.log.passage import Passage
from pystack.compare.log.replay import Played
from pystack.compare.words import printable
from pystack.explain.text import reason_lines
from pystack.wire import icmp
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, mac_text

_INDENT: Final = " " * 4
_MOST_CAUSES: Final = 1000  # that are counted
_SHOWN_CAUSES: Final = 20
_NAMES: Final = {number: name for name, number in PROTOCOLS.items()}
_CARRIED: Final = {ETH_P_IP: "IPv4", ETH_P_ARP: "ARP"}
_MESSAGES: Final = {
    icmp.ICMP_ECHOREPLY: "echo reply",
    icmp.ICMP_ECHO: "echo request",
    icmp.ICMP_DEST_UNREACH: "unreachable",
    icmp.ICMP_REDIRECT: "redirect",
    icmp.ICMP_TIME_EXCEEDED: "time exceeded",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a line that tells of no packet, or wrongly."""

    line: int
    text: str


@dataclass(slots=True)
class Tally:
    """A log in numbers."""

    lines: int = 0  # of packets
    others: int = 0  # prose, and other messages
    packets: int = 0
    differences: int = 0
    unplayed: int = 0  # packets that could not be played through the setup
    remarks: int = 0
    paths: Counter[str] = field(default_factory=Counter)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)  # of differences

    def add(self, account: Account) -> None:
        """One packet more."""
        self.packets += 1
        self.differences += len(account.findings)
        for finding in account.findings:
            cause = finding.fault.value, finding.about
            if cause in self.causes or len(self.causes) < _MOST_CAUSES:
                self.causes[cause] += 1
        self.paths[account.kind] += 1
        self.unplayed += account.is_unplayed

    def add_unseen(self, packets: int) -> None:
        """Packets that pystack makes, and the log knows nothing of."""
        if packets:
            self.differences += packets
            self.causes[Fault.MISSING.value, "packets that pystack makes"] += packets

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "v": 1,
            "type": "summary",
            "lines": self.lines,
            "other_lines": self.others,
            "packets": self.packets,
            "paths": dict(self.paths),
            "differences": self.differences,
            "causes": [
                {"fault": fault, "about": about, "differences": number}
                for (fault, about), number in self.causes.most_common()
            ],
            "not_played": self.unplayed,
            "remarks": self.remarks,
        }


def told(account: Account) -> Iterator[str]:
    """All of one packet."""
    passage = account.passage
    yield f"#{passage.number} {headline(passage)}   ({_where(passage)})"
    for line in drawing(account):
        yield f"{_INDENT}{printable(line)}".rstrip()
    yield f"{_INDENT}= {'; '.join([printable(account.end), *_relations(account)])}"
    if account.played is not None and account.played.ends:
        yield f"{_INDENT}= pystack: {'; '.join(map(printable, account.played.ends))}"
        yield from map(printable, reason_lines(account.played.why))
    for note in account.notes:
        yield f"{_INDENT}  {printable(note)}"
    for finding in account.findings:
        place = f"line {finding.line}: " if finding.line else ""
        yield f"{_INDENT}! {place}{printable(finding.text)}"


def _where(passage: Passage) -> str:
    numbers = [line.number for line in passage.lines]
    first, last = min(numbers), max(numbers)
    lines = f"line {first}" if first == last else f"lines {first}-{last}"
    return f"{printable(passage.host)}, {lines}" if passage.host else lines


def headline(passage: Passage) -> str:
    """What the packet is."""
    packet = passage.datagram
    if packet is not None:
        return f"{packet.source} > {packet.destination}: {_words(packet)}"
    first = passage.first.message
    link = first.link
    if link is None:
        return "ARP"
    carried = _CARRIED.get(link.protocol, f"0x{link.protocol:04x}")
    ends = f", {printable(' > '.join(first.ends))}" if first.ends else ""
    return f"{mac_text(link.source)} > {mac_text(link.destination)}: {carried}{ends}"


def _words(packet: Datagram) -> str:
    carried = packet.carried
    name = _NAMES.get(packet.protocol or 0, f"protocol {packet.protocol}")
    if "TYPE" in carried:
        message = _MESSAGES.get(carried["TYPE"], f"type {carried['TYPE']}")
        numbers = [f"{word.lower()} {carried[word]}" for word in ("ID", "SEQ") if word in carried]
        said = ", ".join([f"{name} {message}", *numbers])
    elif "SPT" in carried:
        said = f"{name} {carried['SPT']} > {carried.get('DPT', '?')}"
    else:
        said = name
    identity = packet.header.get("ID")
    return f"{said}, IP id {identity}" if identity else said


def _relations(account: Account) -> Iterator[str]:
    if account.answers is not None:
        yield f"answers #{account.answers}"
    if account.seen_before is not None:
        yield f"the same packet as #{account.seen_before}"
    if account.answered_by is not None:
        yield f"answered by #{account.answered_by}"
    if account.seen_again is not None:
        yield f"goes on as #{account.seen_again}"
    if account.passage.quoted_again:
        yield f"quoted again: {_count(account.passage.quoted_again, 'line')}"


def unseen_findings(played: Sequence[Played]) -> Iterator[Finding]:
    """The same for programs."""
    for one in played:
        for line in one.lines:
            yield Finding(Fault.MISSING, 0, f"not in the log: {line}", about="packets that pystack makes")


def unseen(played: Sequence[Played]) -> Iterator[str]:
    """What pystack made of the log's packets, and the log knows nothing of."""
    for one in played:
        yield f"! not in the log: a packet that pystack makes, path {one.kind}"
        yield from (f"{_INDENT}{printable(line)}" for line in one.lines)


def remarks(said: Sequence[Remark], total: int) -> Iterator[str]:
    """Of lines; not of more than anybody reads."""
    for remark in said:
        yield f"line {remark.line}: {printable(remark.text)}"
    if total > len(said):
        yield f"… and {total - len(said)} more remarks"


def summary(tally: Tally, with_setup: bool) -> Iterator[str]:
    """The last lines."""
    paths = ", ".join(f"{kind} {count}x" for kind, count in sorted(tally.paths.items()))
    yield f"{_count(tally.packets, 'packet')} in {_count(tally.lines, 'line')}" + (
        f": {paths}" if paths else ""
    )
    against = "the setup" if with_setup else "the kernel's order, and each other"
    differences = _count(tally.differences, "difference") if tally.differences else "no difference"
    unplayed = f"; {_count(tally.unplayed, 'packet')} not played" if tally.unplayed else ""
    yield f"held against {against}: {differences}{unplayed}"


def causes(tally: Tally) -> Iterator[str]:
    """What differs, the most frequent first, where it is more than one thing."""
    if tally.differences < 2:
        return
    yield "what differs, by cause:"
    for (fault, about), number in tally.causes.most_common(_SHOWN_CAUSES):
        yield f"{_INDENT}{number}x {fault}: {printable(about)}"
    if len(tally.causes) > _SHOWN_CAUSES:
        yield f"{_INDENT}… and {len(tally.causes) - _SHOWN_CAUSES} more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# --- for programs ---------------------------------------------------------------------------------------


def to_json(account: Account) -> dict[str, object]:
    """One packet."""
    passage, played = account.passage, account.played
    met = {line.hook for line in passage.lines}
    return {
        "v": 1,
        "type": "packet",
        "packet": passage.number,
        "host": passage.host or None,
        "what": headline(passage),
        "path": account.kind,
        "end": account.end,
        "hooks": [str(passage.named(hook)) for hook in account.hooks],
        "without_line": [str(passage.named(hook)) for hook in account.hooks if hook not in met],
        "lines": [
            {
                "line": line.number,
                "family": passage.named(line.hook).family,
                "hook": line.hook.name,
                "table": line.place.table or None,
                "text": line.text,
            }
            for line in passage.lines
        ],
        "answers": account.answers,
        "answered_by": account.answered_by,
        "same_as": account.seen_before,
        "goes_on_as": account.seen_again,
        "notes": account.notes,
        "pystack": None if played is None else _played(played),
    }


def _played(played: Played) -> dict[str, object]:
    """What pystack made of it."""
    return {
        "path": played.kind,
        "ends": played.ends,
        "why": [reason.to_json() for reason in played.why],
        "lines": played.lines,
    }
