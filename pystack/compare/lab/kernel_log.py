"""The kernel's log, as far as the packets of a lab are concerned: what LOG rules and ebtables --log print.

The kernel drops log lines of other namespaces than the first unless net.netfilter.nf_log_all_netns is 1, and
that belongs to the whole machine. So it is set while a log is open and put back afterwards: by us, or by the
lab's agent if we are killed. The log itself is one for the machine as well, which is why one lab reads at a
time: a lock on the log's device says whose turn it is, for containers too that share it.
"""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from pystack.compare.lab.agent_client import AgentClient
from pystack.compare.lab.errors import LabBroken, LabUnavailable

SWITCH: Final = Path("/proc/sys/net/netfilter/nf_log_all_netns")
KMSG: Final = Path("/dev/kmsg")
RECORD_SIZE: Final = 8192
LOCK_PATIENCE: Final = 60.0  # seconds for which we wait for another lab
LOCK_RETRY: Final = 0.005


@dataclass(frozen=True)
class LogLine:
    """One record. `sequence` gives the kernel's order; the text keeps a LOG line's space at its end."""

    sequence: int
    microseconds: int
    text: str


class KernelLog:
    """Reads the records that come after it was opened. Close it (or use `with`) to let the next lab read."""

    def __init__(self, agent: AgentClient) -> None:
        if not SWITCH.exists():
            raise LabUnavailable(
                f"no {SWITCH}: log lines of a lab are seen only from the first network namespace,"
                " on a kernel with netfilter logging"
            )
        self._agent = agent
        self._switch = self._token = -1
        self._kmsg = os.open(KMSG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._take_lock()
            self._switch_on()
            os.lseek(self._kmsg, 0, os.SEEK_END)
        except BaseException:
            self.close()
            raise

    def _take_lock(self) -> None:
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                return fcntl.flock(self._kmsg, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabUnavailable(
                        f"another lab holds the lock on {KMSG}, to read the kernel's log"
                    ) from None
                time.sleep(LOCK_RETRY)

    def _switch_on(self) -> None:
        """The agent gets the switch, the lock and the value before anything is changed."""
        before = SWITCH.read_text().strip()
        self._switch = os.open(SWITCH, os.O_WRONLY | os.O_CLOEXEC)
        reply, _ = self._agent.request("restore", [self._switch, self._kmsg], text=before)
        self._token = int(str(reply["token"]))
        os.write(self._switch, b"1")

    def __enter__(self) -> KernelLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def lines(self) -> list[LogLine]:
        """The records since the last call; LOG lines are there as soon as the packet's write returns."""
        found: list[LogLine] = []
        while True:
            try:
                record = os.read(self._kmsg, RECORD_SIZE)
            except BlockingIOError:
                return found
            except BrokenPipeError as error:
                raise LabBroken(
                    "the kernel has overwritten lines of its log that were not read yet"
                ) from error
            found.append(log_line(record))

    def close(self) -> None:
        """Put the switch back and let the next lab in."""
        if self._token >= 0:
            try:
                self._agent.request("put_back", token=self._token)
            except LabBroken:
                pass  # the agent has ended, and has put it back then
        for fd in (self._kmsg, self._switch):
            if fd >= 0:
                os.close(fd)
        self._kmsg = self._switch = self._token = -1


def log_line(record: bytes) -> LogLine:
    """`priority,sequence,microseconds,flags;text`, then lines of keys that begin with a space.

    Reading: Documentation/ABI/testing/dev-kmsg.
    """
    head, _, text = record.partition(b";")
    _, sequence, microseconds = head.split(b",")[:3]
    first = text.split(b"\n", 1)[0].decode(errors="replace")
    return LogLine(int(sequence), int(microseconds), first)
