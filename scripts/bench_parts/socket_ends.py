"""Stacks as the end of a connection: pystack, PyTCP, and the kernel itself.

[ NAME-a: eth0 10.9.0.1, the kernel's client ] -- TAP or veth -- [ 10.9.0.2, a stack with a program on it ]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from scripts.bench_parts.contestant import FAR, IFNAME, NEAR, Contestant, write
from scripts.bench_parts.lab import BenchError, wait_until
from scripts.bench_parts.results import PYSTACK, Reading
from scripts.bench_parts.stream_end import SINK, SOURCE

PYTCP: Final = "PyTCP 2.7.6"
PYTCP_FOLDER: Final = "pystack/bench/pytcp-2.7.6"  # where scripts/setup --bench puts it, in the cache
PROGRAM: Final = str(Path(__file__).with_name("stream_end.py"))
TAIL: Final = 60.0  # seconds that what was sent may take to arrive

CONFIGURATION: Final = """\
name = "bench-end"
setup_text = "ip link set lo up; ip addr add {address}/24 dev eth0; ip link set eth0 up"

[port.eth0]
driver = "tap"
netns = "{near}"
"""


class SocketEnd(Contestant):
    """Base: the program runs in the far namespace, or behind a TAP in the near one."""

    def start_program(self, argv: list[str], *, netns: str = "", env: dict[str, str] | None = None) -> None:
        """Until it says that it is ready."""
        process = self.lab.spawn(argv, netns=netns, env=env)
        self.processes.append(process)
        wait_until(lambda: "ready" in process.said, self.name, process)

    def configure_ends(self) -> None:
        self.lab.run(["ip", "-n", self.near, "address", "add", f"{NEAR}/24", "dev", IFNAME])
        self.lab.run(["ip", "-n", self.near, "link", "set", IFNAME, "up"])


class PystackEnd(SocketEnd):
    """`pystack exec` with a TAP."""

    name = PYSTACK

    def start(self) -> None:
        text = CONFIGURATION.format(address=FAR, near=self.near)
        path = write(self.folder / "end.toml", text)
        self.start_program([sys.executable, "-m", "pystack", "exec", "-c", path, PROGRAM, FAR])


class LentEnd(SocketEnd):
    """`pystack exec` beside a daemon that has the TAP."""

    name = "lent"

    def start(self) -> None:
        text = CONFIGURATION.format(address=FAR, near=self.near)
        path, socket = write(self.folder / "end.toml", text), str(self.folder / "end.sock")
        pystack = [sys.executable, "-m", "pystack", "-S", socket]
        self.spawn_until_ready([*pystack, "run", "-c", path])
        self.start_program([*pystack, "exec", PROGRAM, FAR])


class PytcpEnd(SocketEnd):
    """Its stack on a TAP; it runs in the namespace of the TAP."""

    name = PYTCP

    @classmethod
    def missing(cls) -> str:
        return "" if pytcp() is not None else f"{PYTCP} is not installed (scripts/setup --bench)"

    def start(self) -> None:
        program = [sys.executable, "-m", "scripts.bench_parts.pytcp_end", IFNAME, FAR]
        self.lab.run(["ip", "-n", self.near, "tuntap", "add", IFNAME, "mode", "tap"])
        self.start_program(program, netns=self.near, env={"PYTHONPATH": str(pytcp())})


class KernelEnd(SocketEnd):
    """The same program on the kernel's sockets, behind a veth."""

    name = "kernel"

    def start(self) -> None:
        link = ["ip", "-n", self.near, "link", "add", IFNAME, "type", "veth"]
        self.lab.run([*link, "peer", "name", IFNAME, "netns", self.far])
        self.lab.run(["ip", "-n", self.far, "address", "add", f"{FAR}/24", "dev", IFNAME])
        self.lab.run(["ip", "-n", self.far, "link", "set", IFNAME, "up"])
        self.start_program([sys.executable, "-m", "scripts.bench_parts.stream_end", FAR], netns=self.far)


ENDS: Final[tuple[type[SocketEnd], ...]] = (PystackEnd, LentEnd, PytcpEnd, KernelEnd)


def receive(contestant: Contestant, seconds: float) -> Reading:
    """Gbit/s that the stack's program reads."""
    return _measured(contestant, "send", SINK, seconds)


def send(contestant: Contestant, seconds: float) -> Reading:
    """Gbit/s that the stack's program writes."""
    return _measured(contestant, "receive", SOURCE, seconds)


def _measured(contestant: Contestant, way: str, port: int, seconds: float) -> Reading:
    client = [sys.executable, "-m", "scripts.bench_parts.stream_client", way, FAR, str(port), str(seconds)]
    said = contestant.lab.run(client, netns=contestant.near, patience=seconds + TAIL)
    try:
        return Reading(float(said))
    except ValueError:
        raise BenchError(f"{contestant.name}: {said!r} is no figure") from None


def pytcp() -> Path | None:
    """Where it is, also when sudo made us root."""
    home = Path(f"~{os.environ.get('SUDO_USER', '')}").expanduser()
    found = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / PYTCP_FOLDER
    return found if (found / "pytcp").is_dir() else None
