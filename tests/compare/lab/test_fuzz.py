"""The fuzzer: finds planted faults, makes them small, tells of each once, and else finds nothing."""

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from pystack.compare.diff import Difference
from pystack.compare.fuzz.areas import AREAS
from pystack.compare.fuzz.shrink import Shrinker
from pystack.compare.lab import fuzz_session
from pystack.compare.lab.fuzz_session import Limit, Session
from pystack.compare.lab.fuzz_twin import Twin
from pystack.compare.lab.fuzz_verb import fuzz
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.scenario_file import read
from pystack.compare.lab.side import SideError
from pystack.compare.lab.verb import compare_lab
from pystack.compare.records import Record
from pystack.compare.scenario import Scenario
from pystack.l2.bridge_port import BridgePort
from pystack.l2.fdb import Fdb

SEED: Final = 4
FEW: Final = 15  # cases: the planted fault shows soon


def never_moves(patch: pytest.MonkeyPatch) -> None:
    """A station that speaks at another port is not found there."""
    whole = Fdb.learn

    def learn(fdb: Fdb, port: BridgePort, address: bytes, vid: int) -> bool:
        known = fdb.get(address, vid)
        return whole(fdb, port if known is None or known.port is None else known.port, address, vid)

    patch.setattr(Fdb, "learn", learn)


def breaks(patch: pytest.MonkeyPatch) -> None:
    """The sixth octet of a source is one too many."""
    whole = Fdb.learn

    def learn(fdb: Fdb, port: BridgePort, address: bytes, vid: int) -> bool:
        if address[5] == 6:
            raise ZeroDivisionError("planted")
        return whole(fdb, port, address, vid)

    patch.setattr(Fdb, "learn", learn)


class Faulty(PystackSide):
    """pystack with a fault, beside one without."""

    def __init__(self, plant: Callable[[pytest.MonkeyPatch], None]) -> None:
        super().__init__()
        self._plant = plant

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        with pytest.MonkeyPatch.context() as patch:
            self._plant(patch)
            return super().play(scenario, hops)


def faulty_twin(plant: Callable[[pytest.MonkeyPatch], None] = never_moves) -> Twin:
    return Twin(PystackSide, lambda: Faulty(plant))


def twin_without_fault() -> Twin:
    return Twin(PystackSide, PystackSide)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found stays long."""
    monkeypatch.setattr(fuzz_session, "Shrinker", functools.partial(Shrinker, tries=3))


# --- without a kernel: pystack against itself ------------------------------------------------------------


@pytest.mark.slow
def test_a_planted_fault_is_found_and_made_small() -> None:
    session = Session(faulty_twin(), ["bridge"], SEED, Limit(cases=FEW))
    finding = next(session.run())
    assert finding.again
    assert finding.difference.cls in ("VERDICT", "EGRESS")
    assert len(finding.scenario.steps) <= 3  # it speaks here, it speaks there, somebody answers
    assert len(finding.scenario.topology.setup.splitlines()) <= 8  # a bridge, three ports, all up
    assert "seed 4" in finding.scenario.title


@pytest.mark.usefixtures("impatient")
def test_each_cause_is_told_once() -> None:
    session = Session(faulty_twin(), ["bridge"], SEED, Limit(cases=3 * FEW))
    causes = [finding.cause for finding in session.run()]
    assert causes
    assert len(set(causes)) == len(causes)
    assert session.cases == 3 * FEW


@pytest.mark.slow
def test_what_breaks_pystack_is_a_finding_that_names_the_error() -> None:
    session = Session(faulty_twin(breaks), ["bridge"], SEED, Limit(cases=50))
    (finding,) = session.run()
    assert "ZeroDivisionError: planted in learn()" in finding.difference.cause
    assert len(finding.scenario.steps) == 1


def test_without_a_fault_nothing_is_found() -> None:
    session = Session(twin_without_fault(), ["bridge"], SEED, Limit(cases=1000))
    assert list(session.run()) == []
    assert session.cases == 1000


@pytest.mark.usefixtures("impatient")
def test_a_fault_that_is_met_all_the_time_ends_the_run() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fuzz_session, "REPEATS", 3)
        session = Session(faulty_twin(breaks), ["bridge"], SEED, Limit(cases=10_000))
        assert len(list(session.run())) == 1
        assert session.gave_up
    assert session.cases < 10_000


@pytest.mark.usefixtures("impatient")
def test_the_same_seed_finds_the_same() -> None:
    first, second = (
        [finding.scenario for finding in Session(faulty_twin(), ["bridge"], SEED, Limit(cases=FEW)).run()]
        for _ in range(2)
    )
    assert first == second


def test_time_ends_a_run_too() -> None:
    session = Session(twin_without_fault(), ["bridge"], SEED, Limit(seconds=0.01))
    assert list(session.run()) == []
    assert session.cases == fuzz_session.BATCH


# --- the verb --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_seed_is_printed_first_and_a_finding_with_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["bridge", "--seed", str(SEED), "--cases", str(FEW), "--keep", str(tmp_path)]
    assert fuzz(arguments, make_twin=faulty_twin) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"seed {SEED}"
    assert f"   {tmp_path / 'bridge-1.toml'}" in told
    assert told[-1].startswith(f"{FEW} cases in ")
    assert len(read(str(tmp_path / "bridge-1.toml")).steps) <= 3


@pytest.mark.usefixtures("impatient")
def test_what_an_earlier_run_found_stays(tmp_path: Path) -> None:
    (tmp_path / "bridge-1.toml").write_text("mine")
    fuzz(["bridge", "--seed", str(SEED), "--cases", str(FEW), "--keep", str(tmp_path)], make_twin=faulty_twin)
    assert (tmp_path / "bridge-1.toml").read_text() == "mine"
    assert (tmp_path / "bridge-2.toml").exists()


@pytest.mark.usefixtures("impatient")
def test_as_json_it_is_an_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bridge", "--seed", str(SEED), "--cases", str(FEW), "--keep", str(tmp_path)]
    fuzz(arguments, as_json=True, make_twin=faulty_twin)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0] == {"v": 1, "type": "fuzz", "seed": SEED, "areas": ["bridge"]}
    assert {entry["type"] for entry in told[1:-1]} == {"diff"}
    assert told[1]["file"] == str(tmp_path / "bridge-1.toml")
    assert told[-1]["unexplained"] == len(told) - 2
    assert told[-1]["cases"] == FEW


def test_a_run_that_finds_nothing_ends_well_and_leaves_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "found"
    assert fuzz(["bridge", "--cases", "50", "--keep", str(folder)], make_twin=twin_without_fault) == 0
    assert "50 cases" in capsys.readouterr().out
    assert not folder.exists()


class Interrupted(Twin):
    """Somebody presses Ctrl-C while the second topology is played."""

    def __init__(self) -> None:
        super().__init__(PystackSide, PystackSide)
        self._played = 0

    def differences(self, scenario: Scenario) -> list[Difference]:
        self._played += 1
        if self._played > 1:
            raise KeyboardInterrupt
        return super().differences(scenario)


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_run_says_how_many_cases_were_done(
    as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        fuzz(["bridge", "--keep", str(tmp_path)], as_json=as_json, make_twin=Interrupted)
    last = capsys.readouterr().out.splitlines()[-1]
    if as_json:
        assert (json.loads(last)["cases"], json.loads(last)["interrupted"]) == (fuzz_session.BATCH, True)
    else:
        assert last.startswith(f"interrupted: {fuzz_session.BATCH} cases in ")


def test_a_folder_that_cannot_be_is_named_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        fuzz(["--keep", str(tmp_path / "file" / "below")])
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", f"pystack fuzz: --keep: {tmp_path}/file: is no folder\n")


@pytest.mark.usefixtures("impatient")
def test_after_some_repetitions_the_next_topology_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    topologies = set()
    twin = faulty_twin(breaks)
    whole = twin.differences

    def differences(scenario: Scenario) -> list[Difference]:
        topologies.add(scenario.topology)
        return whole(scenario)

    monkeypatch.setattr(twin, "differences", differences)
    monkeypatch.setattr(fuzz_session, "REPEATS", 2)
    monkeypatch.setattr(fuzz_session, "REPEATS_HERE", 1)
    session = Session(twin, ["bridge"], SEED, Limit(cases=10_000))
    list(session.run())
    assert len(topologies) > 1
    assert session.gave_up == "what was found came back 2 times"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["fridge"], f"no such area: fridge (known: {', '.join(AREAS)})"),
        (["--cases", "5", "--seconds", "5"], "--cases or --seconds, not both"),
        (["--cases", "0"], "nothing to do in no time and no cases"),
        (["--seconds", "-1"], "nothing to do in no time and no cases"),
        (["--cases", "many"], "argument --cases: invalid int value: 'many'"),
    ],
)
def test_what_it_cannot_do_is_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        fuzz(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"pystack fuzz: {complaint}\n"


# --- with the kernel -------------------------------------------------------------------------------------


@pytest.fixture
def twin() -> Iterator[Twin]:
    twin = Twin()
    yield twin
    twin.close()


@pytest.mark.root
def test_pystack_does_as_the_kernel_does(twin: Twin, scaled: Callable[[int], int]) -> None:
    session = Session(twin, ["bridge"], SEED, Limit(cases=scaled(20_000)))
    try:
        found = list(session.run())
    except SideError as error:
        pytest.skip(str(error))
    assert [(finding.cause, finding.scenario) for finding in found] == []


@pytest.mark.root
@pytest.mark.usefixtures("impatient")
def test_a_file_of_the_fuzzers_shows_the_fault_and_is_the_same_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "bridge-1.toml")
    with pytest.MonkeyPatch.context() as patch:
        never_moves(patch)
        if fuzz(["bridge", "--seed", str(SEED), "--cases", str(FEW), "--keep", str(tmp_path)]) == 4:
            pytest.skip(capsys.readouterr().err)
        assert compare_lab([file]) == 1
    assert compare_lab([file]) == 0
