"""Both sides at once, for one who has many scenarios and wants to hear only of what differs."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable

from pystack.compare.diff import Differ, Difference
from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.probes import meets_probes
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.side import Side, SideError
from pystack.compare.records import Record
from pystack.compare.scenario import Scenario


class Twin:
    """The kernel and pystack; what only one of them refuses, or what breaks pystack, is a difference too."""

    def __init__(
        self, make_kernel: Callable[[], Side] = KernelSide, make_pystack: Callable[[], Side] = PystackSide
    ) -> None:
        self._kernel = make_kernel()
        self._pystack = make_pystack()
        self.forgiven: Counter[str] = Counter()

    def differences(self, scenario: Scenario) -> list[Difference]:
        """Everything that differs. Raises SideError where this machine lacks what is needed."""
        theirs, refused = self._play_kernel(scenario)
        ours, complaint = self._play_pystack(scenario)
        if refused or complaint:
            return [] if refused and complaint else [_broken(refused or complaint)]
        comparison = Differ(theirs, ours).compare()
        self.forgiven.update(comparison.forgiven)
        return comparison.differences

    def _play_kernel(self, scenario: Scenario) -> tuple[list[Record], str]:
        try:
            self._kernel.open(scenario.topology)
            return self._kernel.play(scenario, hops=not meets_probes(scenario)), ""
        except SideError as error:
            if error.missing:
                raise
            return [], f"the kernel refuses: {error}"

    def _play_pystack(self, scenario: Scenario) -> tuple[list[Record], str]:
        try:
            self._pystack.adopt(self._kernel.choices())
            self._pystack.open(scenario.topology)
            return self._pystack.play(scenario, hops=not meets_probes(scenario)), ""
        except SideError as error:
            return [], f"pystack refuses: {error}"
        except Exception as error:  # the fault that a fuzzer is after
            place = traceback.extract_tb(error.__traceback__)[-1]
            self._pystack.close()
            return [], f"{type(error).__name__}: {error} in {place.name}()"

    def close(self) -> None:
        """Put everything back."""
        self._kernel.close()
        self._pystack.close()


def _broken(sentence: str) -> Difference:
    """No packet comes out of that side at all."""
    return Difference("VERDICT", 0, "the whole scenario", None, None, sentence)
