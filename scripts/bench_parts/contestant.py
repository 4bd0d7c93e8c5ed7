"""What stands between two namespaces and carries frames from one to the other.

[ NAME-a: eth0 10.9.0.1 ] -- the contestant -- [ NAME-b: eth0 10.9.0.2 ]
"""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Final

from scripts.bench_parts.lab import BenchError, Lab, Process, wait_until

IFNAME: Final = "eth0"
NEAR: Final = "10.9.0.1"
FAR: Final = "10.9.0.2"


class Contestant:
    """Base of all. `tag` is short and unlike any other's: it begins the names of all that one makes."""

    name = ""
    programs: tuple[tuple[str, str], ...] = ()  # that it needs, and the Debian package of each

    def __init__(self, lab: Lab, tag: str) -> None:
        self.lab = lab
        self.tag = tag
        self.near, self.far = f"{tag}-a", f"{tag}-b"
        self.folder = lab.folder / tag
        self.processes: list[Process] = []

    @classmethod
    def missing(cls) -> str:
        """What the machine lacks for it; empty if nothing."""
        for program, package in cls.programs:
            if find_program(program) is None:
                return f"{program} is not installed (Debian: {package})"
        return ""

    def make_ends(self) -> None:
        """The two namespaces, still without a device."""
        self.folder.mkdir()
        for name in (self.near, self.far):
            self.lab.add_netns(name)

    def start(self) -> None:
        """Begin to carry frames between two devices called IFNAME; returns when it is ready to."""
        raise NotImplementedError

    def configure_ends(self) -> None:
        """Give the two devices their addresses."""
        for netns, address in ((self.near, NEAR), (self.far, FAR)):
            self.lab.run(["ip", "-n", netns, "address", "add", f"{address}/24", "dev", IFNAME])
            self.lab.run(["ip", "-n", netns, "link", "set", IFNAME, "up"])

    def stop(self) -> None:
        """Give up everything, the namespaces included."""
        for process in reversed(self.processes):
            self.lab.end(process)
        self.processes.clear()
        for netns in (self.near, self.far):
            self.lab.del_netns(netns)
        shutil.rmtree(self.folder)

    def spawn(self, argv: list[str], *, env: dict[str, str] | None = None) -> Process:
        """Start one of the processes that make it up."""
        process = self.lab.spawn(argv, env=env)
        self.processes.append(process)
        return process

    def spawn_until_ready(self, argv: list[str]) -> Process:
        """The same, until the program says so as sd_notify(3) has it."""
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as listener:
            listener.bind(str(path))
            process = self.spawn(argv, env={"NOTIFY_SOCKET": str(path)})
            wait_until(lambda: _heard_ready(listener), self.name, process)
        path.unlink()
        return process


def _heard_ready(listener: socket.socket) -> bool:
    try:
        return b"READY=1" in listener.recv(4096)
    except BlockingIOError:
        return False


def find_program(name: str) -> str | None:
    """Its path, also where a user's PATH does not lead."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def program(name: str) -> str:
    """The path of a program that was found before."""
    path = find_program(name)
    if path is None:
        raise BenchError(f"{name} is gone")
    return path


def veth_pairs(contestant: Contestant) -> tuple[str, str]:
    """A veth into each end; the names of the halves that stay in the middle, which are up."""
    lab, halves = contestant.lab, (f"{contestant.tag}-va", f"{contestant.tag}-vb")
    for half, netns in zip(halves, (contestant.near, contestant.far), strict=True):
        lab.run(["ip", "link", "add", half, "type", "veth", "peer", "name", IFNAME, "netns", netns])
        lab.run(["ip", "link", "set", half, "up"])
    return halves


def write(path: Path, text: str) -> str:
    """A file for a program to read; its name."""
    path.write_text(text)
    return str(path)
