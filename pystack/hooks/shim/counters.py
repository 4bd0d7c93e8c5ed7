"""What the kernel counts of the queues of a namespace that somebody listens to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pystack.drivers.kernel_netns import in_netns

_COUNTERS: Final = Path("/proc/thread-self/net/netfilter/nfnetlink_queue")


def queue_drops(netns: str) -> Mapping[int, tuple[int, int]]:
    """By queue: packets dropped because it was full, and because its listener's socket was."""
    return in_netns(netns, _read)


def _read() -> Mapping[int, tuple[int, int]]:
    try:
        rows = [line.split() for line in _COUNTERS.read_text().splitlines()]
    except OSError:
        return {}
    return {int(row[0]): (int(row[5]), int(row[6])) for row in rows}
