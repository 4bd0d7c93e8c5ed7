"""Which scenarios are played on which side, and why the others are not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pystack.compare.lab import host_features
from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.runner import Options, Runner
from pystack.compare.lab.scenario_file import ScenarioError
from pystack.compare.outcome import DIFFER, PENDING, PLAYED, SAME, SKIPPED, Outcome
from pystack.compare.records import Log, Record
from pystack.compare.scenario import Scenario

SCENARIO = 'title = "t"\nports = ["tap1"]\n[[step]]\nrun = "ip -br link show tap1"\n'
Play = Callable[..., Outcome]


class Old(KernelSide):
    """A kernel that says that it is older than it is."""

    def version(self) -> tuple[int, int]:
        return 5, 4


class Wavering(PystackSide):
    """Stands for a kernel that does otherwise in its first plays."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.plays = 0

    def version(self) -> tuple[int, int]:
        return 6, 18

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        records = super().play(scenario, hops)
        self.plays += 1
        return records if self.plays > self.times else [*records, Log(1, "a line")]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Plays a scenario with more in its head."""
    runners = []

    def play(more: str = "", side: str = "both") -> Outcome:
        (tmp_path / "x.toml").write_text(f"{more}\n{SCENARIO}")
        runners.append(Runner(Options(side=side), make_kernel=Old))
        (outcome,) = runners[-1].run([str(tmp_path)])
        return outcome

    yield play
    for runner in runners:
        runner.close()


@pytest.fixture
def only_vlans_are_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(host_features, "TRIALS", {"vlan": "true", "vrf": "false", "dummy": "false"})
    host_features._is_here.cache_clear()
    yield
    host_features._is_here.cache_clear()


@pytest.mark.root
@pytest.mark.usefixtures("only_vlans_are_here")
@pytest.mark.parametrize("side", ["kernel", "both"])
def test_a_scenario_is_skipped_by_the_name_of_what_the_kernel_lacks(side: str, play: Play) -> None:
    outcome = play('needs = ["vrf", "vlan", "dummy"]', side)
    assert (outcome.result, outcome.reason) == (SKIPPED, "needs vrf, dummy, which this kernel lacks")
    assert play('needs = ["vlan"]', side).result == (SAME if side == "both" else PLAYED)


@pytest.mark.usefixtures("only_vlans_are_here")
def test_what_a_kernel_lacks_is_no_matter_to_pystack(play: Play) -> None:
    assert play('needs = ["vrf"]', "pystack").result == PLAYED


@pytest.mark.root
@pytest.mark.parametrize("side", ["kernel", "both"])
def test_a_range_of_kernels_is_held_against_the_kernel_that_is_asked(side: str, play: Play) -> None:
    outcome = play('kernel = ">=5.10"', side)
    assert (outcome.result, outcome.reason) == (SKIPPED, "holds for kernels >=5.10")
    assert play('kernel = "<5.10"', side).result == (SAME if side == "both" else PLAYED)


def test_pystack_plays_what_holds_for_any_kernel(play: Play) -> None:
    assert play('kernel = "<2.6"', "pystack").result == PLAYED


@pytest.mark.parametrize("times", [1, 2])
def test_a_difference_that_the_kernel_does_not_repeat_is_none_and_told(times: int, tmp_path: Path) -> None:
    outcome, kernel = play_against(Wavering(times), tmp_path)
    assert (outcome.result, outcome.wavered, kernel.plays) == (SAME, True, times + 1)
    assert outcome.reason == "the kernel did not repeat a difference: only the kernel logs it"


def test_a_difference_that_the_kernel_repeats_is_one(tmp_path: Path) -> None:
    outcome, kernel = play_against(Wavering(100), tmp_path)
    assert (outcome.result, outcome.wavered, kernel.plays) == (DIFFER, False, 3)
    assert len(outcome.differences) == 1


def play_against(kernel: Wavering, folder: Path) -> tuple[Outcome, Wavering]:
    (folder / "x.toml").write_text(SCENARIO)
    runner = Runner(Options(), make_kernel=lambda: kernel)
    (outcome,) = runner.run([str(folder)])
    runner.close()
    return outcome, kernel


def test_what_is_pending_is_not_played_on_pystack(play: Play, tmp_path: Path) -> None:
    (tmp_path / "pending.txt").write_text("x.toml: a subject")
    outcome = play(side="pystack")
    assert (outcome.result, outcome.reason, outcome.pystack) == (PENDING, "a subject", [])


@pytest.mark.root
def test_what_is_pending_is_played_on_the_kernel_alone(play: Play, tmp_path: Path) -> None:
    (tmp_path / "pending.txt").write_text("x.toml: a subject")
    assert play(side="both").result == PENDING
    outcome = play(side="kernel")
    assert (outcome.result, bool(outcome.kernel)) == (PLAYED, True)


def test_a_list_of_what_is_pending_that_is_wrong_ends_the_run(play: Play, tmp_path: Path) -> None:
    (tmp_path / "pending.txt").write_text("y.toml: a subject")
    with pytest.raises(ScenarioError, match=r'pending.txt:1: there is no scenario "y.toml"'):
        play(side="pystack")
