"""How the packets of a log hang together: the same one seen elsewhere, what answers what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.compare.log.datagram import Datagram
from pystack.compare.log.passage import Passage
from pystack.explain.path_kind import LOOPBACK
from pystack.wire import icmp, tcp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP

_ERRORS: Final = {
    icmp.ICMP_DEST_UNREACH: "unreachable",
    icmp.ICMP_TIME_EXCEEDED: "time exceeded",
    icmp.ICMP_PARAMETERPROB: "parameter problem",
}
_MOST: Final = 4096  # packets among which one is looked for


@dataclass(slots=True)
class Relations:
    """By the numbers of packets."""

    seen_before: dict[int, int] = field(default_factory=dict)  # the same packet, on another machine or again
    answers: dict[int, int] = field(default_factory=dict)  # an answer: what it answers
    refusals: dict[int, str] = field(default_factory=dict)  # a packet: how it was refused

    def seen_again(self, number: int) -> int | None:
        """As which packet it goes on."""
        return next((later for later, earlier in self.seen_before.items() if earlier == number), None)

    def answered_by(self, number: int) -> int | None:
        """Which packet answers it."""
        return next((answer for answer, asked in self.answers.items() if asked == number), None)


def relate(passages: Sequence[Passage]) -> Relations:
    """What belongs to what."""
    found = Relations()
    latest: dict[object, Passage] = {}
    for passage in passages:
        told = passage.datagram
        if told is None:
            continue
        earlier = latest.get(("same", told.identity))
        if earlier is not None and _may_be_same(told):
            found.seen_before[passage.number] = earlier.number
        elif (asked := _asked(told, latest)) is not None:
            found.answers[passage.number] = asked.number
            if how := _refusal(told):
                found.refusals[asked.number] = how
        for datagram in (told, *reversed(list(passage.datagrams))):  # also as NAT left it
            _remember(latest, datagram, passage)
        while len(latest) > _MOST:
            del latest[next(iter(latest))]
    return found


def _may_be_same(told: Datagram) -> bool:
    """Two datagrams without identification can be alike and not the same."""
    return bool(told.header.get("ID") or told.header.get("FLOWLBL"))


def _remember(latest: dict[object, Passage], told: Datagram, passage: Passage) -> None:
    latest["same", told.identity] = passage
    latest["datagram", told.source, told.destination, told.header.get("ID")] = passage
    latest["flow", told.source, told.destination, told.protocol, _ports(told)] = passage


def _ports(told: Datagram) -> tuple[object, ...]:
    carried = told.carried
    if told.protocol == IPPROTO_ICMP:
        return (carried.get("TYPE"), carried.get("ID"), carried.get("SEQ"))
    return (carried.get("SPT"), carried.get("DPT"))


def _asked(told: Datagram, latest: dict[object, Passage]) -> Passage | None:
    if told.quoted is not None:
        inner = told.quoted
        return latest.get(("datagram", inner.source, inner.destination, inner.header.get("ID")))
    carried, ends = told.carried, (told.destination, told.source, told.protocol)
    if told.protocol == IPPROTO_ICMP:
        if carried.get("TYPE") != icmp.ICMP_ECHOREPLY:
            return None
        return latest.get(("flow", *ends, (icmp.ICMP_ECHO, carried.get("ID"), carried.get("SEQ"))))
    return latest.get(("flow", *ends, (carried.get("DPT"), carried.get("SPT"))))


def _refusal(told: Datagram) -> str:
    """How a packet says no to another; nothing if it does not."""
    if told.protocol == IPPROTO_ICMP and told.quoted is not None:
        kind = _ERRORS.get(told.carried.get("TYPE", 0))
        return f"ICMP {kind}, code {told.carried.get('CODE', 0)}" if kind else ""
    return "a TCP reset" if told.protocol == IPPROTO_TCP and told.flags & tcp.RST else ""


def crossings(passages: Sequence[Passage], related: Relations) -> list[Passage]:
    """Packets that left by a device and came in again on the same machine: a way into another namespace."""
    by_number = {passage.number: passage for passage in passages}
    found = []
    for later, earlier in related.seen_before.items():
        before, after = by_number[earlier], by_number[later]
        names_host = bool(before.host) and before.host == after.host
        if names_host and after.entered_by and before.left_by not in ("", LOOPBACK, after.entered_by):
            found.append(before)
    return found
