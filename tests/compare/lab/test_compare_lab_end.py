"""However `pystack compare lab` ends, the machine is as it was; and two of them at once do not meet."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pystack.compare.lab.kernel_log import SWITCH
from pystack.compare.lab.kernel_side_play import Play
from pystack.compare.lab.runner import Options, Runner
from tests.compare.lab.leftovers import has_ended, netns_names, switch_at_rest, traces_of, users_of_netns
from tests.compare.lab.patience import wait_until
from tests.compare.lab.test_lab_end import ROOT

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("switch_is_off")]

# Its setup sends what its own rule logs, and so does its step: an echo and its reply each.
SCENARIO = """\
title = "{name}"
ports = ["tap1"]
setup = \"\"\"
ip netns add b
ip link set lo up
iptables-legacy -A OUTPUT -j LOG --log-level 7 --log-prefix "{name} "
ping -c1 127.0.0.1
\"\"\"
[[step]]
run = "ping -c2 -i0.01 127.0.0.1"
"""
LASTING = """\
[[step]]
start = "sleep 1000"
as = "sleeper"
[[step]]
wait = 1000.0
"""


def write(folder: Path, name: str, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(SCENARIO.format(name=name) + more)
    return path


def compare_lab(path: Path) -> "subprocess.Popen[str]":
    """The kernel's side alone, for pystack has no iptables. Ctrl-C is heard, whoever started the tests."""
    return subprocess.Popen(
        [sys.executable, "-m", "pystack", "compare", "lab", str(path), "--side", "kernel", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def below(pid: int) -> list[int]:
    """A process's children, theirs, and so on."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:  # ended meanwhile
        return []
    return children + [deeper for child in children for deeper in below(child)]


def sleeper_of(pid: int) -> int:
    """The command that the scenario left running; 0 if it does not run yet."""
    return next((child for child in below(pid) if name_of(child) == "sleep"), 0)


def name_of(pid: int) -> str:
    """What runs as this process; nothing if it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""


def machine() -> tuple[list[str], list[str]]:
    return sorted(netns_names()), sorted(os.listdir("/sys/class/net"))


@pytest.mark.parametrize(
    ("number", "rc"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_run_that_is_told_to_end_leaves_nothing(tmp_path: Path, number: signal.Signals, rc: int) -> None:
    before = machine()
    victim = compare_lab(write(tmp_path, "lasting", LASTING))
    try:
        wait_until(lambda: sleeper_of(victim.pid) != 0)
        assert SWITCH.read_text() == "1\n"
        lab = below(victim.pid)
        inode = os.stat(f"/proc/{sleeper_of(victim.pid)}/ns/net").st_ino
    finally:  # else it would hold the kernel's log for a thousand seconds
        victim.send_signal(number)
    _, said = victim.communicate(timeout=60)
    assert (victim.returncode, said) == (rc, "")
    assert all(map(has_ended, lab))
    assert users_of_netns(inode) == []
    assert traces_of(victim.pid) == []
    assert switch_at_rest() == "0"
    assert machine() == before


def test_a_run_that_meets_what_nobody_foresaw_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unforeseen(Exception):
        pass

    inodes: list[int] = []

    def fail(play: Play, ended: object) -> None:
        assert SWITCH.read_text() == "1\n"
        inodes.append(os.stat(play._kernel.netns_path).st_ino)
        raise Unforeseen

    before = machine()
    monkeypatch.setattr(Play, "_note", fail)
    with pytest.raises(Unforeseen), closing(Runner(Options(side="kernel"))) as runner:
        list(runner.run([str(write(tmp_path, "failing"))]))
    (inode,) = inodes
    assert users_of_netns(inode) == []
    assert traces_of(os.getpid()) == []
    assert switch_at_rest() == "0"
    assert machine() == before


def test_two_runs_at_once_see_only_their_own_lines_in_the_one_log_of_the_kernel(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        for number in range(8):
            write(tmp_path / folder, f"{folder}{number}")
    runs = [compare_lab(tmp_path / folder) for folder in ("a", "b")]
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    for folder, (stream, _) in zip(("a", "b"), said, strict=True):
        entries = [json.loads(line) for line in stream.splitlines()]
        prefixes = [entry["text"].split()[0] for entry in entries if entry["type"] == "log"]
        assert prefixes == [f"{folder}{number}" for number in range(8) for _ in range(4)]
    assert switch_at_rest() == "0"
