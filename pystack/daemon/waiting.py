"""Who waits for something to happen in the stack, and is asked after every burst whether it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pystack.applets.job import Job
from pystack.clock import Clock

Wake = Callable[[], None]


class Waiting:
    """The commands that wait; an empty one costs a burst nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[Job, Wake] = {}

    @contextmanager
    def until_due(self, job: Job, wake: Wake) -> Iterator[None]:
        """Call `wake` whenever the job could go on, as long as this lasts."""
        self._jobs[job] = wake
        try:
            yield
        finally:
            del self._jobs[job]

    def ask_all(self) -> None:
        """Wake those whose wait is over. To be called at the end of every burst."""
        if not self._jobs:
            return
        now = self._clock.now
        for job, wake in self._jobs.items():
            try:
                over = job.due(now) is not None
            except Exception:  # a fault of that command's, which will meet it in its own task
                over = True
            if over:
                wake()
