"""Where the measuring happens: namespaces and processes that end with the bench, however it ends.

`enter` moves the bench itself into a network namespace, where the peers' switches stand, and into a mount
namespace with an empty /run/netns: nothing of it can be seen from outside, and the kernel takes all of it
back when the last process is gone. The processes are ended one by one by `Lab`; should the bench be killed,
the kernel kills them too (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

INSIDE: Final = "PYSTACK_BENCH_INSIDE"  # set once the bench is in its own namespaces
NETNS_FOLDER: Final = "/run/netns"
ROOT: Final = Path(__file__).parent.parent.parent
DIE_WITH_US: Final = ("setpriv", "--pdeathsig", "KILL")
POLITE_SECONDS: Final = 5.0  # between SIGTERM and SIGKILL
PATIENCE: Final = 20.0  # for anything that should come at once
POLL: Final = 0.002
LAST_WORDS: Final = 300  # characters of a log


class BenchError(Exception):
    """A measurement that failed, in a sentence."""


class Absent(Exception):
    """What was to be measured is not on this machine, which is nobody's fault; a sentence."""


class Lacking(Exception):
    """The machine or the rights lack something without which nothing can be measured."""


def enter(arguments: Sequence[str]) -> None:
    """Become a process in namespaces of the bench's own; returns there. Raises Lacking."""
    if os.environ.get(INSIDE):
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        os.makedirs(NETNS_FOLDER, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", NETNS_FOLDER], check=True)
        return
    for program, package in (("ip", "iproute2"), ("unshare", "util-linux"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            raise Lacking(f"needs {program} (Debian: {package})")
    again = [sys.executable, "-m", "scripts.bench_parts", *arguments]
    if os.geteuid() == 0 and subprocess.run(["unshare", "--net", "--mount", "true"], check=False).returncode:
        raise Lacking("may not make network namespaces here")
    inside = ["env", f"{INSIDE}=1", "unshare", "--net", "--mount", *again]
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise Lacking("needs root: the traffic runs in network namespaces of its own")
        inside = ["sudo", "--", *inside]
    os.chdir(ROOT)
    os.execvp(inside[0], inside)


class Process:
    """A program that runs until it is ended; what it says is kept, to be quoted when it fails."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self._popen = popen
        self._log = log

    @property
    def pid(self) -> int:
        """The program's own: nothing stands between."""
        return self._popen.pid

    @property
    def said(self) -> str:
        """Everything so far."""
        return self._log.read_text(errors="replace")

    def check_alive(self, name: str) -> None:
        """Raises BenchError with its last words."""
        if self._popen.poll() is not None:
            words = " ".join(self.said[-LAST_WORDS:].split())
            raise BenchError(f"{name} ended with {self._popen.returncode}: {words or 'without a word'}")

    def end(self) -> None:
        """Politely, then not."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        self._popen.terminate()
        try:
            self._popen.wait(POLITE_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


class Lab:
    """Everything that is started or made during a run, and its end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pystack-bench."))
        self._processes: list[Process] = []
        self._namespaces: list[str] = []
        self._logs = 0

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.end()
        for name in self._namespaces:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        shutil.rmtree(self.folder)

    def add_netns(self, name: str) -> None:
        """A namespace with nothing in it that speaks of itself."""
        self.run(["ip", "netns", "add", name])
        self._namespaces.append(name)
        self.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"], netns=name)
        self.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"], netns=name)

    def del_netns(self, name: str) -> None:
        """With all devices in it."""
        self.run(["ip", "netns", "delete", name])
        self._namespaces.remove(name)

    def run(
        self,
        argv: Sequence[str],
        *,
        netns: str = "",
        env: dict[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> str:
        """What a command prints. Raises BenchError if it fails."""
        try:
            done = subprocess.run(
                [*DIE_WITH_US, *_inside(netns), *argv],
                env={**os.environ, **(env or {})},
                capture_output=True,
                text=True,
                timeout=patience,
                check=False,
                process_group=0,
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"{' '.join(argv[:4])} did not end within {patience:g} s") from None
        if done.returncode != 0:
            words = " ".join((done.stderr or done.stdout)[-LAST_WORDS:].split())
            raise BenchError(f"{' '.join(argv[:4])} failed: {words}")
        return done.stdout

    def spawn(self, argv: Sequence[str], *, netns: str = "", env: dict[str, str] | None = None) -> Process:
        """Start a program that goes on. Its standard input stays open, and empty, until it is ended."""
        self._logs += 1
        log = self.folder / f"log.{self._logs}"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [*DIE_WITH_US, *_inside(netns), *argv],
                env={**os.environ, **(env or {})},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                process_group=0,  # so that Ctrl-C reaches the bench alone
            )
        process = Process(popen, log)
        self._processes.append(process)
        return process

    def end(self, process: Process) -> None:
        """End one before the others."""
        process.end()
        self._processes.remove(process)


def wait_until(true: Callable[[], bool], what: str, process: Process | None = None) -> None:
    """Raises BenchError when it does not come, or when the process that should bring it has ended."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if process is not None:
            process.check_alive(what)
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: nothing after {PATIENCE:g} s")
        time.sleep(POLL)


def raise_on(*numbers: signal.Signals) -> None:
    """Signals end the run as Ctrl-C does: by an exception that passes every clean-up."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    for number in numbers:
        signal.signal(number, stop)


def _inside(netns: str) -> list[str]:
    return ["nsenter", f"--net={NETNS_FOLDER}/{netns}"] if netns else []
