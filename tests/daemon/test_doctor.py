"""What runs that were killed left behind is named, and taken back where it is asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pystack.compare.lab import kernel_side_drops
from pystack.compare.lab.kernel_side_drops import PREFIX
from pystack.daemon.doctor import examine_traces

NOBODY = 2**22 + 1  # above what numbers of processes go up to


@pytest.fixture
def instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tracefs with an instance of a process that is gone, one of ours, and one of somebody else's."""
    monkeypatch.setattr(kernel_side_drops, "INSTANCES", tmp_path)
    monkeypatch.setattr(kernel_side_drops, "FIRST_PID_NAMESPACE", os.stat("/proc/self/ns/pid").st_ino)
    for name in (f"{PREFIX}{NOBODY}-1-a", f"{PREFIX}{os.getpid()}-1-a", "foreign"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_trace_of_a_process_that_was_killed_is_named(instances: Path) -> None:
    (found,) = examine_traces(clean=False)
    assert (found.name, found.result) == ("left behind", "left")
    assert str(instances / f"{PREFIX}{NOBODY}-1-a") in found.sentence
    assert len(list(instances.iterdir())) == 3


def test_it_is_taken_back_where_it_is_asked_for(instances: Path) -> None:
    (found,) = examine_traces(clean=True)
    assert (found.result, "taken back" in found.sentence) == ("ok", True)
    assert sorted(folder.name for folder in instances.iterdir()) == ["foreign", f"{PREFIX}{os.getpid()}-1-a"]


def test_one_that_cannot_be_taken_back_stays_a_complaint(instances: Path) -> None:
    (instances / f"{PREFIX}{NOBODY}-1-a" / "full").touch()
    (found,) = examine_traces(clean=True)
    assert (found.result, "Directory not empty" in found.sentence) == ("left", True)


@pytest.mark.root
def test_traces_that_only_root_may_see_are_passed_over(instances: Path) -> None:
    instances.chmod(0o700)
    os.seteuid(65534)
    try:
        assert list(examine_traces(clean=False)) == []
    finally:
        os.seteuid(0)
