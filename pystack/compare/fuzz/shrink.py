"""Makes a scenario small that shows a difference: what is not needed for it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from pystack.compare.scenario import Run, Scenario, Send, Step
from pystack.wire.ethernet import ETH_HLEN

T = TypeVar("T")
Shows = Callable[[Scenario], bool]  # whether a scenario has the difference still

STAYS: Final = "# stays"  # at the end of a line of the setup without which others would be compared
TRIES: Final = 250  # plays at most: small enough is good enough


class Shrinker:
    """Tries smaller scenarios as long as there are tries left."""

    def __init__(self, shows: Shows, tries: int = TRIES) -> None:
        self._shows = shows
        self._tries = tries

    def shrink(self, scenario: Scenario) -> Scenario:
        """The smallest that was found; it shows the difference, as the given one does."""
        deaf = replace(scenario, capture=())
        if scenario.capture and self._try(deaf):
            scenario = deaf
        for _ in range(2):  # a shorter setup may need fewer steps
            before = scenario
            scenario = self._steps(scenario)
            scenario = self._setup(scenario)
            if scenario == before:
                break
        return self._ports(self._frames(self._commands(scenario)))

    def _try(self, candidate: Scenario) -> bool:
        if self._tries <= 0:
            return False
        self._tries -= 1
        return self._shows(candidate)

    def _steps(self, scenario: Scenario) -> Scenario:
        def with_steps(steps: Sequence[Step]) -> Scenario:
            return replace(scenario, steps=tuple(steps))

        last = with_steps(scenario.steps[-1:])
        if len(scenario.steps) > 1 and self._try(last):
            return last
        return with_steps(self._fewer(scenario.steps, lambda steps: self._try(with_steps(steps))))

    def _setup(self, scenario: Scenario) -> Scenario:
        def with_lines(lines: Sequence[str]) -> Scenario:
            topology = replace(scenario.topology, setup="".join(f"{line}\n" for line in lines))
            return replace(scenario, topology=topology)

        lines = scenario.topology.setup.splitlines()
        staying = [line for line in lines if line.endswith(STAYS)]
        free = [line for line in lines if line not in staying]
        fewer = self._fewer(free, lambda some: self._try(with_lines([*staying, *some])))
        return with_lines([*staying, *fewer])

    def _fewer(self, things: Sequence[T], shows: Callable[[Sequence[T]], bool]) -> Sequence[T]:
        """Leave out runs of them, long ones first, until none can go (Zeller's ddmin, complements only)."""
        size = (len(things) + 1) // 2
        while size:
            at, shorter = 0, False
            while at < len(things):
                rest = [*things[:at], *things[at + size :]]
                if shows(rest):
                    things, shorter = rest, True
                else:
                    at += size
            if not shorter or size > 1:
                size //= 2
        return things

    def _commands(self, scenario: Scenario) -> Scenario:
        """Of several commands in one step perhaps not all are needed."""
        for number, step in enumerate(scenario.steps):
            if isinstance(step, Run) and ";" in step.command:
                scenario = self._fewer_commands(scenario, number, step.command.split("; "))
        return scenario

    def _fewer_commands(self, scenario: Scenario, number: int, commands: list[str]) -> Scenario:
        def with_commands(some: Sequence[str]) -> Scenario:
            return _with_step(scenario, number, Run("; ".join(some)))

        return with_commands(
            self._fewer(commands, lambda some: bool(some) and self._try(with_commands(some)))
        )

    def _frames(self, scenario: Scenario) -> Scenario:
        """Frames by halves, as far as they go."""
        for number, step in enumerate(scenario.steps):
            if not isinstance(step, Send) or len(step.frames) != 1:
                continue
            (frame,) = step.frames
            cut = (len(frame) - ETH_HLEN) // 2
            while cut:
                shorter = frame[: len(frame) - cut]
                cut_step = replace(step, frames=(shorter,), text=shorter.hex())
                candidate = _with_step(scenario, number, cut_step)
                if self._try(candidate):
                    scenario, frame = candidate, shorter
                    cut = min(cut, len(frame) - ETH_HLEN)
                else:
                    cut //= 2
        return scenario

    def _ports(self, scenario: Scenario) -> Scenario:
        """Those that nobody needs; of the others some may get another address with that."""
        for port in reversed(scenario.topology.ports):
            ports = tuple(other for other in scenario.topology.ports if other != port)
            candidate = replace(scenario, topology=replace(scenario.topology, ports=ports))
            uses = any(isinstance(step, Send) and step.port == port for step in scenario.steps)
            if ports and not uses and self._try(candidate):
                scenario = candidate
        return scenario


def _with_step(scenario: Scenario, number: int, step: Step) -> Scenario:
    steps = (*scenario.steps[:number], step, *scenario.steps[number + 1 :])
    return replace(scenario, steps=steps)
