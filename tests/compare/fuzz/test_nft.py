"""Fuzzing nftables: what is drawn is mostly taken, and what is wrong is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pystack.applets import virtual
from pystack.compare.fuzz import nft
from pystack.compare.fuzz.dice import Dice
from pystack.compare.lab.fuzz_twin import Twin
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Record
from pystack.compare.scenario import Run, Scenario, Send
from pystack.host import Host
from pystack.netfilter.nft import set_hash
from pystack.netfilter.nft.statements.counters import Counter
from pystack.netfilter.view import View

STEPS = 150
TAKEN = 0.8  # of the rules

Plant = Callable[[pytest.MonkeyPatch], None]


def counters_count_twice(patch: pytest.MonkeyPatch) -> None:
    def count(counter: Counter, view: View) -> bool:
        counter.packets += 2
        counter.octets += view.length
        return True

    patch.setattr(Counter, "__call__", count)


def sets_are_empty(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(set_hash.HashStore, "find", lambda store, key: None)


class Faulty(PystackSide):
    def __init__(self, plant: Plant) -> None:
        super().__init__()
        self._plant = plant

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        with pytest.MonkeyPatch.context() as patch:
            self._plant(patch)
            return super().play(scenario, hops)


def test_one_seed_draws_one_scenario() -> None:
    assert nft.draw(Dice(5), STEPS) == nft.draw(Dice(5), STEPS)


def test_most_rules_are_taken() -> None:
    scenario = nft.draw(Dice(3), STEPS)
    host = Host()
    added = [step for step in scenario.steps if isinstance(step, Run) and " rule " in step.command]
    virtual.run(["sh", "-c", scenario.steps[0].command], host)  # type: ignore[union-attr]
    taken = [virtual.run(["sh", "-c", step.command], host).rc == 0 for step in added]
    assert sum(taken) > TAKEN * len(taken)


def test_packets_follow_the_rules() -> None:
    scenario = nft.draw(Dice(4), STEPS)
    assert sum(isinstance(step, Send) for step in scenario.steps) > STEPS // 2


@pytest.mark.parametrize("plant", [counters_count_twice, sets_are_empty])
def test_what_is_wrong_is_found(plant: Plant) -> None:
    twin = Twin(PystackSide, lambda: Faulty(plant))
    try:
        assert any(twin.differences(nft.draw(Dice(seed), STEPS)) for seed in range(4))
    finally:
        twin.close()


def test_what_is_right_does_not_differ_from_itself() -> None:
    twin = Twin(PystackSide, PystackSide)
    try:
        assert twin.differences(nft.draw(Dice(1), STEPS)) == []
    finally:
        twin.close()
