"""A daemon of a test's own, as a user starts it, and the commands that speak to it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 20.0  # seconds: more is a hang
NOTHING: Mapping[str, str] = {}
PYSTACK = (sys.executable, "-m", "pystack")


@dataclass
class Ended:
    """A command that has ended."""

    rc: int
    out: str
    err: str


def pystack(*words: str, cwd: Path | None = None, stdin: bytes = b"", **environment: str) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [*PYSTACK, *words],
        cwd=cwd,
        input=stdin,
        env={**clean_environment(), **environment},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def clean_environment() -> dict[str, str]:
    """Ours, without what would lead a client elsewhere, and with pystack in it."""
    gone = ("PYSTACK_SOCKET", "XDG_RUNTIME_DIR", "NOTIFY_SOCKET", "JOURNAL_STREAM", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2])}


class Daemon:
    """One `pystack run`."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        prefix: tuple[str, ...] = (),
        environment: Mapping[str, str] = NOTHING,
        named: bool = True,
    ) -> None:
        self.folder = folder
        self.socket = folder / "d.sock"
        self.log = ""
        self.process = subprocess.Popen(
            [*prefix, *PYSTACK, *(("-S", str(self.socket)) if named else ()), "run", *words],
            stderr=subprocess.PIPE,
            env={**clean_environment(), **environment},
        )

    def until(self, word: str) -> None:
        """Read the log until a word has come."""
        assert self.process.stderr is not None
        deadline = time.monotonic() + PATIENCE
        while word not in self.log:
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, deadline - time.monotonic()))
            octets = os.read(self.process.stderr.fileno(), 65536) if ready else b""
            assert octets, f"no {word!r} in the log: {self.log}"
            self.log += octets.decode()

    def run(self, *words: str, stdin: bytes = b"", **environment: str) -> Ended:
        """A command that this daemon serves."""
        return pystack("-S", str(self.socket), *words, cwd=self.folder, stdin=stdin, **environment)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code. Everything of the log is in `log`."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Until the daemon and its keeper, who holds the same standard error, are gone."""
        assert self.process.stderr is not None
        _, rest = self.process.communicate(timeout=PATIENCE)
        self.log += rest.decode()
        return self.process.returncode

    @property
    def keeper(self) -> int:
        """Its process."""
        return children_of(self.process.pid)[0]


def children_of(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def daemon(
    folder: Path,
    *words: str,
    prefix: tuple[str, ...] = (),
    environment: Mapping[str, str] = NOTHING,
    named: bool = True,
) -> Iterator[Daemon]:
    """A daemon that is ready, and gone at the end of the test."""
    running = Daemon(folder, *words, prefix=prefix, environment=environment, named=named)
    try:
        running.until("ready")
        yield running
    finally:
        if running.process.returncode is None:
            running.end(signal.SIGKILL if sys.exc_info()[0] else signal.SIGTERM)
        assert running.process.stderr is not None
        running.process.stderr.close()


def memory_daemon_config(folder: Path, text: str = "") -> str:
    """A configuration that needs no rights."""
    path = folder / "m.toml"
    path.write_text(f'name = "m"\n{text}\n[port.p1]\ndriver = "memory"\n')
    return str(path)
