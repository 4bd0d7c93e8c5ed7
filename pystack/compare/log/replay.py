"""Packets of a log, played again through the machine of a setup, one after the other: what it prints of them.

As much time passes in between as the log says, none if it does not say. What no line tells of a packet (its
payload) is zero. Connections are tracked from packet to packet. What the machine itself makes of a packet
(answers, questions by ARP) is not played but expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from pystack.applets.virtual import advance
from pystack.compare.log.datagram import Datagram, Unreadable
from pystack.compare.log.machine import Machine
from pystack.compare.log.message import Message, find_devices, read
from pystack.compare.log.moment import passed
from pystack.compare.log.passage import Passage
from pystack.compare.log.rebuild import rebuild
from pystack.compare.log_lines import Identity, identities
from pystack.errors import NetError
from pystack.explain.journey import Explanation, Journey
from pystack.explain.path_kind import Wiring, wiring_of
from pystack.explain.stage import Reason, Traveller
from pystack.explain.words import Made
from pystack.l3.fib_types import Flow
from pystack.l3.route import Rtable
from pystack.wire import ipv4
from pystack.wire.ethernet import ETH_P_IP, header

_ROUTED: Final = ("FORWARD", "POSTROUTING")
_MOST_TIMERS: Final = 1000  # that run out between two packets
_MOST_AWAITED: Final = 256


class Unplayable(Exception):
    """Why a packet is not played."""


@dataclass(slots=True)
class Played:
    """What the machine said of one packet."""

    lines: list[str]
    kind: str
    ends: list[str]
    note: str = ""  # what had to be assumed
    why: tuple[Reason, ...] = ()  # it was dropped


@dataclass(slots=True)
class _Awaited:
    """A packet that the machine made, and no line of the log told of yet."""

    played: Played
    first: Message


@dataclass(slots=True)
class Replay:
    """All packets of a log through one machine, in their order."""

    machine: Machine
    injected: set[Identity] = field(default_factory=set)
    _awaited: list[_Awaited] = field(default_factory=list)
    _moment: float | None = None  # of the line before, by the clock of the log

    @property
    def wiring(self) -> Wiring:
        """Of the machine, for kinds of paths."""
        return wiring_of(self.machine.host, self.machine.netns)

    def play(self, passage: Passage) -> Played:
        """What the machine prints of this packet. Raises Unplayable."""
        self._pass_time(passage.first.moment)
        if (expected := self._expected(passage)) is not None:
            return expected
        self.machine.teach(passage)
        told = passage.datagram
        if told is None:
            raise Unplayable("its lines show nothing but link addresses")
        try:
            packet = rebuild(_as_it_came(passage, told))
        except Unreadable as error:
            raise Unplayable(str(error)) from None
        return self._leave(passage, told, packet) if passage.is_made_here else self._enter(passage, packet)

    def _pass_time(self, moment: float | None) -> None:
        """Until the moment of a line: timers run out meanwhile, as they did on the machine of the log."""
        if moment is None:
            return
        before, self._moment = self._moment, moment
        clock = self.machine.host.clock
        until = clock.now + (0.0 if before is None else passed(before, moment))
        for _ in range(_MOST_TIMERS):
            if clock.now >= until:
                return
            advance(self.machine.host, until, _nobody_outside)
        clock.set(until)

    def awaited(self) -> Iterator[Played]:
        """What the machine made and printed, and the log has not."""
        for one in self._awaited:
            yield one.played
        self._awaited.clear()

    def _expected(self, passage: Passage) -> Played | None:
        """A packet that the machine made already."""
        for at, one in enumerate(self._awaited):
            if _is_alike(passage.first.message, one.first):
                return self._awaited.pop(at).played
        return None

    def _enter(self, passage: Passage, packet: bytes) -> Played:
        found = self.machine.entrance(passage)
        if found is None:
            raise Unplayable(f"the setup has no device {passage.port_in or passage.entered_by}")
        netns, dev = found
        link = passage.link_in
        made = Made(ETH_P_IP, packet)
        if link is not None:
            made = Made(ETH_P_IP, packet, link.source, link.destination)
            self.injected |= identities([header(link.destination, link.source, ETH_P_IP) + packet])
        else:
            self.injected |= identities([header(bytes(6), bytes(6), ETH_P_IP) + packet])
        journey = Journey(self.machine.host, netns)
        journey.enter(dev, made)
        return self._heard(journey.close())

    def _leave(self, passage: Passage, told: Datagram, packet: bytes) -> Played:
        """A local socket sends it, bound to the device by which it went if the routes alone say otherwise."""
        message = passage.first.message
        device = message.outdev or message.indev  # of one that is seen at INPUT alone: lo
        if self.machine.netns.devices.get(device) is None:
            raise Unplayable(f"the setup has no device {device}")
        by_routes = self._routed_by(told, message.mark, message.uid)
        bound_to, note = "", ""
        if by_routes != device:
            bound_to = device
            note = (
                f"the routes say {by_routes or 'no way'}: its socket was bound to {device} (SO_BINDTODEVICE)"
            )
        journey = Journey(self.machine.host, self.machine.netns)
        try:
            journey.leave(Made(ETH_P_IP, packet), bound_to=bound_to, mark=message.mark, uid=message.uid)
        except NetError as error:
            journey.close()
            return Played([], "4-?", [f"the socket that sends it gets: {error.text}"], note)
        played = self._heard(journey.close())
        played.note = note
        return played

    def _routed_by(self, told: Datagram, mark: int, uid: int) -> str:
        source, destination = ipv4.parse_address(told.source), ipv4.parse_address(told.destination)
        flow = Flow(destination or 0, source or 0, mark=mark, uid=uid)
        route = self.machine.netns.ipv4.router.route_output(flow)
        return route.dev.name if isinstance(route, Rtable) else ""

    def _heard(self, explanation: Explanation) -> Played:
        first, *others = explanation.travellers
        for traveller in others:
            lines = lines_of(traveller)
            message = parsed(lines[0]) if lines else None
            if message is not None and len(self._awaited) < _MOST_AWAITED:
                self._awaited.append(_Awaited(_played(traveller, explanation), message))
        return _played(first, explanation)


def _nobody_outside() -> None:
    """What leaves by a port meanwhile is of no interest."""


def lines_of(traveller: Traveller) -> list[str]:
    """What was printed of a packet."""
    return [line.rstrip() for passing in traveller.passed for line in passing.lines]


def _played(traveller: Traveller, explanation: Explanation) -> Played:
    mine = (stage for stage in explanation.stages if stage.packet == traveller.number)
    why = tuple(reason for stage in mine if stage.kind == "drop" for reason in stage.told.reasons)
    return Played(lines_of(traveller), traveller.path, explanation.end_of(traveller).split("; "), why=why)


def _as_it_came(passage: Passage, told: Datagram) -> Datagram:
    """With the TTL that it had before it was routed, if the first line that tells of it is behind that."""
    first = next(line for line in passage.lines if line.message.datagram is told)
    is_routed = first.hook.name in _ROUTED and first.message.indev and not first.message.physout
    if not is_routed or told.ttl == 255:
        return told
    return replace(told, header={**told.header, "TTL": told.ttl + 1})


def parsed(text: str) -> Message | None:
    """What a line that the machine printed says."""
    devices = find_devices(text)
    try:
        return None if devices is None else read(text, devices, text[: devices.start()])
    except Unreadable:
        return None


def _is_alike(seen: Message, made: Message) -> bool:
    """Whether both tell of the same packet, but for numbers that each machine draws."""
    if seen.datagram is None or made.datagram is None:
        return seen.datagram is made.datagram and seen.link == made.link and seen.place[1:] == made.place[1:]
    mine, theirs = seen.datagram, made.datagram
    ends = (mine.source, mine.destination, mine.protocol, mine.flags)
    if ends != (theirs.source, theirs.destination, theirs.protocol, theirs.flags):
        return False
    return _drawn_aside(mine) == _drawn_aside(theirs)


def _drawn_aside(told: Datagram) -> dict[str, int]:
    return {
        name: value for name, value in told.carried.items() if name in ("TYPE", "CODE", "SEQ", "SPT", "DPT")
    }
