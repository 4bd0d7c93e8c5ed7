"""The process that answers for queues."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Final

from pystack.hooks.queue.packet import Queue
from pystack.hooks.shim.desks import Desk
from pystack.hooks.shim.heart import Heart, Of

PORTION: Final = 64  # packets of one queue before another has its turn
BEAT: Final = 0.05  # seconds; a process that has nothing to do is alive, too


def serve(
    queues: Sequence[Queue], heart: Heart, lives: Sequence[int], desk: Desk, beat: float = BEAT
) -> None:
    """Until the other ends of all `lives` are closed: as long as anybody may still take back the rules."""
    poll = select.poll()
    alive = set(lives)
    for life in alive:
        poll.register(life, select.POLLIN)
    by_fd = {queue.fileno(): (place, queue) for place, queue in enumerate(queues)}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    asked = desk.fileno()
    if asked >= 0:
        poll.register(asked, select.POLLIN)
    while alive:
        ready = [fd for fd, _ in poll.poll(beat * 1000)]
        for life in alive.intersection(ready):
            poll.unregister(life)
            alive.remove(life)
        desk.look()  # first: what was said before a packet came holds for it
        for place, queue in (by_fd[fd] for fd in ready if fd in by_fd):
            packets = queue.read(PORTION)
            if packets:
                heart.count(place, Of.SEEN, len(packets))
                desk.take(place, packets)
        if asked >= 0 and desk.fileno() < 0:
            poll.unregister(asked)
            asked = -1
        heart.beat()
