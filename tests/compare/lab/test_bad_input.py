"""Scenarios that cannot be played are named with file and line, on either side, and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from pystack.compare.lab.runner import Options, Runner
from pystack.compare.lab.verb import compare_lab
from pystack.compare.outcome import ERROR, PLAYED, SAME
from tests.compare.lab.leftovers import traces_of

ROOT: Final = Path(__file__).parents[3]
HEAD: Final = 'title = "t"\nports = ["tap1", "tap2"]\n'
FRAME: Final = "02 00 00 00 00 02  02 00 00 00 00 01  88 b5 01 02 03"
SEND: Final = f'[[step]]\nsend = {{ port = "tap1", hex = "{FRAME}" }}\n'
TWICE: Final = "setup = '''\nip link set tap1 up\n{}\n'''\n"
SIDES: Final = ["pystack", pytest.param("kernel", marks=pytest.mark.root)]
Complaint = Callable[..., str]


def leftovers() -> tuple[object, ...]:
    """What a lab of ours would leave: the process that its namespaces live under, descriptors, traces."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return children, os.listdir("/proc/self/fd"), traces_of(os.getpid())


@pytest.fixture
def complaint(tmp_path: Path) -> Iterator[Complaint]:
    """What is said of a scenario; afterwards there must be as much of everything as before."""
    before = leftovers()

    def complain(text: str, side: str) -> str:
        (tmp_path / "x.toml").write_text(text)
        (tmp_path / "y.toml").write_text(HEAD + SEND)
        runner = Runner(Options(side=side))
        bad, good = runner.run([str(tmp_path)])
        runner.close()
        played = SAME if side == "both" else PLAYED
        assert (bad.result, good.result, good.reason) == (ERROR, played, "")
        return bad.reason.replace(f"{tmp_path}/", "")

    yield complain
    assert leftovers() == before


@pytest.mark.parametrize("side", SIDES)
def test_a_setup_line_that_is_refused_is_named(side: str, complaint: Complaint) -> None:
    said = complaint(HEAD + TWICE.format("ip link set nowhere up") + SEND, side)
    assert said == 'x.toml:5: ip link set nowhere up: Cannot find device "nowhere"'


@pytest.mark.root
def test_a_setup_line_that_only_the_kernel_refuses_is_named(complaint: Complaint) -> None:
    said = complaint(HEAD + TWICE.format("ip link add v0 type nonsense") + SEND, "both")
    assert said.startswith("x.toml:5: ip link add v0 type nonsense: ")
    assert "(on the kernel's side; " in said
    assert "`needs`" in said


@pytest.mark.root
def test_a_setup_line_that_only_pystack_refuses_is_named(complaint: Complaint) -> None:
    said = complaint(HEAD + TWICE.format("tc qdisc show") + SEND, "both")
    assert said.startswith("x.toml:5: tc is not modelled")
    assert said.endswith(" (on pystack's side)")


@pytest.mark.parametrize("side", SIDES)
def test_a_device_that_cannot_be_captured_on_is_named(side: str, complaint: Complaint) -> None:
    said = complaint(f'capture = ["br7"]\n{HEAD}{SEND}', side)
    assert said == "x.toml:1: capture: there is no device br7 after the setup"


@pytest.mark.root
def test_a_command_that_only_the_kernel_has_is_named(complaint: Complaint) -> None:
    said = complaint(HEAD + '[[step]]\nrun = "uname -s"\n', "both")
    assert said.startswith("x.toml:4: uname is not modelled")


@pytest.mark.root
def test_what_pystack_refuses_is_not_run_by_the_kernel_before(complaint: Complaint, tmp_path: Path) -> None:
    said = complaint(HEAD + f'[[step]]\nrun = "touch {tmp_path}/made"\n', "both")
    assert said.startswith("x.toml:4: touch is not modelled")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("side", SIDES)
def test_a_command_that_there_is_nowhere_is_named_by_either_side(side: str, complaint: Complaint) -> None:
    said = complaint(HEAD + '[[step]]\nrun = "nosuchcommand 5"\n', side)
    assert said.startswith("x.toml:4: nosuchcommand")
    assert "not found" in said or "is not modelled" in said


@pytest.mark.parametrize("side", SIDES)
def test_a_command_that_never_ends_is_ended_and_named(
    side: str, complaint: Complaint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("kernel_side_play", "virtual_jobs"):
        monkeypatch.setattr(f"pystack.compare.lab.{module}.COMMAND_PATIENCE", 0.3)
    text = HEAD + 'setup = "ip link set lo up"\n[[step]]\nrun = "ping -i0.2 127.0.0.1"\n'
    assert complaint(text, side) == "x.toml:5: still running after 0.3 s: ping -i0.2 127.0.0.1"


@pytest.mark.parametrize("side", SIDES)
def test_a_setup_that_never_ends_is_ended_and_named(
    side: str, complaint: Complaint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pystack.compare.lab.kernel_side_setup.SETUP_PATIENCE", 0.3)
    monkeypatch.setattr("pystack.compare.lab.virtual_lab.COMMAND_PATIENCE", 0.3)
    said = complaint(HEAD + TWICE.format("ip link set lo up; ping -i0.2 127.0.0.1"), side)
    assert said == "x.toml:4: the setup: still running after 0.3 s"


@pytest.mark.parametrize("side", SIDES)
def test_a_command_that_is_left_running_is_ended_with_its_scenario(side: str, tmp_path: Path) -> None:
    before = leftovers()
    (tmp_path / "x.toml").write_text(HEAD + '[[step]]\nstart = "sleep 1000"\n')
    runner = Runner(Options(side=side))
    (outcome,) = runner.run([str(tmp_path)])
    runner.close()
    assert outcome.result == PLAYED
    assert leftovers() == before


# --- places and rights ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("empty", "empty: no scenarios there"),
        ("nowhere.toml", "nowhere.toml: No such file or directory"),
        ("known.toml", "known.toml: is the folder's own, and no scenario"),
    ],
)
def test_a_place_without_scenarios_ends_the_run_at_once(
    place: str,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert compare_lab(["--side", "pystack", place]) == 2
    assert capsys.readouterr().err == f"pystack: {complaint}\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"title = ", "x.toml:1: Invalid value"),
        (b"title = '\xe4'", "x.toml:1: not UTF-8"),
        (HEAD.encode() + b"[[step]]\nsend = { port = 'tap1', pcap = 'no.pcap' }", "no.pcap: No such file"),
        (HEAD.encode() + b"[[step]]\nsend = { port = 'tap1', pcap = 'x.toml' }", "x.toml: frame 1: "),
        (
            HEAD.encode() + SEND.encode().replace(b"tap1", b"tap7"),
            'x.toml:4: step.send.port: there is no port "tap7"',
        ),
    ],
)
def test_a_file_that_is_no_scenario_fails_the_run(
    content: bytes,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_bytes(content)
    assert compare_lab(["--side", "pystack", "x.toml"]) == 1
    assert complaint in capsys.readouterr().out


AS_NOBODY: Final = f"""
import os, sys
from pystack.compare.lab.notation import frame_of
from pystack.compare.lab.verb import compare_lab
frame_of("Ether(src='02:00:00:00:00:01', dst='02:00:00:00:00:02')")  # while Python's own files can be read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(compare_lab(["--side", sys.argv[1], {str(ROOT / "scenarios/bridge/learn.toml")!r}]))
"""


@pytest.mark.root
@pytest.mark.parametrize(
    ("side", "rc", "said"),
    [
        ("pystack", 0, ": 1 played"),
        ("kernel", 4, "a kernel lab needs root: it makes network namespaces and TAP devices"),
        ("both", 4, "a kernel lab needs root: it makes network namespaces and TAP devices"),
    ],
)
def test_without_rights_only_pystack_plays(side: str, rc: int, said: str) -> None:
    command = [sys.executable, "-c", AS_NOBODY, side]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (rc, "")
    assert said in ran.stdout
