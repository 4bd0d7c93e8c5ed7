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

_COUNTED: Final = re.compile(r" \(\d+ packets? before\)$")  # they were probes of ours


@dataclass(frozen=True, slots=True)
class Fate:
    """It gets through, or not, and why."""

    passes: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What fares otherwise than before."""

    probe: Probe
    before: Fate
    after: Fate

    @property
    def is_cut(self) -> bool:
        """It passed, and would not any more."""
        return self.before.passes


def changes(before: Host, after: Host, probes: Iterable[Probe]) -> Iterator[Change]:
    """Only those. Uses both hosts up."""
    for probe in probes:
        change = Change(probe, fate(before, probe), fate(after, probe))
        if change.before.passes != change.after.passes:
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
    return Fate(False, _why(explanation)) if explanation.is_dropped else Fate(True)


def _why(explanation: Explanation) -> str:
    first = explanation.travellers[0].number
    for stage in explanation.stages:
        if stage.packet == first and stage.kind == "drop":
            reason = stage.told.reasons[0].text if stage.told.reasons else stage.told.text
            return _COUNTED.sub("", reason)
    return explanation.end_of(explanation.travellers[0])
