"""What is said to be pending is: as soon as a scenario passes, its line in pending.txt has to go."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from pystack.compare.lab.folder import pending_scenarios
from pystack.compare.lab.runner import Options, Runner
from pystack.compare.outcome import PLAYED, SAME

SCENARIOS: Final = Path(__file__).parents[3] / "scenarios"


def passing(places: list[str], side: str) -> list[str]:
    runner = Runner(Options(side=side))
    outcomes = list(runner.run(places)) if places else []
    runner.close()
    return [outcome.file for outcome in outcomes if outcome.result in (SAME, PLAYED)]


@pytest.mark.root
def test_nothing_is_pending_that_passes(tmp_path: Path) -> None:
    for file in map(Path, pending_scenarios([str(SCENARIOS)])):
        copy = tmp_path / file.relative_to(SCENARIOS)  # there nothing is pending
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(file, copy)
    anything = [str(tmp_path)] if any(tmp_path.iterdir()) else []
    playable = passing(anything, "pystack")  # the kernel need not be asked for what pystack refuses
    assert passing(playable, "both") == []
