"""The commands of a scenario under virtual time: one in front, others left running behind it."""

from __future__ import annotations

from pystack.applets.io import Io
from pystack.applets.job import Job
from pystack.applets.lexer import parse
from pystack.applets.registry import COMMANDS
from pystack.applets.requests import Interrupted, Steps, Wait
from pystack.applets.session import Session
from pystack.applets.shell import run_command
from pystack.applets.virtual import STORM_TURNS, Completed, VirtualJob
from pystack.compare.lab.side import COMMAND_PATIENCE, STOP_SIGNAL
from pystack.compare.lab.virtual_lab import VirtualLab


class VirtualJobs:
    """All commands of one scenario."""

    def __init__(self, lab: VirtualLab) -> None:
        self._lab = lab
        self._running: dict[
            str, tuple[str, VirtualJob]
        ] = {}  # by name: the command, in the order of their start

    def run(self, command: str) -> Completed:
        """Run a command to its end, others beside it. Raises TimeoutError if it is none within patience."""
        clock = self._lab.host.clock
        limit = clock.now + COMMAND_PATIENCE
        job = self._begin(command)
        self.poll(job)
        while job.job.rc is None:
            if clock.now >= limit:
                raise TimeoutError(f"still running after {COMMAND_PATIENCE:g} s: {command}")
            self._lab.advance(self._deadline(min(_deadline_of(job) or limit, limit)))
            self.poll(job)
        return job.completed()

    def start(self, name: str, command: str) -> None:
        """Leave a command running."""
        self._running[name] = (command, self._begin(command))
        self.poll()

    def stop(self, name: str) -> tuple[str, Completed]:
        """End a command that was left running: which it was, and how it ended."""
        command, job = self._running.pop(name)
        if job.job.rc is None:
            job.job.throw(Interrupted(STOP_SIGNAL))
        return command, self._finish(job)

    def stop_all(self) -> list[tuple[str, Completed]]:
        """End what is still running, in the order of the start."""
        return [self.stop(name) for name in list(self._running)]

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        clock = self._lab.host.clock
        until = clock.now + seconds
        self.poll()
        while clock.now < until:
            self._lab.advance(self._deadline(until))
            self.poll()

    def poll(self, front: VirtualJob | None = None) -> None:
        """Let every command do what it can do at this moment, until none can do more."""
        jobs = [job for _, job in self._running.values()]
        if front is not None:
            jobs.append(front)
        now = self._lab.host.clock.now
        for _ in range(STORM_TURNS if jobs else 0):
            for job in jobs:
                job.poll()
            if all(job.job.rc is not None or job.job.due(now) is None for job in jobs):
                return

    def _begin(self, command: str) -> VirtualJob:
        host = self._lab.host
        session = Session(host, host.init, Io(), COMMANDS)
        return VirtualJob(host, Job(_steps(command, session), session.io).start(), self._lab.outside())

    def _finish(self, job: VirtualJob) -> Completed:
        self.poll(job)
        while job.job.rc is None:
            if not self._lab.advance(self._deadline(_deadline_of(job))):
                job.job.throw(Interrupted(STOP_SIGNAL))
            self.poll(job)
        return job.completed()

    def _deadline(self, until: float | None) -> float | None:
        """When the clock has to stop for a command."""
        moments = [_deadline_of(job) for _, job in self._running.values()]
        return min((moment for moment in (*moments, until) if moment is not None), default=None)


def _deadline_of(job: VirtualJob) -> float | None:
    request = job.job.request
    return request.deadline if isinstance(request, Wait) else None


def _steps(text: str, session: Session) -> Steps:
    """One command after the other, as `sh -c` does: the last one's exit code is that of all."""
    rc = 0
    for command in parse(text)[0]:
        rc = yield from run_command(command, "sh", session)
    return rc
