"""A lab for packets of a live namespace: what shows there once more, and how little it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pystack.compare.diff import Difference
from pystack.compare.fuzz.cause import cause_of, first_of
from pystack.compare.fuzz.shrink import Shrinker
from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.fuzz_twin import Twin
from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.side import Side, SideError
from pystack.compare.live.examples.ways import is_same_way, way_of
from pystack.compare.live.judge import Verdict
from pystack.compare.records import Hop
from pystack.compare.scenario import Scenario

TRIES: Final = 120  # plays in the kernel for one scenario: each builds a namespace
PATIENCE: Final = 30.0  # seconds of shrinking for one scenario

Shows = Callable[[Scenario], bool]


class Clone:
    """A namespace of the kernel's and a host of ours, built anew from a scenario."""

    def __init__(self) -> None:
        self._kernel, self._pystack = KernelSide(), PystackSide()
        self._twin = Twin(lambda: self._kernel, lambda: self._pystack)

    def close(self) -> None:
        """Put everything back."""
        self._twin.close()

    # --- one side alone ---------------------------------------------------------------------------------

    def kernel_way(self, scenario: Scenario, verdict: Verdict) -> list[Hop]:
        """How the packet fares in a kernel with the copy's state. Raises SideError, LabBroken."""
        return _way(self._kernel, scenario, verdict)

    def pystack_way(self, scenario: Scenario, verdict: Verdict) -> list[Hop]:
        """And in a fresh host of ours. Raises SideError."""
        return _way(self._pystack, scenario, verdict)

    # --- both -------------------------------------------------------------------------------------------

    def difference(self, scenario: Scenario, verdict: Verdict) -> Difference | None:
        """What differs there, too: the same as live, or else whatever is first. Raises SideError if a lab
        cannot be had.
        """
        found = self._twin.differences(scenario)
        wanted = verdict.differences[0]
        same = (one for one in found if one.cls == wanted.cls and wanted.cause.startswith(one.cause))
        return next(same, first_of(found))

    def shrunk(self, scenario: Scenario, difference: Difference) -> Scenario:
        """The smallest that shows a difference still."""
        cause = cause_of(difference)
        return _shrunk(scenario, lambda one: cause in map(cause_of, self._twin.differences(one)), tries=TRIES)

    def shrunk_way(self, scenario: Scenario, verdict: Verdict) -> Scenario:
        """The smallest in which the packet goes its way in our host: no kernel is asked, so it is quick."""

        def shows(candidate: Scenario) -> bool:
            try:
                return is_same_way(self.pystack_way(candidate, verdict), verdict.pystack)
            except SideError:
                return False

        return _shrunk(scenario, shows) if shows(scenario) else scenario


def _way(side: Side, scenario: Scenario, verdict: Verdict) -> list[Hop]:
    side.open(scenario.topology)
    return way_of(side.play(scenario), verdict)


def _shrunk(scenario: Scenario, shows: Shows, tries: int = 1 << 20) -> Scenario:
    deadline = time.monotonic() + PATIENCE

    def shows_in_time(candidate: Scenario) -> bool:
        try:
            return time.monotonic() < deadline and shows(candidate)
        except LabBroken:
            return False

    return Shrinker(shows_in_time, tries).shrink(scenario)
