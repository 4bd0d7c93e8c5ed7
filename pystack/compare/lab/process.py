"""A command that runs inside a lab: its pipes, its end, and what it said."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pystack.compare.lab.agent import HISTORY_PATH
from pystack.compare.lab.agent_client import SYSTEM_PATH, AgentClient
from pystack.compare.lab.errors import CommandFailed, LabBroken

ENVIRONMENT = {
    "PATH": SYSTEM_PATH,
    "HOME": "/",
    "TERM": "dumb",
    "LC_ALL": "C.UTF-8",
    "NSTAT_HISTORY": HISTORY_PATH,
}
PIPE_READ = 65536
POLITE_SECONDS = 10.0  # before SIGKILL: a machine that is busy wakes nobody at once


@dataclass(frozen=True)
class Completed:
    """How a command ended. `text` is output and errors in the order in which they came."""

    command: str
    rc: int
    out: str
    err: str
    text: str

    def check(self) -> Completed:
        """The same, if the command succeeded."""
        if self.rc != 0:
            raise CommandFailed(self.command, self.rc, self.text)
        return self


@dataclass(frozen=True)
class Attendant:
    """Who acts while a command runs: called when one of its descriptors can be read (hosts that answer)."""

    fds: Sequence[int]
    act: Callable[[], None]


class LabProcess:
    """A command in the lab, from its start to its end.

    It has ended when the process itself has, whoever else still holds its output open. Output is read only
    in wait() and stop(): a command that writes more than a pipe holds stands still until then.
    """

    def __init__(
        self,
        agent: AgentClient,
        argv: Sequence[str],
        *,
        command: str,
        stdin: bytes = b"",
        script: bytes | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.agent = agent
        self.command = command
        self.rc: int | None = None
        self._input = stdin
        self._said = {"out": bytearray(), "err": bytearray(), "text": bytearray()}
        theirs = self._make_pipes()
        if script is not None:
            theirs.append(_memory_file(script))
        try:
            reply, _ = agent.request(
                "spawn", theirs, argv=list(argv), env={**ENVIRONMENT, **(env or {})}, cwd=os.getcwd()
            )
        except BaseException:
            self._close_all()
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        self.pid = int(str(reply["pid"]))  # as the lab's own PID namespace numbers it

    def _make_pipes(self) -> list[int]:
        their_stdin, self._stdin = os.pipe()
        self._stdout, their_stdout = os.pipe()
        self._stderr, their_stderr = os.pipe()
        self._status, their_status = os.pipe()
        for fd in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(fd, False)
        return [their_stdin, their_stdout, their_stderr, their_status]

    def wait(self, timeout: float | None = None, attendant: Attendant | None = None) -> Completed | None:
        """Read what the command says until it ends; None when the time is up first."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.rc is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            ready = {fd for fd, _ in self._poll(attendant).poll(left)}
            if not ready:
                return None
            self._feed()
            self._read_output()
            if self._status in ready:
                self.rc = self._read_rc()
            if attendant and not ready.isdisjoint(attendant.fds):
                attendant.act()
        self._read_output()
        self._close_all()
        out, err, text = (self._said[key].decode(errors="replace") for key in ("out", "err", "text"))
        return Completed(self.command, self.rc, out, err, text)

    def _read_rc(self) -> int:
        said = os.read(self._status, 32)
        if not said:
            raise LabBroken(f"the lab's process has ended{self.agent.last_words()}")
        return int(said)

    def stop(self, number: int = signal.SIGTERM) -> Completed:
        """End the command and all that it started: politely, then by SIGKILL."""
        self.signal(number)
        ended = self.wait(POLITE_SECONDS)
        self.signal(signal.SIGKILL)
        ended = ended or self.wait()
        assert ended is not None
        return ended

    def signal(self, number: int) -> None:
        """Signal the command and its children; that it has ended already is no error."""
        self.agent.request("signal", pid=self.pid, signal=int(number))

    def _poll(self, attendant: Attendant | None) -> select.poll:
        poll = select.poll()
        for fd in (self._stdout, self._stderr, self._status, *(attendant.fds if attendant else ())):
            if fd >= 0:
                poll.register(fd, select.POLLIN)
        if self._stdin >= 0:
            poll.register(self._stdin, select.POLLOUT)
        return poll

    def _feed(self) -> None:
        """Hand over what is left of the input; closing the pipe is the input's end."""
        if self._stdin < 0:
            return
        try:
            self._input = self._input[os.write(self._stdin, self._input) :] if self._input else b""
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._input = b""
        if not self._input:
            os.close(self._stdin)
            self._stdin = -1

    def _read_output(self) -> None:
        if self._stdout >= 0 and self._read_all(self._stdout, "out"):
            os.close(self._stdout)
            self._stdout = -1
        if self._stderr >= 0 and self._read_all(self._stderr, "err"):
            os.close(self._stderr)
            self._stderr = -1

    def _read_all(self, fd: int, stream: str) -> bool:
        """Everything that waits in the pipe; true at its end."""
        while True:
            try:
                data = os.read(fd, PIPE_READ)
            except BlockingIOError:
                return False
            if not data:
                return True
            self._said[stream] += data
            self._said["text"] += data

    def _close_all(self) -> None:
        for fd in (self._stdin, self._stdout, self._stderr, self._status):
            if fd >= 0:
                os.close(fd)
        self._stdin = self._stdout = self._stderr = self._status = -1


def _memory_file(content: bytes) -> int:
    fd = os.memfd_create("script")
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
