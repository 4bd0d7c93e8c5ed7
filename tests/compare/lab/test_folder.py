"""known.toml and pending.txt: what they say, and how all that is wrong with them is told at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pystack.compare.known import KernelRange, Known
from pystack.compare.lab.folder import folders_of, known_differences, pending_scenarios
from pystack.compare.lab.scenario_file import ScenarioError

KNOWN = """\
[[known]]
scenario = "bridge/learn.toml"
class = "TIMING"
cause = "in another order"
reason = "two processors"
kernel = ">=6.1"
"""

NO_CLASS = "must be one of VERDICT, EGRESS, REWRITE, RULE, STATE, REPLY, LOG, OUTPUT, TIMING"


def complaints(read: Callable[[list[str]], object], folder: Path) -> list[str]:
    with pytest.raises(ScenarioError) as told:
        read([str(folder)])
    return [complaint.removeprefix(f"{folder}/") for complaint in told.value.complaints]


def test_a_row_says_which_difference_is_known_and_why(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(KNOWN)
    range_ = KernelRange.parse(">=6.1")
    assert known_differences([str(tmp_path)]) == [
        Known("bridge/learn.toml", "TIMING", "in another order", "two processors", range_)
    ]


def test_everything_that_is_wrong_in_a_registry_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(
        """\
colour = 1
[[known]]
clas = "TIMING"
reason = "r"
[[known]]
class = "TIMNIG"
reason = " "
kernel = "new"
[[known]]
class = "LOG"
reason = 7
"""
    )
    assert complaints(known_differences, tmp_path) == [
        "known.toml:1: colour: unknown key",
        f"known.toml:2: known.class: {NO_CLASS}",
        'known.toml:3: known.clas: unknown key; did you mean "class"?',
        f"known.toml:6: known.class: {NO_CLASS}",
        "known.toml:7: known.reason: a known difference has a reason",
        "known.toml:8: known.kernel: 'new' is no bound such as >=5.10",
        "known.toml:11: known.reason: must be a string",
        "known.toml:11: known.reason: a known difference has a reason",
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"known = 3", "known.toml:1: known: must be written [[known]]"),
        (b"known = [3]", "known.toml:1: known: must be a table"),
        (b"known = [", "known.toml:1: Invalid value"),
        (b"# fine\nreason = '\xe4'", "known.toml:2: not UTF-8"),
    ],
)
def test_a_registry_that_is_none_is_named(content: bytes, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_bytes(content)
    assert complaint in complaints(known_differences, tmp_path)


def test_what_is_pending_is_known_by_its_whole_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.toml").touch()
    (tmp_path / "pending.txt").write_text(
        "# a list\n\nin/../in/a.toml: a subject: with a colon  # and more\n"
    )
    monkeypatch.chdir(tmp_path / "in")
    folders = folders_of(["a.toml"])
    assert folders[:2] == [str(tmp_path / "in"), str(tmp_path)]
    assert pending_scenarios(folders) == {str(tmp_path / "in/a.toml"): "a subject: with a colon"}


def test_everything_that_is_wrong_in_a_list_of_what_is_pending_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "learn.toml").touch()
    (tmp_path / "pending.txt").write_text(
        "learm.toml: a subject\nlearn.toml\nlearn.toml: a subject\nnowhere/x.toml: a subject\n: a subject\n"
    )
    assert complaints(pending_scenarios, tmp_path) == [
        'pending.txt:1: there is no scenario "learm.toml"; did you mean "learn.toml"?',
        'pending.txt:2: "learn.toml": says not what it waits for',
        'pending.txt:3: "learn.toml" is there twice',
        'pending.txt:4: there is no scenario "nowhere/x.toml"',
        'pending.txt:5: there is no scenario ""',
    ]


def test_a_registry_below_is_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "known.toml").write_text("colour = 1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match=r"^known.toml:1: "):
        known_differences(folders_of(["a.toml"]))
