"""Plays scenarios on both sides and says what differs: `pystack compare lab`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pystack.compare.diff import Differ
from pystack.compare.known import KernelRange, Known, sort_out
from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.folder import folders_of, known_differences, pending_scenarios
from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.probes import meets_probes
from pystack.compare.lab.pystack_side import PystackSide, refuse_unknown
from pystack.compare.lab.scenario_file import ScenarioError, find, read
from pystack.compare.lab.side import Choices, Oracle, Side, SideError
from pystack.compare.lab.vm_side import VmSide
from pystack.compare.outcome import DIFFER, ERROR, PENDING, PLAYED, SKIPPED, Outcome, judged
from pystack.compare.records import Record
from pystack.compare.scenario import Scenario

BOTH: Final = "both"
HOST: Final = "host"  # which kernel is asked: this machine's, or a VM's
VM: Final = "vm"
_SECOND_THOUGHTS: Final = 2
_LACKS: Final = ("Unknown device type", "Operation not supported")
_HINT: Final = "; `needs` skips what a kernel lacks, and --oracle vm asks another one"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    side: str = BOTH  # both, kernel, pystack
    thorough: bool = False
    hops: bool = True
    oracle: str = HOST


class Runner:
    """Plays one scenario after the other; those with an equal topology share what was built for it."""

    def __init__(
        self,
        options: Options,
        *,
        make_kernel: Callable[[], Oracle] | None = None,
        make_pystack: Callable[[], Side] = PystackSide,
    ) -> None:
        self._options = options
        wants_kernel = options.side in (BOTH, "kernel")
        wants_pystack = options.side in (BOTH, "pystack")
        kernel = make_kernel or (lambda: _kernel_side(options))
        self._kernel: Oracle | None = kernel() if wants_kernel else None
        self._pystack: Side | None = make_pystack() if wants_pystack else None

    def close(self) -> None:
        """Put everything back."""
        for side in (self._kernel, self._pystack):
            if side is not None:
                side.close()

    def run(self, places: Sequence[str]) -> Iterator[Outcome]:
        """An outcome for each scenario, in the order of their names. Raises ScenarioError at once."""
        files = find(places)
        folders = folders_of(files)
        known, pending = known_differences(folders), pending_scenarios(folders)
        return (self._outcome(file, known, pending) for file in files)

    def _outcome(self, file: str, known: list[Known], pending: dict[str, str]) -> Outcome:
        try:
            scenario = read(file)
        except ScenarioError as error:
            return Outcome(file, "", ERROR, "; ".join(error.complaints))
        waits_for = pending.get(os.path.abspath(file)) if self._pystack is not None else None
        if waits_for is not None:
            return Outcome(file, scenario.title, PENDING, waits_for)
        try:
            reason = self._why_not(scenario)
            if reason:
                return Outcome(file, scenario.title, SKIPPED, reason)
            return self._settled(scenario, known)
        except SideError as error:
            result = SKIPPED if error.missing else ERROR
            return Outcome(file, scenario.title, result, "; ".join(error.complaints))
        except LabBroken as error:
            return Outcome(file, scenario.title, ERROR, f"{file}: the lab broke: {error}")

    def _why_not(self, scenario: Scenario) -> str:
        """The reason not to play it here; "" if there is none."""
        bounds = KernelRange.parse(scenario.kernel)
        if self._kernel is not None and bounds.bounds and not bounds.holds(self._kernel.version()):
            return f"holds for kernels {scenario.kernel}"
        for name, side in (("this kernel", self._kernel), ("pystack", self._pystack)):
            if side is not None and scenario.needs and (missing := side.lacks(scenario.needs)):
                return f"needs {', '.join(missing)}, which {name} lacks"
        return ""

    def _settled(self, scenario: Scenario, known: list[Known]) -> Outcome:
        """A difference counts when the kernel repeats it.

        The order in which a busy machine runs the programs of a scenario, and a timer that fires just before
        or after they did their work, are the kernel's alone: pystack plays in virtual time.
        """
        outcome = self._compare(scenario, known)
        for _ in range(_SECOND_THOUGHTS):
            if outcome.result != DIFFER:
                break
            first, outcome = outcome, self._compare(scenario, known)
            outcome.wavered = outcome.result != DIFFER
            if outcome.wavered:
                outcome.reason = f"the kernel did not repeat a difference: {first.differences[0].cause}"
        return outcome

    def _compare(self, scenario: Scenario, known: list[Known]) -> Outcome:
        if self._kernel is not None and self._pystack is not None:
            self._refuse_early(scenario, self._pystack)
        theirs, drawn = self._play(self._kernel, scenario, None)
        ours, _ = self._play(self._pystack, scenario, drawn)
        outcome = Outcome(scenario.file, scenario.title, PLAYED, kernel=theirs, pystack=ours)
        if self._kernel is not None and self._pystack is not None:
            outcome.comparison = Differ(theirs, ours).compare()
            found = outcome.comparison.differences
            outcome.differences = sort_out(scenario.file, found, known, self._kernel.version())
            outcome.result = judged(outcome.differences)
        return outcome

    def _play(
        self, side: Side | None, scenario: Scenario, drawn: Choices | None
    ) -> tuple[list[Record], Choices | None]:
        if side is None:
            return [], None
        if drawn is not None:
            side.adopt(drawn)
        try:
            side.open(scenario.topology, scenario.file, scenario.setup_line)
            hops = self._options.hops and not meets_probes(scenario)
            return side.play(scenario, hops=hops), side.choices()
        except SideError as error:
            raise self._attributed(error, side) from error

    def _refuse_early(self, scenario: Scenario, pystack: Side) -> None:
        """A command that pystack would refuse is not run as root just before that."""
        try:
            refuse_unknown(scenario)
        except SideError as error:
            raise self._attributed(error, pystack) from error

    def _attributed(self, error: SideError, side: Side) -> SideError:
        """Of two sides it has to be said which one it is."""
        if error.missing or self._options.side != BOTH:
            return error
        whose = "the kernel's" if side is self._kernel else "pystack's"
        *others, last = error.complaints
        is_lack = side is self._kernel and any(saying in last for saying in _LACKS)
        return SideError([*others, f"{last} (on {whose} side{_HINT if is_lack else ''})"])


def _kernel_side(options: Options) -> Oracle:
    made = VmSide if options.oracle == VM else KernelSide
    return made(thorough=options.thorough)
