"""The kernel as a side of a comparison: scenarios played in a namespace that nobody else sees.

    with KernelSide() as kernel:
        kernel.open(scenario.topology)
        records = kernel.play(scenario)

Scenarios of one topology share its namespace; what packets leave in it is emptied in between. Where that is
not enough (commands changed something, counters are printed, a rate limit was used up), the namespace is
built anew before the next one, which costs what its setup costs.

The lab is quiet: it reports no link-local multicast groups, which bridges would do at random times for a
second after they come up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Final

from pystack.compare.lab.errors import LabBroken, LabUnavailable
from pystack.compare.lab.host_features import missing_here
from pystack.compare.lab.kernel_log import KernelLog
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.kernel_side_build import Build
from pystack.compare.lab.kernel_side_drops import DropTracer, drop_tracer
from pystack.compare.lab.kernel_side_play import Play
from pystack.compare.lab.probes import meets_probes
from pystack.compare.lab.side import Choices, SideError
from pystack.compare.records import Record
from pystack.compare.scenario import Call, Run, Scenario, Start, Topology

HARMLESS: Final = ("ping", "arping", "sleep", "true", "echo")  # change nothing and print no counters
LOGS: Final = re.compile(r"\bLOG\b|--log\b|\blog\b")  # in a setup or a command
AGES: Final = re.compile(r"\bstp(_state)?\b")  # a namespace with this changes between scenarios


class KernelSide:
    """A side of a comparison (side.Side)."""

    def __init__(self, *, thorough: bool = False) -> None:
        self._thorough = thorough
        self._kernel: KernelNetns | None = None
        self._topology: Topology | None = None
        self._place = ("<setup>", 1)
        self._worn = False  # what was left in the namespace cannot be emptied
        self._used = False  # something was played in it, so its counters count
        self._build: Build | None = None
        self._drops: DropTracer | None = None
        self._mappings: tuple[tuple[bytes, bytes], ...] = ()  # of what was played last

    def __enter__(self) -> KernelSide:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- topology ---------------------------------------------------------------------------------------

    def open(self, topology: Topology, file: str = "<setup>", line: int = 1) -> None:
        """Build the ports and run the setup, if that has not been done already."""
        self._place = file, line
        if topology == self._topology and not self._worn:
            return
        try:
            self._rebuild(topology)
        except LabUnavailable as error:
            self.close()
            raise SideError([str(error)], missing=True) from error
        except ValueError as error:  # a name that no device can have
            self.close()
            raise SideError([f"{file}: {error}"]) from error
        except BaseException:
            self.close()
            raise

    def _rebuild(self, topology: Topology) -> None:
        self._tear_down()
        if self._kernel is None:
            kernel = KernelNetns(topology.ports, ipv6=topology.ipv6, offload=topology.offload)
            self._kernel = kernel.open()
            self._drops = drop_tracer()
        else:
            self._kernel.renew(topology.ports, ipv6=topology.ipv6, offload=topology.offload)
        with self._log(topology.setup):  # whose packets must not log into what another lab reads
            self._build = Build(self._kernel, topology, self._place, thorough=self._thorough)
        self._topology = topology
        self._used = False
        self._worn = False

    def version(self) -> tuple[int, int]:
        """This machine's."""
        major, minor = os.uname().release.split(".")[:2]
        return int(major), int(minor)

    def lacks(self, needs: Collection[str]) -> list[str]:
        """What this machine's kernel or tools cannot do."""
        return missing_here(needs)

    def choices(self) -> Choices:
        """The link addresses that the kernel drew, and how it mapped connections."""
        return Choices(self._build.drawn if self._build else {}, self._mappings)

    def adopt(self, choices: Choices) -> None:
        """The kernel takes over nothing: it is the one who is asked."""

    # --- playing ----------------------------------------------------------------------------------------

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        """Play every step, and leave the namespace as it was found, or marked for building anew."""
        commands = [step.command for step in scenario.steps if isinstance(step, Run | Start)]
        speaks = any(isinstance(step, Call) for step in scenario.steps)
        meddles = speaks or not all(map(_is_harmless, commands))
        self._worn |= self._used and meddles
        if scenario.topology != self._topology:
            self._place = scenario.file, scenario.setup_line
        self.open(scenario.topology, *self._place)
        self._used = True
        try:
            return self._play(scenario, hops, commands, meddles)
        except LabUnavailable as error:
            self._worn = True
            raise SideError([str(error)], missing=True) from error
        except LabBroken:
            self.close()  # the next scenario finds a new lab
            raise
        except BaseException:
            self._worn = True
            raise

    def _play(self, scenario: Scenario, hops: bool, commands: list[str], meddles: bool) -> list[Record]:
        build = self._build
        assert self._kernel is not None
        assert build is not None
        hops = hops and not meets_probes(scenario)
        reader = build.hops(scenario.family) if hops else None
        if not hops:
            build.no_hops()
        captures = build.captures(scenario.capture, f"{scenario.file}:{scenario.capture_line}")
        connections = build.connections(scenario.topology.setup, *commands)
        with self._log(scenario.topology.setup, *commands) as log:
            play = Play(self._kernel, scenario, build.state, reader, self._drops, captures, log, connections)
            play.records += build.came_up
            play.run()
            self._mappings = tuple((conn.original.key, conn.reply.key) for conn in play.begun)
            marked = play.leaves_marks() or meddles or AGES.search(scenario.topology.setup)
            self._worn = bool(marked) or not build.empty()
        return play.records

    def _log(self, *texts: str) -> AbstractContextManager[KernelLog | None]:
        """The kernel's log where one of these may write into it; one lab at a time may. Rules alone, without
        a packet, say nothing.
        """
        assert self._kernel is not None
        says_nothing = not self._kernel.port_names and all(text.startswith("iptables") for text in texts)
        if says_nothing or not any(map(LOGS.search, texts)):
            return nullcontext()
        return self._kernel.kernel_log()

    def close(self) -> None:
        """End the lab and put everything back."""
        self._tear_down()
        if self._drops is not None:
            self._drops.close()
            self._drops = None
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def _tear_down(self) -> None:
        self._topology = None
        if self._build is not None:
            self._build.close()
            self._build = None


def _is_harmless(command: str) -> bool:
    """Whether nothing remains of a command, and it tells nothing of what happened before it."""
    pieces = [piece.split() for piece in command.split(";")]
    return all(words and words[0] in HARMLESS for words in pieces) and not set(command) & set("|&$`<>")
