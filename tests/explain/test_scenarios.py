"""What explain says is what the stack does, over all scenarios: told while they are played."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from pystack.compare.lab.folder import pending_scenarios
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.scenario_file import find, read
from pystack.compare.lab.socket_calls import Caller
from pystack.compare.lab.virtual_lab import VirtualLab
from pystack.compare.lab.wiring import wiring_of
from pystack.compare.path import paths
from pystack.compare.points import Point
from pystack.compare.records import Frame, Hop, Record
from pystack.compare.scenario import Scenario
from pystack.explain.narrator import Narrator
from pystack.explain.path_kind import kind_of
from pystack.explain.stage import Stage, Traveller
from pystack.wire.ethernet import ETH_HLEN, ETH_P_ARP

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"
PENDING = pending_scenarios([str(SCENARIOS)])
FILES = [file for file in find([str(SCENARIOS)]) if file not in PENDING]
each_scenario = pytest.mark.parametrize(
    "file", FILES, ids=lambda file: str(Path(file).relative_to(SCENARIOS))
)


@dataclass(frozen=True)
class Played:
    """What a scenario gave, and what was said of it meanwhile."""

    records: list[Record]
    travellers: list[Traveller]
    stages: list[Stage]
    cut: int  # how many more packets there were once large ones were cut for a device

    def ways(self) -> Iterator[tuple[Stage, list[Stage]]]:
        """Every stage, with what its packet met from there on up to the next look-up."""
        for traveller in self.travellers:
            mine = [
                stage for stage in self.stages if stage.packet == traveller.number and stage.kind != "hook"
            ]
            for place, stage in enumerate(mine):
                rest = mine[place + 1 :]
                ends = next((at for at, other in enumerate(rest) if other.kind == "route"), len(rest))
                yield stage, rest[:ends]

    def replies(self, asked: Stage) -> int:
        """How many ARP replies a packet caused there; a rule of ebtables may have made one before."""
        before = {stage.packet for stage in self.stages[: self.stages.index(asked)]}
        return sum(
            traveller.cause == asked.packet
            and traveller.number not in before
            and traveller.protocol == ETH_P_ARP
            and traveller.frame[ETH_HLEN + 7] == 2
            for traveller in self.travellers
        )


@cache
def scenario_of(file: str) -> Scenario:
    return read(file)


@cache
def played(file: str) -> Played:
    narrators: list[Narrator] = []
    labs: list[VirtualLab] = []
    travellers: list[Traveller] = []
    stages: list[Stage] = []
    observe, close = VirtualLab.observe, Caller.close

    def observe_and_narrate(lab: VirtualLab, scenario: Scenario, points: list[Point]) -> None:
        observe(lab, scenario, points)
        labs.append(lab)
        narrators.append(Narrator(lab.host, lab.host.origins.of))

    def hear_and_close(caller: Caller) -> None:
        """What sockets say when they are closed in the end is of no step."""
        for narrator in narrators:
            travellers.extend(narrator.watcher.travellers)
            stages.extend(narrator.watcher.stages)
        close(caller)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(VirtualLab, "observe", observe_and_narrate)
        patched.setattr(Caller, "close", hear_and_close)
        records = PystackSide().play(scenario_of(file), hops=False)
    return Played(records, travellers, stages, sum(lab.host.outcomes.split for lab in labs))


@cache
def observed(file: str) -> list[Record]:
    """The same with nobody who tells, but with the observers that compare has."""
    return PystackSide().play(scenario_of(file))


@each_scenario
def test_telling_changes_nothing(file: str) -> None:
    assert played(file).records == [record for record in observed(file) if not isinstance(record, Hop)]


@each_scenario
def test_what_is_said_to_leave_leaves(file: str) -> None:
    told = played(file)
    out = [record for record in told.records if isinstance(record, Frame) and record.dir == "out"]
    left = Counter(record.port for record in out if record.step)
    sent = Counter(stage.place for stage in told.stages if stage.told.text == "sent")
    ports = scenario_of(file).topology.ports
    if told.cut:  # a large packet is told of once
        assert sum(sent[port] for port in ports) + told.cut >= sum(left.values())
    else:
        assert {port: sent[port] for port in ports} == {port: left[port] for port in ports}


@each_scenario
def test_what_is_said_of_a_decision_is_what_comes_of_it(file: str) -> None:
    told = played(file)
    sent_on = "fwd to" in scenario_of(file).topology.setup  # by rules at the device itself
    for stage, rest in told.ways():
        kinds, text = [other.kind for other in rest], stage.told.text
        if stage.kind == "route" and text.startswith(("refused:", "nowhere:")):
            assert "drop" in kinds, text
        elif stage.kind == "route" and text.startswith("for this host"):
            assert "forward" not in kinds, text
        elif stage.kind == "route" and text.startswith("by "):
            device = text.split()[1].rstrip(",")
            doors = [other.place for other in rest if other.kind in ("tx", "bridge")]
            assert not doors or device in doors or sent_on, text  # a rule may send copies by others
        elif stage.kind == "protocol" and text.startswith("no socket"):
            assert "drop" in kinds, text
        elif stage.kind == "protocol" and text.startswith("to the UDP socket"):
            assert "NO_SOCKET" not in [other.drop for other in rest], text
        elif stage.kind == "arp" and text.startswith("answered: "):
            assert told.replies(stage) == 1, text
        elif stage.kind == "arp" and text.startswith(("not answered", "not heeded", "heard")):
            assert told.replies(stage) == 0, text


@each_scenario
def test_the_source_that_is_explained_is_the_packet_s(file: str) -> None:
    for stage in played(file).stages:
        if stage.kind == "route" and ", source " in stage.told.text:
            source = stage.told.text.rpartition(" ")[2]
            assert stage.told.reasons[-1].text.startswith((f"source {source},", f"source {source}:")) or (
                stage.told.reasons[-1].text.startswith("to 0.0.0.0 means")
            )


@each_scenario
def test_both_name_the_same_kinds_of_path(file: str) -> None:
    scenario = scenario_of(file)
    wiring = wiring_of(scenario)
    seen = [path for path in paths(observed(file), wiring) if path.step]
    told = [traveller for traveller in played(file).travellers if not traveller.netns]
    kinds = [kind_of([passing.crossed for passing in traveller.passed], wiring) for traveller in told]
    assert Counter(kinds) == Counter(path.kind for path in seen)
