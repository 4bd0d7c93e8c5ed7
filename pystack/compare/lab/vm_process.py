"""A command left running in a VM: beside process 1, which does one thing at a time, and into files."""

from __future__ import annotations

import signal
from typing import Protocol

from pystack.compare.lab.process import POLITE_SECONDS, Completed

START = """
cat >{base}.command
(
    setsid sh -c 'echo $$ >{base}.pid; exec sh {base}.command' >{base}.out 2>{base}.err
    echo $? >{base}.rc
) </dev/null >/dev/null 2>&1 &
"""
STOP = """
ended() {{ [ -s {base}.rc ]; }}
signal() {{ ended || kill -$1 -$(cat {base}.pid) 2>/dev/null; }}
signal {number}
for try in $(seq {tries}); do ended && break; sleep 0.05; done
signal KILL
until ended; do sleep 0.05; done
cat {base}.out
cat {base}.err >&2
exit $(cat {base}.rc)
"""


class Run(Protocol):
    def __call__(self, command: str, *, stdin: str = "") -> Completed: ...


class VmProcess:
    """The command, until stop() ends it and says what it said."""

    def __init__(self, run: Run, number: int, command: str) -> None:
        self.command = command
        self._run = run
        self.base = f"/run/pystack/command-{number}"  # of the files with what it says, and with its pid
        run(START.format(base=self.base), stdin=command).check()

    def stop(self, number: int = signal.SIGTERM) -> Completed:
        """End the command and all that it started: politely, then by SIGKILL."""
        tries = int(POLITE_SECONDS / 0.05)
        ended = self._run(STOP.format(base=self.base, number=int(number), tries=tries))
        return Completed(self.command, ended.rc, ended.out, ended.err, ended.text)
