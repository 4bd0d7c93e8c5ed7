"""The host's one queue of frames that crossed from a device to another inside it.

Loopback and veth do not call into the next receive, they enqueue here, and the pump drains after each
ingress frame: so a flood is finished before the frames that it put into a veth are looked at, and a loop of
veths cannot recurse. What a program sends is another matter: each frame is received before the next is sent,
as Linux does pending work whenever a program is done with a device.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from pystack.device import NetDevice
from pystack.drop import CPU_BACKLOG, LINK_GONE, Drop
from pystack.packet import Packet

NETDEV_MAX_BACKLOG: Final = 1000
BUDGET: Final = 300  # Linux: net.core.netdev_budget
_ROUNDS: Final = 10  # Linux: MAX_SOFTIRQ_RESTART; then the work is left to others


class Backlog:
    """Linux: struct softnet_data"""

    __slots__ = ("dropped", "in_program", "limit", "processed", "queue", "squeezed")

    def __init__(self) -> None:
        self.queue: deque[Packet] = deque()
        self.limit = NETDEV_MAX_BACKLOG
        self.processed = 0
        self.dropped = 0
        self.squeezed = 0
        self.in_program = False  # a program sends at this moment, nothing is being received

    def __len__(self) -> int:
        return len(self.queue)

    def enqueue(self, pkt: Packet, drop: Drop) -> bool:
        """Queue a frame that `pkt.dev` is to receive; False if it was dropped.

        Linux: net/core/dev.c enqueue_to_backlog()
        """
        if len(self.queue) > self.limit:  # the kernel takes one more than it says
            self.dropped += 1
            pkt.dev.stats.rx_dropped += 1
            drop(pkt, CPU_BACKLOG)
            return False
        self.queue.append(pkt)
        return True

    def forget(self, dev: NetDevice, drop: Drop) -> None:
        """Drop what waits for a device that leaves. Linux: net/core/dev.c flush_backlog()"""
        homeless = [pkt for pkt in self.queue if pkt.dev is dev]
        if homeless:
            survivors = [pkt for pkt in self.queue if pkt.dev is not dev]
            self.queue.clear()
            self.queue.extend(survivors)
        for pkt in homeless:
            drop(pkt, LINK_GONE)

    def run(self, budget: int = BUDGET) -> None:
        """Receive up to `budget` frames; what is left waits for the next call.

        Linux: net/core/dev.c net_rx_action()
        """
        queue = self.queue
        while queue and budget > 0:
            budget -= 1
            self.processed += 1
            pkt = queue.popleft()
            pkt.dev.netif_receive_skb(pkt)
        if queue:
            self.squeezed += 1

    def for_program(self, send: Callable[[Packet], None], pkt: Packet) -> None:
        """Let a program send."""
        before, self.in_program = self.in_program, True
        try:
            send(pkt)
        finally:  # a fault costs its packet, not the path
            self.in_program = before

    def catch_up(self) -> None:
        """A program is done with a device: receive what waits. Linux: kernel/softirq.c __do_softirq()"""
        self.in_program = False
        try:
            for _ in range(_ROUNDS):
                if not self.queue:
                    break
                self.run()
        finally:
            self.in_program = True

    def softnet_text(self) -> str:
        """/proc/net/softnet_stat of our one processor. Linux: net/core/net-procfs.c softnet_seq_show()"""
        columns = [
            self.processed,
            self.dropped,
            self.squeezed,
            *[0] * 8,
            len(self.queue),
            0,
            len(self.queue),
            0,
        ]
        return " ".join(f"{value:08x}" for value in columns) + "\n"
