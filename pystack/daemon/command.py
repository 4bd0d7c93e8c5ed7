"""The trio driver of applets: runs one command of one client inside the daemon's stack.

The command is a generator that asks (pystack/applets/requests.py); here it is answered with the client's
streams and files and with real time. All steps of it run inside a burst of the pump, so that what it does to
the stack is seen and sent at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pystack.applets.io import ERR, OUT, Io, Output
from pystack.applets.job import Job
from pystack.applets.registry import start
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
from pystack.daemon import protocol
from pystack.daemon.connection import Connection, FileUnavailable
from pystack.daemon.output import gathered
from pystack.daemon.protocol import Request
from pystack.daemon.waiting import Waiting
from pystack.drivers.pump import Pump
from pystack.netns import Netns

_STREAMS: Final = {OUT: protocol.OUT, ERR: protocol.ERR}


class Command:
    """One applet at work for one client."""

    def __init__(self, client: Connection, pump: Pump, waiting: Waiting) -> None:
        self.client = client
        self.pump = pump
        self.waiting = waiting
        self._files: dict[str, int] = {}  # by the stream's name

    async def run(self, request: Request, netns: Netns) -> int:
        """The exit code. Raises HungUp; when it raises or is cancelled, the command has given up its hold."""
        io = Io(tty=request.tty, columns=request.columns, utc_offset=request.utc_offset)
        with self.pump.burst():
            job = start(request.argv, self.pump.host, netns, io)
        try:
            await self._drive(job)
        finally:
            with self.pump.burst():
                job.close()
        assert job.rc is not None
        return job.rc

    async def _drive(self, job: Job) -> None:
        while job.rc is None:
            await self._pass_on(job)
            try:
                await self._answer(job)
            except FileRefused as refused:
                with self.pump.burst():
                    job.throw(refused)
        await self._pass_on(job)
        for number in self._files.values():
            await self.client.write_file(number, b"")

    async def _answer(self, job: Job) -> None:
        """Go on with what was asked for, or with a signal that came first."""
        request = job.request
        answer: bool | bytes | Output | None
        if isinstance(request, Wait):
            answer = await self._wait(job, request)
        elif isinstance(request, Flush):
            return self._resume(job, None)
        elif isinstance(request, Read):
            answer = await self.client.read_stdin()
        elif isinstance(request, ReadFile):
            with _refused_as_applets_know_it(request.path):
                answer = await self.client.read_file(request.path)
        elif isinstance(request, FindFiles):
            with _refused_as_applets_know_it(request.pattern):
                answer = await self.client.find_files(request.pattern)
        else:
            assert isinstance(request, WriteFile)
            answer = await self._open(job, request.path)
        if answer is None:
            with self.pump.burst():
                job.throw(Interrupted(self.client.signals.popleft()))
        else:
            self._resume(job, answer)

    def _resume(self, job: Job, answer: bool | bytes | Output | None) -> None:
        with self.pump.burst():
            job.resume(answer)

    async def _wait(self, job: Job, request: Wait) -> bool | bytes | None:
        """Whether the condition holds; False when it is too late; None when a signal came first.

        What was typed comes before all that, where it is wanted.
        """
        host, wants_input = self.pump.host, isinstance(request, ReadOrWait)
        if wants_input:
            await self.client.ask_stdin()
        with self.waiting.until_due(job, self.client.ring):
            alarm = None
            if request.deadline is not None:
                with self.pump.burst():
                    alarm = host.timers.at(request.deadline, self.client.ring)
            try:
                while True:
                    if self.client.signals:
                        return None
                    if wants_input and (typed := self.client.take_typed()) is not None:
                        return typed
                    if (due := job.due(host.clock.now)) is not None:
                        return due
                    await self.client.wait_for_bell()
            finally:
                if alarm is not None:
                    alarm.cancel()

    async def _open(self, job: Job, path: str) -> Output | None:
        with _refused_as_applets_know_it(path):
            number = await self.client.open_for_writing(path)
        if number is None:
            return None
        stream = f"file{number}"
        self._files[stream] = number
        return Output(stream, job.io.pending)

    async def _pass_on(self, job: Job) -> None:
        """Send what the command wrote, as fast as the client reads."""
        for stream, octets in gathered(job.io.take()):
            if stream in _STREAMS:
                await self.client.send(_STREAMS[stream], octets)
            elif stream in self._files:
                await self.client.write_file(self._files[stream], octets)
                if not octets:
                    del self._files[stream]


@contextmanager
def _refused_as_applets_know_it(path: str) -> Iterator[None]:
    try:
        yield
    except FileUnavailable as error:
        raise FileRefused(path, str(error)) from None
