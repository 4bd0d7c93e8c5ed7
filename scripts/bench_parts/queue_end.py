"""Who answers for the queues of a router: shims that observe, or the least that a program with NetfilterQueue
can do. Run by queue_routers.py, inside the router's namespace; ends when its input does, or by a signal.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from typing import Final

from netfilterqueue import NetfilterQueue, Packet

from pystack.daemon.notify import ServiceManager
from pystack.hooks.shim.placement import USUAL
from pystack.hooks.shim.shims import Shims

OBSERVE, LOOP = "observe", "loop"
FIRST_QUEUE: Final = 200  # of the loop's
LENGTH: Final = 4096  # as long as those of shims


def observe() -> None:
    """All that `compare live --shims` puts into the path."""
    with Shims("", USUAL):
        ServiceManager(os.environ).ready("observing")
        signal.sigwait({signal.SIGTERM})


def loop() -> None:
    """Every packet is accepted as soon as it is read."""
    poll, by_fd = select.poll(), {}
    for number in range(FIRST_QUEUE, FIRST_QUEUE + len(USUAL)):
        queue = NetfilterQueue()
        queue.bind(number, Packet.accept, LENGTH)
        by_fd[queue.get_fd()] = queue
        poll.register(queue.get_fd(), select.POLLIN)
    ServiceManager(os.environ).ready("accepting")
    while True:
        for fd, _ in poll.poll():
            by_fd[fd].run(block=False)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM} if sys.argv[1] == OBSERVE else set())
    {OBSERVE: observe, LOOP: loop}[sys.argv[1]]()
