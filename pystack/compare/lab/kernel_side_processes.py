"""The commands that a scenario leaves running in a lab."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.process import Completed, LabProcess
from pystack.compare.lab.side import STOP_SIGNAL

SLEEPING: Final = "S"  # the state of a program that waits for packets, or for time to pass
LOOKS: Final = 3  # in a row that must find everybody asleep
BETWEEN_LOOKS: Final = 0.001
PATIENCE: Final = 10.0  # much on a machine that is busy; a program that never rests is left to itself


class Background:
    """Commands by the names that the scenario gave them."""

    def __init__(self, kernel: KernelNetns) -> None:
        self._kernel = kernel
        self._running: dict[str, LabProcess] = {}

    def __bool__(self) -> bool:
        return bool(self._running)

    def start(self, name: str, command: str) -> None:
        """Start a command, and let it come to where it waits.

        `exec`: else the signal that stops it would also end sh, whose exit code were then told.
        """
        is_simple = not set(command) & set(";&|<>\n")
        process = self._running[name] = self._kernel.start(f"exec {command}" if is_simple else command)
        process.command = command
        self.settle()

    def stop(self, name: str) -> Completed | None:
        """End a command and hear what it said; None if there is none of that name."""
        process = self._running.pop(name, None)
        return process.stop(STOP_SIGNAL) if process else None

    def names(self) -> list[str]:
        """What still runs, in the order of the starts."""
        return list(self._running)

    def settle(self) -> None:
        """Wait until all that run are asleep: a frame has woken them, and they may answer it."""
        deadline = time.monotonic() + PATIENCE
        looks = 0
        while self._running and looks < LOOKS and time.monotonic() < deadline:
            looks = looks + 1 if self._all_asleep() else 0
            time.sleep(BETWEEN_LOOKS)

    def _all_asleep(self) -> bool:
        return all(state == SLEEPING for state in self._states())

    def _states(self) -> list[str]:
        """Of every process in the lab but its first; one that is ending counts as asleep."""
        found = []
        for entry in self._proc().iterdir():
            if not entry.name.isdigit() or entry.name == "1":
                continue
            try:
                stat = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            state = stat.rpartition(")")[2].split()[0]
            found.append(SLEEPING if state in "SZX" else state)
        return found

    def _proc(self) -> Path:
        """The lab's own /proc, seen from outside."""
        outer = self._kernel.agent.process.pid
        first = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        return Path("/proc") / first[0] / "root" / "proc"
