"""The twin: how fast scenarios of one topology are played on both sides and compared, by the real runner.

The yardsticks are the two sides alone, which compare nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pystack.compare.lab.runner import BOTH, Options, Runner
from pystack.compare.outcome import PLAYED, SAME, SKIPPED, Outcome
from pystack.compare.records import KERNEL, Frame
from pystack.compare.records import PYSTACK as OURS
from scripts.bench_parts.lab import Absent, BenchError
from scripts.bench_parts.results import PYSTACK, Reading

KERNEL_ALONE: Final = "kernel's side alone"
PYSTACK_ALONE: Final = "pystack's side alone"
SIDES: Final = {PYSTACK: BOTH, KERNEL_ALONE: KERNEL, PYSTACK_ALONE: OURS}  # by contestant

HEAD: Final = '''\
title = "scenario {number}"
ports = ["tap1", "tap2", "tap3"]
capture = {capture}
setup = """
sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-arptables=0
ip link add br0 type bridge
ip link set tap1 up master br0
ip link set tap2 up master br0
ip link set tap3 up master br0
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
"""
'''
SEND: Final = '[[step]]\nsend = {{ port = "{port}", packet = "{packet}", count = {count} }}\n'
A, B = "02:aa:00:00:00:05", "02:aa:00:00:00:06"
ASK: Final = f"Ether(src='{A}', dst='ff:ff:ff:ff:ff:ff')/ARP(op=1, hwsrc='{A}', psrc='10.0.0.5', pdst='%s')"
ECHO: Final = f"Ether(src='{A}', dst='{B}')/IP(src='10.0.0.5', dst='10.0.0.6', id=%d)/ICMP(type=8, seq=1)"
REPLY: Final = f"Ether(src='{B}', dst='{A}')/IP(src='10.0.0.6', dst='10.0.0.5', id=%d)/ICMP(type=0, seq=1)"


@dataclass(frozen=True, slots=True)
class Load:
    """What is played: so many scenarios, each of which sends each of its three frames so many times."""

    scenarios: int
    burst: int = 1
    capture: tuple[str, ...] = ()
    hops: bool = True

    def text(self, number: int) -> str:
        """A scenario: a flood from which the bridge learns, every other time a question to the bridge itself;
        an echo to a station that nobody knows yet; and the reply, after which all are known.
        """
        sends = (
            ("tap1", ASK % ("10.0.0.1" if number % 2 else "10.0.0.6")),
            ("tap1", ECHO % (number + 1)),
            ("tap2", REPLY % (number + 1)),
        )
        head = HEAD.format(number=number, capture=list(self.capture))
        return head + "".join(
            SEND.format(port=port, packet=packet, count=self.burst) for port, packet in sends
        )

    def write(self, folder: Path) -> None:
        """Files for the runner to find, and one more to warm up; those of an earlier round serve again."""
        if folder.exists():
            return
        folder.mkdir()
        for number in range(self.scenarios + 1):
            (folder / f"{number:05}.toml").write_text(self.text(number))


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast it went."""

    scenarios: float  # a second
    frames: float  # that enter, a second


def rates(load: Load, side: str, folder: Path) -> Rates:
    """The namespace is built before the clock starts; files are read while it runs."""
    load.write(folder)
    runner = Runner(Options(side=side, hops=load.hops))
    try:
        outcomes = _checked(runner.run([str(folder)]))
        next(outcomes)
        begun = time.perf_counter()
        frames = sum(map(_frames_in, outcomes))
        taken = time.perf_counter() - begun
    finally:
        runner.close()
    return Rates(load.scenarios / taken, frames / taken)


def scenarios(load: Load, side: str, folder: Path) -> Reading:
    """Scenarios a second."""
    return Reading(rates(load, side, folder).scenarios)


def frames(load: Load, side: str, folder: Path) -> Reading:
    """Frames a second, in long scenarios."""
    return Reading(rates(load, side, folder).frames)


def _checked(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """A twin that finds a difference here measures something else than it should."""
    for outcome in outcomes:
        if outcome.result == SKIPPED:
            raise Absent(outcome.reason)
        if outcome.result not in (SAME, PLAYED):
            causes = "; ".join(difference.cause for difference in outcome.differences)
            raise BenchError(f"{outcome.title}: {outcome.result}: {outcome.reason or causes}")
        yield outcome


def _frames_in(outcome: Outcome) -> int:
    records = outcome.kernel or outcome.pystack
    return sum(isinstance(record, Frame) and record.dir == "in" for record in records)
