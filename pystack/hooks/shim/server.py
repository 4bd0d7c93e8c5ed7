"""The process that answers for queues: the verdict first, always ACCEPT."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Final

from pystack.hooks.queue.packet import Queue
from pystack.hooks.shim.heart import Heart

PORTION: Final = 64  # packets of one queue before another has its turn
BEAT: Final = 0.05  # seconds; a process that has nothing to do is alive, too


def serve(queues: Sequence[Queue], heart: Heart, life: int) -> None:
    """Until the other end of `life` is closed."""
    poll = select.poll()
    poll.register(life, select.POLLIN)
    by_fd = {queue.fileno(): (place, queue) for place, queue in enumerate(queues)}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while True:
        for fd, _ in poll.poll(BEAT * 1000):
            if fd == life:
                return
            place, queue = by_fd[fd]
            packets = queue.read(PORTION)
            if packets:
                queue.accept_to(packets[-1])
                heart.saw(place, len(packets))
        heart.beat()
