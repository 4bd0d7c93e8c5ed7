"""A pystack host for one scenario: its ports, who stands behind them, and time that costs nothing.

Everything happens at once and in one order: a frame enters, all it causes runs to its end, what left is
collected port by port, stations answer, and only then comes the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from pystack.applets.name_files import GROUPS, HOSTS, NETWORKS, PROTOCOLS, SERVICES, USERS
from pystack.applets.requests import FileRefused
from pystack.applets.virtual import STORM_TURNS, Outside, advance, run_setup
from pystack.compare.connections import change_text
from pystack.compare.lab.adoption import AdoptedDraws, Adoption, drawn_addresses
from pystack.compare.lab.observers import Recorder, observe
from pystack.compare.lab.side import COMMAND_PATIENCE, SideError
from pystack.compare.points import Point
from pystack.compare.records import Captured, ConnChange, Frame, Log
from pystack.compare.relative import FirstNumbers
from pystack.compare.scenario import Scenario, Topology
from pystack.compare.station import Heard, Stations
from pystack.device import FEATURE_ALL
from pystack.events import Dropped, Event, Printk
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event as CtEvent
from pystack.netfilter.conntrack.snapshot import snapshot
from pystack.netfilter.log_text import is_log_line
from pystack.packet import PACKET_OUTGOING
from pystack.sock.packet import PacketSocket

FIRST_ADDRESS: Final = 0x020000000001  # of the first port; the others count on
SEED: Final = 1
# What this machine calls things: the other side reads it too.
NAMES: Final = (GROUPS, HOSTS, NETWORKS, PROTOCOLS, SERVICES, USERS)
LONGEST_SAYING: Final = 300  # characters of a command's complaint: some tell their whole usage


class VirtualLab:
    """One host, built from a topology. Raises SideError if its setup fails."""

    def __init__(self, topology: Topology, addresses: Mapping[str, bytes], file: str, line: int) -> None:
        self.recorder = Recorder()
        self.stations = Stations(())
        self.numbers = FirstNumbers()
        self.files: dict[str, bytes] = {}  # what commands wrote
        seed = SEED if topology.hash_seed is None else topology.hash_seed
        self.host = Host(seed=seed)
        self.ports: dict[str, PortDevice] = {}
        self._draws: AdoptedDraws | None = None
        for number, name in enumerate(topology.ports):
            port = self.host.init.add_port(name, (FIRST_ADDRESS + number).to_bytes(6, "big"))
            port.features = FEATURE_ALL if topology.offload else 0
            self.ports[name] = port
        self._build(topology.setup, addresses, file, line)

    def _build(self, setup: str, addresses: Mapping[str, bytes], file: str, line: int) -> None:
        adoption = Adoption(self.host, addresses)
        text = "\n" * (line - 1) + setup  # complaints then carry the line of the file
        try:
            complaints = run_setup(self.host, text, file, outside=self.outside(), patience=COMMAND_PATIENCE)
        except TimeoutError as error:
            raise SideError([f"{file}:{line}: the setup: {error}"]) from error
        adoption.stop()
        if complaints:
            raise SideError(placed(complaints, file))
        self.drawn = drawn_addresses(self.host)
        self._drain()

    def outside(self) -> Outside:
        """The world as the host's commands meet it."""
        return Outside(self._read_file, self.files.__setitem__, self.carry, find_files=self._find_files)

    def _find_files(self, pattern: str) -> bytes:
        """Of those that the scenario has written."""
        names = sorted(path for path in self.files if PurePosixPath(path).match(pattern))
        return "".join(f"{name}\n" for name in names).encode()

    def _read_file(self, path: str) -> bytes:
        if path in self.files:
            return self.files[path]
        if path not in NAMES:
            raise FileRefused(path, "No such file or directory")
        return Path(path).read_bytes() if Path(path).exists() else b""

    # --- observation ------------------------------------------------------------------------------------

    def observe(self, scenario: Scenario, points: list[Point]) -> None:
        """Write down from now on what a scenario wants to know."""
        self.stations = Stations(scenario.stations)
        observe(self.host.init, self.ports, points, self.recorder)
        self.host.events.subscribe(self._hear)
        self.host.init.conntrack.context.watch(self._connection)
        for name in scenario.capture:
            self._capture(name, f"{scenario.file}:{scenario.capture_line}")

    def adopt_mappings(self, mappings: Sequence[tuple[bytes, bytes]]) -> None:
        """Let ports be drawn as the other side drew them."""
        choosers = [tables.nat.chooser for tables in (self.host.init.tables, self.host.init.tables6)]
        self._draws = AdoptedDraws(mappings, choosers[0].draw)
        for chooser in choosers:
            chooser.draw = self._draws

    def _connection(self, conn: Conn, event: CtEvent, portid: int) -> None:
        if event & CtEvent.DESTROY:
            return
        kind = "NEW" if event & (CtEvent.NEW | CtEvent.RELATED) else "UPDATE"
        if kind == "NEW" and self._draws is not None:
            self._draws.begun(conn)
        told = snapshot(conn, self.host.init.conntrack.context)
        self.recorder.records.append(ConnChange(self.recorder.step, change_text(kind, told)))

    def _hear(self, event: Event) -> None:
        if isinstance(event, Printk) and is_log_line(event.text):
            self.recorder.records.append(Log(self.recorder.step, event.text))
        elif isinstance(event, Dropped) and isinstance(event.trace, int):
            self.recorder.dropped(event.trace, event.reason)

    def _capture(self, name: str, where: str) -> None:
        dev = self.host.init.devices.get(name)
        if dev is None:
            raise SideError([f"{where}: capture: there is no device {name} after the setup"])
        self.host.init.devices.set_promiscuity(dev, 1)  # as tcpdump does
        socket = self.host.init.packets.open(dev)
        socket.on_event = lambda: self._captured(name, socket)

    def _captured(self, name: str, socket: PacketSocket) -> None:
        while (seen := socket.recv()) is not None:
            direction = "out" if seen.pkt_type == PACKET_OUTGOING else "in"
            self.recorder.records.append(Captured(self.recorder.step, name, direction, bytes(seen.frame)))

    # --- frames and time --------------------------------------------------------------------------------

    def inject(self, port: str, frame: bytes) -> None:
        """A frame enters, and all that it causes at this moment happens."""
        self._run_due_timers()
        self._enter(port, frame)
        self.carry()

    def settle(self) -> None:
        """What a program caused happens, to its end."""
        self._run_due_timers()
        self._run_backlog()
        self.carry()

    def carry(self) -> None:
        """Collect what left, and let stations answer until nobody says anything more."""
        while emitted := self._drain():
            for port, answer in self.stations.answers(emitted) if self.stations else ():
                self._enter(port, answer)

    def advance(self, until: float | None) -> bool:
        """Jump to where something is due next, at the latest to `until`; False if nothing ever is."""
        return advance(self.host, until, self.carry)

    def _enter(self, name: str, frame: bytes) -> None:
        port = self.ports[name]
        self.recorder.records.append(Frame(self.recorder.step, name, "in", frame))
        port.net.ingress.receive(port, frame)
        self._run_backlog()

    def _run_backlog(self) -> None:
        for _ in range(STORM_TURNS):
            if not self.host.backlog.queue:
                return
            self.host.run_backlog()

    def _run_due_timers(self) -> None:
        due = self.host.timers.next_deadline()
        if due is not None and due <= self.host.clock.now:
            self.host.run_timers()

    def _drain(self) -> list[Heard]:
        emitted: list[Heard] = []
        for name, port in self.ports.items():
            if port.tx:
                emitted += [(name, bytes(frame)) for frame, _ in port.tx]
                port.tx.clear()
        for _, frame in emitted:
            self.numbers.note(frame)
        step, records = self.recorder.step, self.recorder.records
        records += [Frame(step, name, "out", frame) for name, frame in emitted]
        return emitted


def placed(complaints: Sequence[str], file: str) -> list[str]:
    """What sh said of a text, a complaint a line; what a command said goes with the place where it failed."""
    told = [complaint.removeprefix("pystack: ") for complaint in complaints]
    with_place = [complaint for complaint in told if complaint.startswith(f"{file}:")]
    said = " ".join(" ".join(complaint for complaint in told if complaint not in with_place).split())
    if not said or not with_place:
        return told
    command = with_place[-1].rpartition(": exit code")[0] or with_place[-1]
    return [*with_place[:-1], f"{command}: {said[:LONGEST_SAYING]}"]
