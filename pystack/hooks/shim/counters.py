"""What the kernel counts of the queues of a namespace that somebody listens to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, NamedTuple

from pystack.drivers.kernel_netns import in_netns

_COUNTERS: Final = "/proc/thread-self/net/netfilter/nfnetlink_queue"
_SIZE: Final = 1 << 16


class QueueCounters(NamedTuple):
    """Of one queue. Linux: net/netfilter/nfnetlink_queue.c seq_show()"""

    waiting: int
    dropped_by_queue: int  # it was full
    dropped_by_socket: int  # the socket of its listener was
    last: int  # the number of the packet that came last


class QueueTable:
    """Of one namespace, and of that also for who has left it, or has no right to enter it any more."""

    def __init__(self, netns: str) -> None:
        self._fd = in_netns(netns, _open)

    def read(self) -> Mapping[int, QueueCounters]:
        """By queue; those that nobody listens to are none."""
        if self._fd < 0:
            return {}
        rows = [line.split() for line in os.pread(self._fd, _SIZE, 0).decode().splitlines()]
        return {int(row[0]): QueueCounters(*(int(row[at]) for at in (2, 5, 6, 7))) for row in rows}

    def fileno(self) -> int:
        """-1 where the kernel has no such queues."""
        return self._fd

    def close(self) -> None:
        """Read no more."""
        if self._fd >= 0:
            os.close(self._fd)


def queues_of(netns: str) -> Mapping[int, QueueCounters]:
    """As they are at this moment."""
    table = QueueTable(netns)
    try:
        return table.read()
    finally:
        table.close()


def _open() -> int:
    try:
        return os.open(_COUNTERS, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
