"""What all areas have in common."""

import pytest

from pystack.compare.fuzz.areas import AREAS
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Send
from pystack.wire.ethernet import ETH_HLEN
from tests.compare.fuzz.drawing import drawn


@pytest.mark.parametrize("area", AREAS)
def test_the_same_seed_draws_the_same_scenario(area: str) -> None:
    assert AREAS[area](Dice(5), 300) == AREAS[area](Dice(5), 300)
    assert AREAS[area](Dice(5), 300) != AREAS[area](Dice(6), 300)


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("cases", [1, 7, 400])
def test_there_are_as_many_steps_as_were_asked_for(area: str, cases: int) -> None:
    assert all(len(scenario.steps) == cases for scenario in drawn(area, 5, cases))


@pytest.mark.parametrize("area", AREAS)
def test_frames_are_frames_and_enter_by_ports_that_are_there(area: str) -> None:
    for scenario in drawn(area, 10):
        for step in scenario.steps:
            if isinstance(step, Send):
                assert step.port in scenario.topology.ports
                assert all(len(frame) >= ETH_HLEN for frame in step.frames)
