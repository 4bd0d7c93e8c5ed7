"""Fuzzing NAT finds what is wrong with NAT, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pystack.compare.fuzz import nat
from pystack.compare.fuzz.dice import Dice
from pystack.compare.lab.fuzz_twin import Twin
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Record
from pystack.compare.scenario import Scenario
from pystack.netfilter.nat import manip, point
from pystack.netfilter.nat.unique import Chooser

Plant = Callable[[pytest.MonkeyPatch], None]


def answers_of_two_are_mixed_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chooser, "is_taken", lambda chooser, conn, flow: False)


def errors_are_not_translated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(point, "translate_error", lambda pkt, conn, changed: True)


def ports_are_not_summed(patch: pytest.MonkeyPatch) -> None:
    whole = manip._summed
    patch.setattr(
        manip, "_summed", lambda check, end, old, port, owed: whole(check, end, old, end.port, owed)
    )


class Faulty(PystackSide):
    def __init__(self, plant: Plant) -> None:
        super().__init__()
        self._plant = plant

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        with pytest.MonkeyPatch.context() as patch:
            self._plant(patch)
            return super().play(scenario, hops)


def differs(make_faulty: Callable[[], PystackSide]) -> bool:
    twin = Twin(PystackSide, make_faulty)
    return any(twin.differences(nat.draw(Dice(seed), 150)) for seed in range(8))


def test_without_a_fault_nothing_differs() -> None:
    assert not differs(PystackSide)


@pytest.mark.parametrize(
    "plant", [answers_of_two_are_mixed_up, errors_are_not_translated, ports_are_not_summed]
)
def test_a_planted_fault_is_found(plant: Plant) -> None:
    assert differs(lambda: Faulty(plant))
