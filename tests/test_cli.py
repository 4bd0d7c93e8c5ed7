"""pystack's own verbs as they are typed, as far as they need no rights."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pystack import client
from pystack.daemon import probes
from pystack.daemon.ledger import Ledger
from tests.daemon.running import (
    PATIENCE,
    Ended,
    memory_daemon_config,
    pystack,
)

LAB = """\
ip link add br0 type bridge
ip address add 10.0.0.1/24 dev br0
ip link set br0 up
"""


Typed = Callable[..., Ended]


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Runs a command here, without the price of a process."""

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["pystack", *words])
        try:
            rc = client.main()
        except SystemExit as end:  # argparse
            rc = int(str(end.code))
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Ended(rc, out, err)

    return run


# --- run --check -----------------------------------------------------------------------------------------


def test_a_configuration_that_is_right_is_said_to_be(typed: Typed, tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    ended = typed("run", "-c", path, "--check")
    assert (ended.rc, ended.out, ended.err) == (0, "", f"pystack: {path}: the configuration is right\n")


def test_the_lab_without_a_file_is_right(typed: Typed) -> None:
    assert typed("run", "--check").rc == 0


def test_everything_that_is_wrong_is_said_at_once_with_exit_code_2(typed: Typed, tmp_path: Path) -> None:
    write(tmp_path / "x.setup", "ip link add br0 type bridge\nipp link\nfor i in 1; do\n")
    path = write(
        tmp_path / "x.toml",
        'setup = ["x.setup"]\nsetup_text = """\nfrobnicate\n"""\n'
        '[port.a]\ndriver = "tip"\n[daemon]\nsoket = ""\n',
    )
    ended = typed("run", "-c", path, "--check")
    assert (ended.rc, ended.out) == (2, "")
    lines = ended.err.splitlines()
    assert lines[0] == f"pystack: {path}:6: port.a.driver: unknown driver 'tip' (did you mean tap?)"
    assert lines[1] == f"pystack: {path}:8: daemon.soket: unknown key (did you mean socket?)"
    assert lines[2].startswith(f"pystack: {tmp_path}/x.setup:2: ipp is not modelled")
    assert any(line.startswith(f"pystack: {tmp_path}/x.setup:3: ") for line in lines)
    assert lines[-1].startswith(f"pystack: {path}:3: frobnicate is not modelled")


def test_a_setup_line_that_fails_is_named_with_what_the_tool_said(typed: Typed, tmp_path: Path) -> None:
    path = write(tmp_path / "x.toml", 'setup_text = """\nip link set nope up\n"""\n')
    ended = typed("run", "-c", path, "--check")
    assert (ended.rc, ended.err) == (
        2,
        f'pystack: {path}:2: ip link set nope up: Cannot find device "nope"\n',
    )


def test_what_nft_quotes_and_marks_stays_out_of_the_line(typed: Typed, tmp_path: Path) -> None:
    path = write(tmp_path / "x.toml", 'setup_text = """\nnft add rule t c ct state old\n"""\n')
    ended = typed("run", "-c", path, "--check")
    said = f"pystack: {path}:2: nft add rule t c ct state old: Error: Could not parse conntrack state\n"
    assert (ended.rc, ended.err) == (2, said)


def test_all_setup_lines_that_fail_are_told_at_once(typed: Typed, tmp_path: Path) -> None:
    setup = write(
        tmp_path / "x.setup",
        "ip link add br0 type brigde\nip link add br1 type bridge\n"
        "sysctl -w net.ipv4.nosuch=1; echo not reached\n"
        "ip -batch - <<END\nlink set br1 \\\n up\nlink add v0 type vxlan\nEND\n"
        "echo 1 > /proc/sys/net/ipv4/nope\nip link set br1 up\n",
    )
    ended = typed("--setup", setup, "ip", "link")
    assert ended.rc == 2
    assert [line.removeprefix(f"pystack: {setup}:")[:38].strip() for line in ended.err.splitlines()] == [
        "1: ip link add br0 type brigde: Error:",
        "3: sysctl -w net.ipv4.nosuch=1: sysctl"[:38],
        "4: ip -batch -: link type vxlan is not"[:38],
        "9: echo 1: cannot write /proc/sys/net/"[:38],
    ]


def test_a_setup_that_fails_does_not_hide_the_next(typed: Typed, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.setup", f"ip link set {name}0 up\n")
    ended = typed("run", "-c", write(tmp_path / "x.toml", 'setup = ["a.setup", "b.setup"]\n'), "--check")
    assert [line.split(": ")[-1] for line in ended.err.splitlines()] == [
        'Cannot find device "a0"',
        'Cannot find device "b0"',
    ]


def test_a_line_of_a_setup_is_one_of_the_file_it_stands_in(typed: Typed, tmp_path: Path) -> None:
    path = write(tmp_path / "x.toml", 'setup_text = """ip link \\\n set lo up\nip link set nope up\nfoo"""\n')
    assert typed("run", "-c", path, "--check").err.startswith(f"pystack: {path}:4: foo is not modelled")
    path = write(tmp_path / "x.toml", 'setup_text = """ip link \\\n set lo up\nip link set nope up\n"""\n')
    assert typed("run", "-c", path, "--check").err.startswith(
        f"pystack: {path}:3: ip link set nope up: Cannot"
    )


def test_taking_over_a_device_must_be_allowed(typed: Typed, tmp_path: Path) -> None:
    path = write(tmp_path / "x.toml", '[port.eth0]\ndriver = "packet"\n')
    ended = typed("run", "-c", path, "--check")
    assert ended.rc == 2
    assert ended.err == (
        f"pystack: {path}:1: port.eth0: takes over a device that pystack did not make: "
        "add --allow-system-changes\n"
    )
    assert typed("run", "-c", path, "--check", "--allow-system-changes").rc == 0


def test_a_file_that_is_not_there_is_exit_code_2(typed: Typed, tmp_path: Path) -> None:
    ended = typed("run", "-c", str(tmp_path / "none.toml"))
    assert ended.rc == 2
    assert ended.err == f"pystack: {tmp_path}/none.toml: No such file or directory\n"


def test_a_word_that_is_no_option_is_exit_code_2(typed: Typed) -> None:
    ended = typed("run", "--chek")
    assert (ended.rc, ended.err) == (2, "pystack run: unrecognized arguments: --chek\n")


# --- the unit ---------------------------------------------------------------------------------------------
def test_the_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze (Debian: systemd)")
    unit = Path(__file__).parents[1] / "scripts" / "pystack.service"
    text = unit.read_text().replace("/usr/local/bin/pystack", "/bin/true")
    (tmp_path / "pystack.service").write_text(text)
    ended = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "pystack.service")],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert "pystack.service" not in ended.stderr


# --- doctor ----------------------------------------------------------------------------------------------


def test_doctor_says_what_a_dead_daemon_left_and_takes_it_back(typed: Typed, tmp_path: Path) -> None:
    ledger = Ledger.claim(str(tmp_path / "d.state"))
    ledger.note({"what": "tap", "ifname": "vm1", "netns": ""})
    doctor = ("-S", str(tmp_path / "d.sock"), "doctor")
    assert "d.state" not in typed(*doctor).out, "its keeper lives"
    ledger.release()
    assert f"{tmp_path}/d.state: TAP vm1" in typed(*doctor).out
    assert f"{tmp_path}/d.state: taken back: TAP vm1" in typed(*doctor, "--clean").out
    assert not (tmp_path / "d.state").exists()
    assert "d.state" not in typed(*doctor).out


def test_what_is_lacking_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probes, "TUN", str(tmp_path / "tun"))
    found = {finding.name: finding for finding in probes.probe_kernel()}
    lacking = found[str(tmp_path / "tun")]
    assert (lacking.result, lacking.essential) == ("no", True)
    assert lacking.sentence == "cannot be opened: No such file or directory"


# --- without a daemon ------------------------------------------------------------------------------------


def test_a_command_runs_in_a_stack_of_its_own(typed: Typed, tmp_path: Path) -> None:
    path = write(tmp_path / "lab.setup", LAB + "ip netns add b\n")
    assert typed("--setup", path, "ip", "-br", "address", "show", "br0").out.split()[0] == "br0"
    assert typed("--setup", path, "-n", "b", "ip", "-br", "link").out.split()[0] == "lo"
    assert typed("--setup", path, "setup").out.splitlines()[-1] == "ip link set br0 up"


def test_time_does_not_pass_in_a_stack_without_a_daemon(typed: Typed, tmp_path: Path) -> None:
    path = write(tmp_path / "lab.setup", LAB)
    ended = typed("--setup", path, "sh", "-c", "sleep 86400; echo a day later")
    assert (ended.rc, ended.out) == (0, "a day later\n")


def test_streams_and_files_are_the_processes_own(tmp_path: Path) -> None:
    path = write(tmp_path / "lab.setup", "")
    ended = pystack("--setup", path, "sh", "-c", "cat > out.txt; cat none", cwd=tmp_path, stdin=b"typed")
    assert ended.rc == 1
    assert "cat: none: No such file or directory" in ended.err
    assert (tmp_path / "out.txt").read_bytes() == b"typed"


def test_a_setup_that_fails_is_exit_code_2(typed: Typed, tmp_path: Path) -> None:
    path = write(tmp_path / "lab.setup", "true\nip link set nope up\n")
    ended = typed("--setup", path, "ip", "link")
    assert (ended.rc, ended.err) == (
        2,
        f'pystack: {path}:2: ip link set nope up: Cannot find device "nope"\n',
    )


@pytest.mark.parametrize(
    ("words", "rc", "err"),
    [
        (["status"], 2, "status: is about a daemon, and here there is none"),
        (["-n", "b", "ip", "link"], 1, "there is no namespace b (known: none but the first)"),
    ],
)
def test_what_cannot_be_had_without_a_daemon_is_named(
    typed: Typed, tmp_path: Path, words: list[str], rc: int, err: str
) -> None:
    ended = typed("--setup", write(tmp_path / "lab.setup", ""), *words)
    assert (ended.rc, ended.err) == (rc, f"pystack: {err}\n")


# --- compare ---------------------------------------------------------------------------------------------

SCENARIO = """\
title = "a frame is flooded"
ports = ["tap1", "tap2"]
setup = '''
ip link add br0 type bridge
ip link set tap1 master br0
ip link set tap2 master br0
ip link set tap1 up
ip link set tap2 up
ip link set br0 up
'''
[[step]]
send = { port = "tap1", hex = "02000000ffff02000000eeee080600010800060400010200" }
"""


def test_a_scenario_plays_on_our_side_without_rights(tmp_path: Path, typed: Typed) -> None:
    file = write(tmp_path / "flood.toml", SCENARIO)
    done = typed("--json", "compare", "lab", "--side", "pystack", file)
    assert done.rc == 0, done.err
    lines = done.out.splitlines()
    assert any(
        '"type": "frame"' in line and '"port": "tap2"' in line and '"dir": "out"' in line for line in lines
    )
    assert '"same": 1' in lines[-1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "compare: which way? (known: lab, live, log), not ''"),
        (("lab",), "pystack compare lab: the following arguments are required: SCENARIO"),
        (("lab", "nowhere"), "nowhere: No such file or directory"),
    ],
)
def test_what_cannot_be_compared_is_one_line(words: tuple[str, ...], sentence: str, typed: Typed) -> None:
    done = typed("compare", *words)
    assert (done.rc, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert sentence in done.err
