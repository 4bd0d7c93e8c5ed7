"""Processes that end when whoever began them does, however that happens."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

PATIENCE: Final = 3.0  # seconds until one that does not end is killed
_LOOK: Final = 0.005
_STANDARD: Final = (0, 1, 2)


class Processes:
    """Forked from here. Each watches its end of a pipe, whose other end closes with us."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self._theirs, self._ours = os.pipe()

    def begin(self, work: Callable[[int], None], needed: Iterable[int]) -> None:
        """It is told the descriptor whose end is the end of us; of all others it has those that it needs."""
        pid = os.fork()
        if not pid:
            _live(lambda: work(self._theirs), {*needed, self._theirs, *_STANDARD})
        self.pids.append(pid)

    @property
    def is_whole(self) -> bool:
        """Whether all still live."""
        how = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return all(os.waitid(os.P_PID, pid, how) is None for pid in self.pids)

    def end(self) -> None:
        """Tell them, and wait until they have ended; the one that was begun last is waited for first."""
        os.close(self._ours)
        os.close(self._theirs)
        while self.pids:
            _wait_for(self.pids.pop())


def _wait_for(pid: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(_LOOK)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _live(work: Callable[[], None], kept: set[int]) -> NoReturn:
    """Without the descriptors, the terminal and the clean-ups of the process that this one was."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.setsid()
        gc.freeze()  # what was garbage there closes nothing here
        _give_up_others(kept)
        work()
    except Exception as error:  # nobody else hears of it
        sys.stderr.write(f"pystack: a shim's process: {error!r}\n")
    finally:
        os._exit(0)


def _give_up_others(kept: set[int]) -> None:
    """Their numbers stay taken, so that objects that still believe in them close nobody else's."""
    null = os.open(os.devnull, os.O_RDWR)
    for word in os.listdir("/proc/self/fd"):
        if int(word) not in {*kept, null}:
            try:
                os.dup2(null, int(word), inheritable=False)
            except OSError:  # the one by which the folder was read
                continue
