"""One scenario on its way through a lab: its steps, and all that was seen of them."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pystack.compare.connections import change_text
from pystack.compare.lab.capture import Capture
from pystack.compare.lab.errors import FrameRefused
from pystack.compare.lab.kernel_log import KernelLog
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.kernel_side_drops import Drop, DropTracer
from pystack.compare.lab.kernel_side_hops import HopReader
from pystack.compare.lab.kernel_side_processes import Background
from pystack.compare.lab.kernel_side_state import StateReader, names_of
from pystack.compare.lab.kernel_side_tables import leaves_marks
from pystack.compare.lab.lab_socket import LabSocket
from pystack.compare.lab.process import Attendant, Completed
from pystack.compare.lab.side import COMMAND_PATIENCE, SideError
from pystack.compare.lab.socket_calls import Caller
from pystack.compare.records import Captured, ConnChange, Frame, Hop, Log, Output, Record
from pystack.compare.relative import FirstNumbers
from pystack.compare.scenario import Call, Run, Scenario, Send, Start, Stop, Wait
from pystack.compare.scenario import Step as ScenarioStep
from pystack.compare.station import Stations
from pystack.hooks.ct_events import NEW, ConnEventReader
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.log_text import is_log_line

NOT_FOUND: Final = 127  # how sh ends where there is no such command


class Play:
    """Plays one scenario and keeps the records."""

    def __init__(
        self,
        kernel: KernelNetns,
        scenario: Scenario,
        state: StateReader,
        hops: HopReader | None,
        drops: DropTracer | None,
        captures: Mapping[str, Capture],
        log: KernelLog | None,
        connections: ConnEventReader | None,
    ) -> None:
        self.records: list[Record] = []
        self.begun: list[Snapshot] = []  # connections, as they were when they were confirmed
        self._kernel = kernel
        self._scenario = scenario
        self._state = state
        self._hops = hops
        self._drops = drops
        self._dropped: list[Drop] = []  # while the frames since the last look were written
        self._captures = captures
        self._log = log
        self._connections = connections
        self._stations = Stations(scenario.stations)
        self._background = Background(kernel)
        self._numbers = FirstNumbers()
        self._caller = Caller(self._open_socket)
        self._step = 0

    def run(self) -> None:
        """Every step, in the order of the file; then what is left running ends, and the state is read."""
        try:
            for step in self._scenario.steps:
                self._step += 1
                self._play(step)
        finally:
            for name in self._background.names():
                self._stop(name)
            self._collect()
            self._caller.close()  # what this says is of no step
        self.records += self._state.read(self._step, names_of(self._kernel))

    def leaves_marks(self) -> bool:
        """Whether a frame was seen that leaves something behind for good."""
        return leaves_marks(record.data for record in self.records if isinstance(record, Frame))

    # --- steps ------------------------------------------------------------------------------------------

    def _play(self, step: ScenarioStep) -> None:
        match step:
            case Send():
                for frame in step.frames:
                    self._inject(step.port, self._numbers.absolute(frame) if step.relative else frame)
                    self._collect()
            case Call():
                self._call(step.text)
            case Run():
                self._run(step.command)
            case Start():
                self._background.start(step.name, step.command)
                self._collect()
            case Stop():
                self._stop(step.name)
            case Wait():
                self._wait(step.seconds)

    def _call(self, text: str) -> None:
        rc, out, err = self._caller.call(text)
        self._collect()
        self.records.append(Output(self._step, text, rc, out + err, out, err))

    def _open_socket(self, kind: int, netns: str) -> LabSocket:
        opened = LabSocket(fileno=self._kernel.open_socket(socket.AF_INET, kind, netns=netns))
        self._kernel.sysctl("net.ipv4.ip_forward")  # when this is answered, only we hold the socket
        return opened

    def _inject(self, port: str, frame: bytes) -> None:
        """A port that is down refuses a frame, which then was seen nowhere else."""
        self.records.append(Frame(self._step, port, "in", frame))
        try:
            self._write(port, frame)
        except FrameRefused:
            pass
        except KeyError:
            raise SideError([f"{self._where()}: there is no port {port}"]) from None

    def _write(self, port: str, frame: bytes) -> None:
        """What is dropped while the frame is written is of this frame; before, it was a timer's."""
        if self._drops is None:
            return self._kernel.send(port, frame)
        self._drops.read()
        self._kernel.send(port, frame)
        self._dropped += self._drops.read()
        return None

    def _run(self, command: str) -> None:
        attendant = Attendant([port.fd for port in self._kernel.ports.values()], self._collect)
        try:
            ended = self._kernel.run(command, timeout=COMMAND_PATIENCE, attendant=attendant)
        except TimeoutError as error:
            raise SideError([f"{self._where()}: {error}"]) from error
        self._collect()
        self._note(ended)

    def _stop(self, name: str) -> None:
        ended = self._background.stop(name)
        if ended is None:
            raise SideError([f"{self._where()}: nothing runs as {name}"])
        self._collect()
        self._note(ended)

    def _wait(self, seconds: float) -> None:
        poll = select.poll()
        for port in self._kernel.ports.values():
            poll.register(port.fd, select.POLLIN)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            poll.poll(left * 1000)
            self._collect()

    def _note(self, ended: Completed) -> None:
        if ended.rc == NOT_FOUND:  # pystack refuses by name what it has not, and so do we
            raise SideError([f"{self._where()}: {ended.command}: {' '.join(ended.err.split())}"])
        self.records.append(Output(self._step, ended.command, ended.rc, ended.text, ended.out, ended.err))

    def _where(self) -> str:
        return self._scenario.place(self._step)

    # --- what is seen -----------------------------------------------------------------------------------

    def _collect(self) -> None:
        """All that the kernel has shown by now; stations answer, and what that causes is collected too."""
        while True:
            if self._background:
                self._background.settle()
            emitted = self._look()
            answers = self._stations.answers(emitted) if self._stations else []
            if not answers:
                return
            for port, frame in answers:
                self._inject(port, frame)

    def _with_reason(self, hops: list[Hop]) -> list[Hop]:
        """A packet's last hop says why it was the last, if there is no doubt which packet was dropped."""
        drops, self._dropped = self._dropped, []
        if len(drops) == 1 and hops and hops[-1].hook != "EGRESS":
            hops[-1] = replace(hops[-1], verdict="drop", reason=drops[0].reason)
        return hops

    def _look(self) -> list[tuple[str, bytes]]:
        step, records = self._step, self.records
        if self._hops is not None:
            records += self._with_reason(self._hops.read(step))
        emitted = self._kernel.drain()
        for _, frame in emitted:
            self._numbers.note(frame)
        records += [Frame(step, port, "out", frame) for port, frame in emitted]
        for device, capture in self._captures.items():
            records += [
                Captured(step, device, "out" if seen.way == "out" else "in", seen.whole)
                for seen in capture.packets()
            ]
        if self._log is not None:
            records += [Log(step, line.text) for line in self._log.lines() if is_log_line(line.text)]
        if self._connections is not None:
            events = self._connections.read()
            records += [ConnChange(step, change_text(*event)) for event in events]
            self.begun += [event.conn for event in events if event.kind == NEW]
        return emitted
