"""The core alone, in this process: what a small frame costs beyond drivers and system calls.

The yardstick is a bare loop that looks one address up and appends the frame to one list.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from pystack.host import Host
from pystack.l2.bridge import Bridge
from pystack.l2.port import PortDevice
from scripts.bench_parts.lab import BenchError
from scripts.bench_parts.results import Reading

BARE_LOOP: Final = "bare loop"
FRAME_OCTETS: Final = 60
BURST: Final = 64  # frames between two flushes of the ports, as in the pump
STATIONS: Final = 50000  # of a flood of made-up sources; the table of a bridge holds 65536


def station(number: int) -> bytes:
    """A MAC address."""
    return b"\x02\x00" + number.to_bytes(4, "big")


def frame(destination: bytes, source: bytes) -> bytearray:
    """As small as Ethernet allows, of a protocol that nobody handles."""
    return bytearray((destination + source + b"\x88\xb5").ljust(FRAME_OCTETS, b"\0"))


class BridgeInCore:
    """A host with one bridge; what its ports send is thrown away, as a driver's flush would take it."""

    def __init__(self, port_count: int) -> None:
        self.host = Host()
        netns = self.host.init
        bridge = Bridge("br0", station(0xFFFFFF))
        netns.devices.register(bridge)
        self.ports: list[PortDevice] = []
        for number in range(port_count):
            port = netns.add_port(f"port{number}", station(0xF00000 + number))
            netns.devices.set_master(port, bridge)
            netns.devices.set_up(port)
            self.ports.append(port)
        netns.devices.set_up(bridge)

    def microseconds(self, frames: Sequence[bytearray], copies: int = 1) -> float:
        """What each of them costs when all arrive at the first port and leave by so many others."""
        first, receive = self.ports[0], self.host.init.link.ingress.receive
        backlog, outcomes = self.host.backlog.queue, self.host.outcomes
        sent_before = outcomes.transmitted
        begun = time.perf_counter()
        for at in range(0, len(frames), BURST):
            for each in frames[at : at + BURST]:
                receive(first, each)
                if backlog:
                    self.host.run_backlog()
            for port in self.ports:
                port.tx.clear()
        taken = time.perf_counter() - begun
        if outcomes.transmitted - sent_before != len(frames) * copies:
            raise BenchError(f"{outcomes.transmitted - sent_before} frames came out of {len(frames)} sent")
        return taken / len(frames) * 1e6


def bare_loop(count: int) -> Reading:
    """Microseconds a frame of the yardstick."""
    frames, table = _known_frames(count), {station(2): 1}
    sent: list[tuple[int, bytearray]] = []
    begun = time.perf_counter()
    for at in range(0, len(frames), BURST):
        for each in frames[at : at + BURST]:
            port = table.get(bytes(each[:6]))
            if port is not None:
                sent.append((port, each))
        sent.clear()
    return Reading((time.perf_counter() - begun) / len(frames) * 1e6)


def forward(count: int) -> Reading:
    """Microseconds a frame from one known station to another, through a bridge of two ports."""
    lab = BridgeInCore(2)
    lab.host.init.receive(lab.ports[1], frame(station(1), station(2)))
    return Reading(lab.microseconds(_known_frames(count)))


def flood(count: int) -> Reading:
    """Microseconds a broadcast, from one port to seven others."""
    lab = BridgeInCore(8)
    return Reading(lab.microseconds([frame(b"\xff" * 6, station(1)) for _ in range(count)], copies=7))


def learn(count: int) -> Reading:
    """Microseconds a frame whose source was never seen before, to a known station."""
    lab = BridgeInCore(2)
    lab.host.init.receive(lab.ports[1], frame(station(1), station(2)))
    number = min(count, STATIONS)
    return Reading(lab.microseconds([frame(station(2), station(0x10000 + at)) for at in range(number)]))


def _known_frames(count: int) -> list[bytearray]:
    """From one station to another."""
    return [frame(station(2), station(1)) for _ in range(count)]
