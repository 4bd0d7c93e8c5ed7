"""pystack's side of the twin: scenarios in virtual time, without any rights.

A host is built in two milliseconds, so every scenario gets one of its own: nothing can be left over from the
one before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pystack.applets import registry, shell
from pystack.applets.virtual import Completed, run
from pystack.compare.lab.side import STATES, Choices, SideError
from pystack.compare.lab.socket_calls import Caller
from pystack.compare.lab.virtual_jobs import VirtualJobs
from pystack.compare.lab.virtual_lab import VirtualLab, placed
from pystack.compare.lab.virtual_socket import open_virtual
from pystack.compare.points import points_of
from pystack.compare.records import Output, Record, State
from pystack.compare.scenario import Call, Run, Scenario, Send, Start, Step, Stop, Topology, Wait


class PystackSide:
    """A Side."""

    def __init__(self) -> None:
        self._topology: Topology | None = None
        self._where = ("<setup>", 1)
        self._fresh: VirtualLab | None = None  # built by open(), and not played on yet
        self._addresses: Mapping[str, bytes] = {}
        self._mappings: tuple[tuple[bytes, bytes], ...] = ()
        self._drawn: Mapping[str, bytes] = {}  # by the last lab that was built

    def open(self, topology: Topology, file: str = "<setup>", line: int = 1) -> None:
        """Build it once, to tell now what is wrong with it."""
        if topology == self._topology:
            return
        self.close()
        if topology.ipv6:
            raise SideError([f"{file}: ipv6: pystack does not model IPv6 yet"], missing=True)
        self._fresh = self._built(topology, file, line)
        self._topology, self._where = topology, (file, line)

    def lacks(self, needs: Collection[str]) -> list[str]:
        """Nothing: what pystack cannot do yet is refused by name where it is used."""
        return []

    def choices(self) -> Choices:
        """The addresses that devices got from the seed."""
        self._opened()
        return Choices(self._drawn)

    def adopt(self, choices: Choices) -> None:
        """Give devices the other side's addresses from now on, and connections its ports."""
        self._mappings = choices.mappings
        if choices.addresses != self._addresses:
            self._addresses = choices.addresses
            self._fresh = None

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        """Play a scenario, on the topology that is open or on its own."""
        if scenario.topology != self._topology:
            self.open(scenario.topology, scenario.file, scenario.setup_line)
        refuse_unknown(scenario)
        lab = self._lab()
        lab.observe(scenario, list(points_of(scenario.family)) if hops else [])
        lab.adopt_mappings(self._mappings)
        jobs = VirtualJobs(lab)
        caller = Caller(lambda kind, netns: open_virtual(lab.host.namespaces.get(netns), kind))
        for number, step in enumerate(scenario.steps, 1):
            lab.recorder.step = number
            try:
                _play_step(step, lab, jobs, caller)
            except TimeoutError as error:
                raise SideError([f"{scenario.place(number)}: {error}"]) from error
        for command, completed in jobs.stop_all():
            _record_output(lab, command, completed)
        records = list(lab.recorder.records)
        caller.close()  # what this says is of no step
        for what, argv in STATES.items():
            records.append(State(lab.recorder.step, what, run(argv, lab.host).out))
        return records

    def close(self) -> None:
        """Forget the host."""
        self._topology = self._fresh = None

    def _lab(self) -> VirtualLab:
        lab, self._fresh = self._fresh, None
        return lab or self._built(self._opened(), *self._where)

    def _opened(self) -> Topology:
        if self._topology is None:
            raise ValueError("no topology is open")
        return self._topology

    def _built(self, topology: Topology, file: str, line: int) -> VirtualLab:
        lab = VirtualLab(topology, self._addresses, file, line)
        self._drawn = lab.drawn
        return lab


def _play_step(step: Step, lab: VirtualLab, jobs: VirtualJobs, caller: Caller) -> None:
    match step:
        case Send():
            for frame in step.frames:
                lab.inject(step.port, lab.numbers.absolute(frame) if step.relative else frame)
                jobs.poll()
        case Call():
            rc, out, err = caller.call(step.text)
            lab.settle()
            jobs.poll()
            lab.recorder.records.append(Output(lab.recorder.step, step.text, rc, out + err, out, err))
        case Run():
            _record_output(lab, step.command, jobs.run(step.command))
        case Start():
            jobs.start(step.name, step.command)
        case Stop():
            _record_output(lab, *jobs.stop(step.name))
        case Wait():
            jobs.wait(step.seconds)


def _record_output(lab: VirtualLab, command: str, ended: Completed) -> None:
    output = Output(lab.recorder.step, command, ended.rc, ended.text, ended.out, ended.err)
    lab.recorder.records.append(output)


def refuse_unknown(scenario: Scenario) -> None:
    """Raises SideError for commands that are not there, before anything runs."""
    setup = "\n" * (scenario.setup_line - 1) + scenario.topology.setup
    complaints = shell.faults(setup, scenario.file, registry.COMMANDS.refusal)
    for step, line in zip(scenario.steps, scenario.step_lines or [1] * len(scenario.steps), strict=True):
        if isinstance(step, Run | Start):
            text = "\n" * (line - 1) + step.command
            complaints += shell.faults(text, scenario.file, registry.COMMANDS.refusal)
    if complaints:
        raise SideError(placed(complaints, scenario.file))
