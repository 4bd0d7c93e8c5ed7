"""The yardstick: the least that a program in Python can do with two TAPs. Run by contestants.py.

It opens its TAPs as pystack does, with a virtio header and all offloads, waits as pystack does, under trio,
and drains up to 64 frames per wake-up. It never looks into a frame: the header that came with it goes out
with it, so that one read and one write are all.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import trio

from pystack.daemon.notify import ServiceManager
from pystack.drivers.tap_open import open_tap

BUDGET: Final = 64
ROOM: Final = 10 + 65536 + 18  # virtio header, Ethernet header with a tag, the largest packet


async def relay(source: int, destination: int) -> None:
    """One direction."""
    read, write = os.read, os.write
    while True:
        await trio.lowlevel.wait_readable(source)
        for _ in range(BUDGET):
            try:
                frame = read(source, ROOM)
            except BlockingIOError:
                break
            try:
                write(destination, frame)
            except OSError:  # the other side is full, or down
                pass
        else:
            await trio.lowlevel.checkpoint()


async def run(near: str, far: str, ifname: str) -> None:
    """Both directions, until a signal ends the process."""
    first, second = open_tap(ifname, near).fd, open_tap(ifname, far).fd
    async with trio.open_nursery() as nursery:
        nursery.start_soon(relay, first, second)
        nursery.start_soon(relay, second, first)
        ServiceManager(os.environ).ready("relaying")


if __name__ == "__main__":
    trio.run(run, sys.argv[1], sys.argv[2], sys.argv[3])
