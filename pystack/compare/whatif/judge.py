"""What becomes of a packet on a copy, with the change and without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pystack.compare.whatif.probes import Probe
from pystack.errors import NetError
from pystack.explain.journey import Explanation, Journey
from pystack.explain.words import packet_of
from pystack.host import Host
from pystack.wire import ipv4
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP, address_text
from pystack.wire.malformed import Malformed

CUT, MOVED, LET_IN = "cut", "moved", "let in"

_COUNTED: Final = re.compile(r" \(\d+ packets? before\)$")  # they were probes of ours


@dataclass(frozen=True, slots=True)
class Fate:
    """It gets through, or not, and why."""

    passes: bool
    why: str = ""
    arrives: str = ""  # at whom, as it was last seen


@dataclass(frozen=True, slots=True)
class Change:
    """What fares otherwise than before."""

    probe: Probe
    before: Fate
    after: Fate

    @property
    def kind(self) -> str:
        """What the change does to it."""
        if not self.before.passes:
            return LET_IN
        return MOVED if self.after.passes else CUT

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        if self.kind == LET_IN:
            return f"before: {self.before.why}"
        if self.kind == MOVED:
            return f"comes to {self.after.arrives}, not to {self.before.arrives}"
        return self.after.why


def changes(before: Host, after: Host, probes: Iterable[Probe]) -> Iterator[Change]:
    """Only those. Uses both hosts up."""
    for probe in probes:
        change = Change(probe, fate(before, probe), fate(after, probe))
        if (change.before.passes, change.before.arrives) != (change.after.passes, change.after.arrives):
            yield change


def fate(host: Host, probe: Probe) -> Fate:
    """Of one packet on one host."""
    journey = Journey(host, host.init)
    made = packet_of(probe.packet)
    dev = host.init.devices.get(probe.entry)
    try:
        if probe.entry and dev is None:
            return Fate(False, f"there is no device {probe.entry}")
        if dev is not None:
            journey.enter(dev, made)
        else:
            journey.leave(made)
    except NetError as error:
        journey.close()
        return Fate(False, error.text)
    explanation = journey.close()
    if explanation.is_dropped:
        return Fate(False, _why(explanation))
    return Fate(True, arrives=_destination(explanation.travellers[0].network))


def _destination(packet: bytes) -> str:
    """Address and port."""
    header = ipv4.parse(packet, 0)
    if isinstance(header, Malformed):
        return ""
    address = address_text(header.daddr)
    if header.protocol not in (IPPROTO_TCP, IPPROTO_UDP):
        return address
    return f"{address}:{int.from_bytes(packet[header.ihl + 2 : header.ihl + 4], 'big')}"


def _why(explanation: Explanation) -> str:
    first = explanation.travellers[0].number
    for stage in explanation.stages:
        if stage.packet == first and stage.kind == "drop":
            reason = stage.told.reasons[0].text if stage.told.reasons else stage.told.text
            return _COUNTED.sub("", reason)
    return explanation.end_of(explanation.travellers[0])
