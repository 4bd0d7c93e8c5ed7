"""The driver for a host without a real clock: waiting costs nothing, the clock jumps to the next deadline.

For the lab and for `--setup FILE`. Files are opened by what the caller hands in; without it all are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.io import Io, Output
from pystack.applets.job import Job
from pystack.applets.registry import start, start_setup
from pystack.applets.requests import (
    FileRefused,
    FindFiles,
    Flush,
    Interrupted,
    Read,
    ReadFile,
    ReadOrWait,
    Wait,
    WriteFile,
)
from pystack.host import Host
from pystack.netns import Netns

Settle = Callable[[], None]

# Frames that circle for ever must not stop the clock: after so many turns of the backlog time goes on.
STORM_TURNS: Final = 1000
STORM_TICK: Final = 0.001  # seconds


def _no_file(path: str) -> bytes:
    raise FileRefused(path, "Permission denied")


def _no_writing(path: str, content: bytes) -> None:
    raise FileRefused(path, "Permission denied")


def _nobody_outside() -> None:
    pass


@dataclass(slots=True)
class Outside:
    """What lies beyond the host: files, standard input, and whoever stands behind its ports.

    `settle` is called after every burst; it carries frames between ports and their users, if there are any.
    """

    read_file: Callable[[str], bytes] = _no_file
    write_file: Callable[[str, bytes], None] = _no_writing
    settle: Settle = _nobody_outside
    stdin: bytes = b""
    find_files: Callable[[str], bytes] = _no_file


@dataclass(slots=True)
class Completed:
    """How a command ended; `text` is output and errors in the order in which they came."""

    rc: int
    out: str
    err: str
    text: str


@dataclass(slots=True)
class VirtualJob:
    """A command under the virtual clock: `run()` to its end, or `poll()` while others move the clock."""

    host: Host
    job: Job
    outside: Outside
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    text: bytearray = field(default_factory=bytearray)
    files: dict[str, tuple[str, bytearray]] = field(default_factory=dict)  # by stream: path, content

    def run(self, patience: float | None = None) -> Completed:
        """Drive to the end; a wait that nothing can end is ended by SIGINT, as a user would.

        Raises TimeoutError if it is not over after that many seconds of the virtual clock.
        """
        limit = None if patience is None else self.host.clock.now + patience
        while not self.poll():
            if limit is not None and self.host.clock.now >= limit:
                raise TimeoutError(f"still running after {patience} s")
            moments = [moment for moment in (self._deadline(), limit) if moment is not None]
            if not advance(self.host, min(moments, default=None), self.outside.settle):
                self.job.throw(Interrupted())
        return self.completed()

    def poll(self) -> bool:
        """Answer all that can be answered at this moment of the clock; whether the command has ended."""
        settle(self.host, self.outside.settle)
        while self.job.rc is None:
            self._take()
            request = self.job.request
            if isinstance(request, Wait) and not isinstance(request, ReadOrWait):
                holds = self.job.due(self.host.clock.now)
                if holds is None:
                    return False
                self.job.resume(holds)
                settle(self.host, self.outside.settle)
            else:
                self._serve(request)
        self._take()
        return True

    def interrupt(self, signal: int = 2) -> Completed:
        """Send a signal and let the command say its last words."""
        if self.job.rc is None:
            self.job.throw(Interrupted(signal))
        return self.run()

    def completed(self) -> Completed:
        """The end of a command that has ended."""
        assert self.job.rc is not None
        out, err, text = (said.decode(errors="replace") for said in (self.out, self.err, self.text))
        return Completed(self.job.rc, out, err, text)

    def _deadline(self) -> float | None:
        request = self.job.request
        return request.deadline if isinstance(request, Wait) else None

    def _serve(self, request: object) -> None:
        try:
            if isinstance(request, Flush):
                self.job.resume(None)
            elif isinstance(request, Read | ReadOrWait):
                chunk, self.outside.stdin = self.outside.stdin, b""
                self.job.resume(chunk)
            elif isinstance(request, ReadFile):
                self.job.resume(self.outside.read_file(request.path))
            elif isinstance(request, FindFiles):
                self.job.resume(self.outside.find_files(request.pattern))
            elif isinstance(request, WriteFile):
                self.outside.write_file(request.path, b"")  # refused now rather than at the end
                stream = f"file{len(self.files)}"
                self.files[stream] = (request.path, bytearray())
                self.job.resume(Output(stream, self.job.io.pending))
        except FileRefused as refused:
            self.job.throw(refused)

    def _take(self) -> None:
        for stream, chunk in self.job.io.take():
            if stream in self.files:
                path, content = self.files[stream]
                content += chunk
                if not chunk or self.job.rc is not None:
                    self.outside.write_file(path, bytes(content))
                continue
            (self.out if stream == "out" else self.err).extend(chunk)
            self.text += chunk


def settle(host: Host, outside: Settle) -> None:
    """Let everything happen that happens without time passing; a storm gets its turns and no more."""
    outside()
    for _ in range(STORM_TURNS):
        if not len(host.backlog):
            return
        host.run_backlog()
        outside()


def advance(host: Host, deadline: float | None, outside: Settle) -> bool:
    """Jump to the next moment at which something is due; False when there is none."""
    due = host.clock.now + STORM_TICK if len(host.backlog) else host.next_deadline()
    moments = [moment for moment in (due, deadline) if moment is not None]
    if not moments:
        return False
    host.clock.set(min(moments))
    host.run_timers()
    settle(host, outside)
    return True


def begin(
    argv: Sequence[str], host: Host, netns: Netns | None = None, outside: Outside | None = None
) -> VirtualJob:
    """Start a command and leave it running."""
    return VirtualJob(host, start(argv, host, netns, Io()), Outside() if outside is None else outside)


def run(
    argv: Sequence[str], host: Host, netns: Netns | None = None, outside: Outside | None = None
) -> Completed:
    """Run a command to its end."""
    return begin(argv, host, netns, outside).run()


def run_setup(
    host: Host,
    text: str,
    filename: str,
    netns: Netns | None = None,
    outside: Outside | None = None,
    patience: float | None = None,
) -> list[str]:
    """Build a host's state from a setup; the lines that say what went wrong, none if all is well.

    A setup that waits (ping, sleep) moves the clock of the host. Raises TimeoutError after `patience`.
    """
    job = start_setup(text, filename, host, netns, Io())
    ended = VirtualJob(host, job, Outside() if outside is None else outside).run(patience)
    if ended.rc == 0:
        return []
    return ended.err.splitlines() or [f"pystack: {filename}: exit code {ended.rc}"]
