"""Packets are taken from the kernel, and enter a stack of ours by the device of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.device import IFF_UP
from pystack.hooks.judge.answer import ACCEPT, Answer
from pystack.hooks.judge.packets import packet_of
from pystack.hooks.judge.points import hook_of
from pystack.hooks.queue.packet import Queued
from pystack.l2.devices import DeviceTable, Link
from pystack.netfilter.hooks import PREROUTING
from pystack.netfilter.verdict import NF_DROP
from pystack.netns import Netns

_TAKEN: Final = Answer(NF_DROP)


class Diverting:
    """A Judge. What comes by a device that the stack has goes through the stack, and not through the kernel
    any more; everything else, and what the host itself sends, is left to the kernel.
    """

    def __init__(self, stack: Netns, kernels: DeviceTable) -> None:
        """`kernels`: devices under the numbers that the kernel's have."""
        self.taken = 0
        self.left = 0  # came by devices that the stack does not have, or that are down there
        self._stack = stack
        self._kernels = kernels

    is_indispensable = False

    @property
    def notes(self) -> list[str]:
        """What was not diverted, in a sentence."""
        return (
            [f"{self.left} packets were left to the kernel: no such device is up here"] if self.left else []
        )

    def judge(self, point: str, packets: Sequence[Queued]) -> list[Answer]:
        """Where packets come in, and nowhere else."""
        if hook_of(point) != PREROUTING:
            return [ACCEPT] * len(packets)
        return [self._answer(queued) for queued in packets]

    def _answer(self, queued: Queued) -> Answer:
        dev = self._entrance(queued)
        pkt = None if dev is None else packet_of(queued, dev)
        if dev is None or pkt is None:
            self.left += 1
            return ACCEPT
        self.taken += 1
        self._stack.receive(dev, bytearray(pkt.data), pkt.offload)
        return _TAKEN

    def _entrance(self, queued: Queued) -> Link | None:
        """By the port of a bridge that it came by, or by the bridge."""
        for number in (queued.physin, queued.indev):
            known = self._kernels.by_index(number)
            dev = None if known is None else self._stack.devices.get(known.name)
            if dev is not None and dev.flags & IFF_UP:
                return dev
        return None
