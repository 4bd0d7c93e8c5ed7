"""Firewalls of real machines decide as the kernel does: the same packets pass, each rule counts the same.

All 20,000 packets of each with `scripts/test --full`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Outside, run_setup
from pystack.compare.lab.kernel_netns import FIRST_ADDRESS, KernelNetns
from tests.box import Box
from tests.compare.lab.firewall import Firewall
from tests.conftest import FULL

FOLDER: Final = Path(__file__).parents[4] / "shared" / "data" / "iptables-save"
FILES: Final = ("docker-containers", "home-user", "openwrt", "shorewall", "synology-nas", "ufw-server")
PACKETS: Final = 20_000 if FULL else 500
BATCH: Final = 250  # packets on a firewall that has just been restored
TRIES: Final = 6  # where limits are: a packet may come just when a token does
HZ: Final = 250

Seen = list[tuple[str, int]]  # by which devices frames left, and how long they are


class Kernel:
    """The kernel's side, for many batches."""

    def __init__(self, firewall: Firewall, program: str) -> None:
        self._firewall, self._program = firewall, program
        self.netns = KernelNetns(firewall.devices).open()

    def begin(self) -> None:
        """In a new namespace: what `recent` remembers outlives its rules."""
        self.netns.renew(self._firewall.devices)
        self.netns.sh(self._firewall.setup()).check()
        self.netns.run([f"{self._program}-restore"], stdin=self._firewall.text).check()
        self.netns.drain()

    def send(self, device: str, frame: bytes) -> tuple[float, Seen]:
        """When it came, and what left."""
        self.netns.send(device, self.netns.ports[device].address + frame)
        now = time.monotonic()
        return now, sorted((port, len(left)) for port, left in self.netns.drain())

    def counters(self) -> list[str]:
        return rules_of(self.netns.run([f"{self._program}-save", "-c"]).check().out)

    def close(self) -> None:
        self.netns.close()


class Pystack:
    """pystack's, for one."""

    def __init__(self, firewall: Firewall, program: str) -> None:
        self._box, self._program, self._began = Box(), program, 0.0
        self._ports = {
            name: self._box.ns.add_port(name, (FIRST_ADDRESS + number).to_bytes(6, "big"))
            for number, name in enumerate(firewall.devices)
        }
        assert run_setup(self._box.host, firewall.setup(), "setup") == []
        outside = Outside(stdin=firewall.text.encode())
        done = virtual.run([f"{program}-restore"], self._box.host, None, outside)
        if "is not modelled" in done.err:
            pytest.skip(done.err)
        assert done.rc == 0, done.err

    def send(self, moment: float, device: str, frame: bytes) -> Seen:
        box = self._box
        self._began = self._began or int((moment - box.host.clock.now) * HZ) / HZ  # jiffies begin with it
        box.advance(max(moment - self._began - box.host.clock.now, 0.0))
        port = self._ports[device]
        box.send(port, port.address + frame)
        return sorted((name, len(left)) for name, dev in self._ports.items() for left in box.sent(dev))

    def counters(self) -> list[str]:
        return rules_of(virtual.run([f"{self._program}-save", "-c"], self._box.host).out)


def rules_of(saved: str) -> list[str]:
    return [line for line in saved.splitlines() if not line.startswith("#")]


def batch(kernel: Kernel, firewall: Firewall, program: str, seed: int) -> list[str]:
    """What differs."""
    kernel.begin()
    ours = Pystack(firewall, program)
    differing = []
    for number, (device, frame) in enumerate(firewall.packets(seed, BATCH)):
        moment, theirs = kernel.send(device, frame)
        if (mine := ours.send(moment, device, frame)) != theirs:
            differing.append(f"packet {number} by {device}: {frame.hex()}: {theirs} is not {mine}")
    said, saying = kernel.counters(), ours.counters()
    differing += [f"{one} is not {other}" for one, other in zip(said, saying, strict=True) if one != other]
    return differing


@pytest.mark.root
@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize("name", FILES)
def test_a_firewall_decides_and_counts_as_in_the_kernel(name: str, program: str) -> None:
    path = FOLDER / f"{name}.v4"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    firewall = Firewall(path.read_text())
    Pystack(firewall, program)  # or it is skipped
    kernel = Kernel(firewall, program)
    try:
        for seed in range(PACKETS // BATCH):
            tries = TRIES if firewall.asks_the_time else 1
            found = [batch(kernel, firewall, program, seed)]
            while found[-1] and len(found) < tries:
                found.append(batch(kernel, firewall, program, seed))
            assert found[-1] == [], f"seed {seed}"
        hit = [line for line in kernel.counters() if line.startswith("[") and not line.startswith("[0:0]")]
        assert len(hit) > 5, "the packets meet few of the rules"
    finally:
        kernel.close()
