"""What areas draw, seed by seed."""

from collections.abc import Iterable, Iterator

from pystack.compare.fuzz.areas import AREAS
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Scenario


def drawn(area: str, seeds: int, cases: int = 200) -> Iterator[Scenario]:
    return (AREAS[area](Dice(seed), cases) for seed in range(seeds))


def commands(scenarios: Iterable[Scenario]) -> list[str]:
    return [step.command for scenario in scenarios for step in scenario.steps if isinstance(step, Run)]
