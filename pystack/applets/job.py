"""A running applet, as its driver holds it: what it asks for now, and how it ended.

job = start(["ping", "-c1", "10.0.0.1"], session)      # registry.start(); runs to the first request
while job.rc is None:
    … pass on job.io.take(), then answer job.request: job.resume(answer), job.throw(error) or job.close()
"""

from __future__ import annotations

from pystack.applets.io import Io
from pystack.applets.requests import Answer, Interrupted, Request, Steps, Wait

KILLED = 128  # plus the signal's number: the exit code of a command that a signal ended


class Job:
    """One generator, driven step by step."""

    __slots__ = ("_steps", "io", "rc", "request")

    def __init__(self, steps: Steps, io: Io) -> None:
        self._steps = steps
        self.io = io
        self.request: Request | None = None  # None before the start and after the end
        self.rc: int | None = None

    def start(self) -> Job:
        """Run to the first request."""
        self.resume(None)
        return self

    def resume(self, answer: Answer) -> None:
        """Run to the next request, or to the end."""
        self._advance(answer, None)

    def throw(self, error: Interrupted | Exception) -> None:
        """Refuse the request; a signal that the applet does not handle ends it."""
        self._advance(None, error)

    def close(self) -> None:
        """The user has gone: the applet gives back what it holds (taps, sockets) and says nothing more."""
        self._steps.close()
        self.request = None
        if self.rc is None:
            self.rc = KILLED

    def due(self, now: float) -> bool | None:
        """The answer to a Wait if it can be given at `now`: whether its condition holds; else None."""
        request = self.request
        if not isinstance(request, Wait):
            return None
        if request.holds():
            return True
        return False if request.deadline is not None and request.deadline <= now else None

    def _advance(self, answer: Answer, error: Exception | None) -> None:
        self.request = None
        try:
            self.request = self._steps.send(answer) if error is None else self._steps.throw(error)
        except StopIteration as end:
            self.rc = end.value
        except Interrupted as signal:
            self.rc = KILLED + signal.signal
