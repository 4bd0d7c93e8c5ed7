"""What explain says is what the stack does, over all scenarios: told while they are played."""

from collections import Counter
from pathlib import Path

import pytest

from pystack.compare.lab.folder import pending_scenarios
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.scenario_file import find, read
from pystack.compare.lab.virtual_lab import VirtualLab
from pystack.compare.points import Point
from pystack.compare.records import Frame, Record
from pystack.compare.scenario import Scenario
from pystack.explain.narrator import Narrator
from pystack.explain.stage import Stage

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"
PENDING = pending_scenarios([str(SCENARIOS)])
FILES = [file for file in find([str(SCENARIOS)]) if file not in PENDING]


def played(file: str, monkeypatch: pytest.MonkeyPatch, *, told: bool) -> tuple[list[Record], list[Stage]]:
    """What the scenario gave, and what was said of it meanwhile."""
    narrators: list[Narrator] = []
    observe = VirtualLab.observe

    def observe_and_narrate(lab: VirtualLab, scenario: Scenario, points: list[Point]) -> None:
        observe(lab, scenario, points)
        narrators.append(Narrator(lab.host, lab.host.origins.of))

    with monkeypatch.context() as patched:
        if told:
            patched.setattr(VirtualLab, "observe", observe_and_narrate)
        records = PystackSide().play(read(file), hops=False)
    return records, [stage for narrator in narrators for stage in narrator.watcher.stages]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(Path(file).relative_to(SCENARIOS)))
def test_what_explain_says_is_what_the_stack_does(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed, _ = played(file, monkeypatch, told=False)
    records, stages = played(file, monkeypatch, told=True)
    assert records == undisturbed
    ports = read(file).topology.ports
    left = Counter(record.port for record in records if isinstance(record, Frame) and record.dir == "out")
    of_setup = Counter(record.port for record in records if isinstance(record, Frame) and not record.step)
    sent = Counter(stage.place for stage in stages if stage.kind == "tx" and stage.told.text == "sent")
    assert {port: sent[port] for port in ports} == {port: left[port] - of_setup[port] for port in ports}
