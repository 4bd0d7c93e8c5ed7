"""pystack's own verbs as they are typed, as far as they need no rights."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
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
    PYSTACK,
    Ended,
    clean_environment,
    daemon,
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


# --- run -------------------------------------------------------------------------------------------------


def test_a_second_daemon_at_the_same_socket_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    with daemon(tmp_path, "-c", path) as running:
        ended = pystack("-S", str(running.socket), "run", "-c", path)
        assert (ended.rc, ended.err) == (2, f"pystack: a daemon runs there already: {running.socket}\n")
        assert running.run("echo", "x").out == "x\n"


def test_a_daemon_ends_cleanly_by_every_way_there_is(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    before = sorted(os.listdir(tmp_path))
    for number in (signal.SIGINT, signal.SIGTERM):
        with daemon(tmp_path, "-c", path) as running:
            assert running.end(number) == 0
            assert f"ending: {number.name}" in running.log
        assert sorted(os.listdir(tmp_path)) == before
    with daemon(tmp_path, "-c", path) as running:
        assert running.run("stop").rc == 0
        assert sorted(os.listdir(tmp_path)) == before, "when stop has ended, nothing is left"
        assert running.wait() == 0


def test_a_daemon_without_rights_serves_its_user(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    with daemon(tmp_path, "-c", path) as running:
        assert running.socket.stat().st_mode & 0o777 == 0o660
        status = json.loads(running.run("--json", "status").out)
        assert (status["v"], status["name"], status["pid"]) == (1, "m", running.process.pid)
        assert [port["port"] for port in status["ports"]] == ["p1"]
        assert running.run("status").out.startswith("m: running for ")
        assert running.run("status", "now").err == "pystack: status: now is not an argument (it takes none)\n"


def test_reload_takes_in_what_changed_and_dry_run_says_what_is_lost(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path, f'setup_text = """\n{LAB}"""')
    with daemon(tmp_path, "-c", path) as running:
        assert running.run("ip", "link", "add", "typed", "type", "dummy").rc == 0
        assert running.run("reload", "--dry-run").out == "ip link add typed type dummy\n"
        memory_daemon_config(tmp_path, 'setup_text = """\nip link add br1 type bridge\n"""')
        ended = running.run("reload")
        assert (ended.rc, ended.out, ended.err) == (0, "", "")
        assert running.run("setup").out == "ip link add br1 type bridge\n"


def test_a_reload_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path, f'setup_text = """\n{LAB}"""')
    with daemon(tmp_path, "-c", path) as running:
        before = running.run("setup").out
        memory_daemon_config(tmp_path, 'setup_text = """\nip link set nope up\n"""\nnaem = ""')
        ended = running.run("reload")
        assert ended.rc == 2
        assert ended.err == f"pystack: {path}:5: naem: unknown section or key (did you mean name?)\n"
        assert running.run("setup").out == before
        os.kill(running.process.pid, signal.SIGHUP)
        running.until("did you mean name?")
        assert running.run("setup").out == before


def test_sighup_reloads(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    with daemon(tmp_path, "-c", path) as running:
        memory_daemon_config(tmp_path, 'setup_text = """\nip link add br1 type bridge\n"""')
        os.kill(running.process.pid, signal.SIGHUP)
        running.until("reloaded")
        assert running.run("setup").out == "ip link add br1 type bridge\n"


def test_a_command_that_runs_while_the_stack_is_replaced_ends(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", memory_daemon_config(tmp_path)) as running:
        command = [*PYSTACK, "-S", str(running.socket), "sh", "-c", "echo begun; sleep 1000"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
        ) as waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == b"begun\n"
            assert running.run("reload").rc == 0
            _, err = waiting.communicate(timeout=PATIENCE)
        assert (waiting.returncode, err) == (1, b"pystack: a reload replaced the stack in which this ran\n")


def test_a_killed_daemon_leaves_nothing(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    before = sorted(os.listdir(tmp_path))
    with daemon(tmp_path, "-c", path) as running:
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
        assert "taking back what it made" in running.log
    assert sorted(os.listdir(tmp_path)) == before


def test_without_its_keeper_a_daemon_ends_and_cleans_up_itself(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    before = sorted(os.listdir(tmp_path))
    with daemon(tmp_path, "-c", path) as running:
        os.kill(running.keeper, signal.SIGKILL)
        assert running.wait() == 1
        assert "the keeper is gone" in running.log
    assert sorted(os.listdir(tmp_path)) == before


def test_when_both_were_killed_the_next_start_takes_over(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    with daemon(tmp_path, "-c", path) as running:
        os.kill(running.process.pid, signal.SIGSTOP)
        os.kill(running.keeper, signal.SIGKILL)
        running.end(signal.SIGKILL)
    assert (tmp_path / "d.sock").is_socket()
    with daemon(tmp_path, "-c", path) as running:
        assert "a daemon before this one died; taking back what it made: socket" in running.log
        assert running.run("echo", "x").out == "x\n"


def test_a_capture_is_replayed_and_what_is_sent_is_recorded(tmp_path: Path) -> None:
    request = "ffffffffffff 020000000011 0806 0001 0800 0604 0001 020000000011 0a000002 000000000000 0a000001"
    frame = bytes.fromhex(request)
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    (tmp_path / "in.pcap").write_bytes(header + struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    path = write(
        tmp_path / "m.toml",
        'setup_text = "ip address add 10.0.0.1/24 dev c; ip link set c up"\n'
        '[port.c]\ndriver = "pcap"\npath = "in.pcap"\nrecord = "out.pcapng"\n',
    )
    with daemon(tmp_path, "-c", path) as running:
        while json.loads(running.run("--json", "status").out)["ports"][0]["rx_packets"] == 0:
            pass
        assert "lladdr 02:00:00:00:00:11" in running.run("ip", "neigh").out
    assert bytes.fromhex("020000000011 0a000002") in (tmp_path / "out.pcapng").read_bytes(), "the answer"


def test_a_capture_that_is_not_there_is_exit_code_2(tmp_path: Path) -> None:
    path = write(tmp_path / "m.toml", '[port.c]\ndriver = "pcap"\npath = "in.pcap"\n')
    ended = pystack("-S", str(tmp_path / "d.sock"), "run", "-c", path)
    assert ended.rc == 2
    assert ended.err == f"pystack: {path}:1: port.c: {tmp_path}/in.pcap: No such file or directory\n"


def test_the_service_manager_is_told_of_every_step(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}
        with daemon(tmp_path, "-c", path, environment=environment) as running:
            hear(manager, b"READY=1\nSTATUS=m, ports: p1")
            hear(manager, b"WATCHDOG=1")
            assert running.run("reload").rc == 0
            hear(manager, b"RELOADING=1\nMONOTONIC_USEC=")
            hear(manager, b"READY=1\nSTATUS=m, ports: p1")
            running.end()
            hear(manager, b"STOPPING=1")


def hear(manager: socket.socket, word: bytes) -> None:
    """Whatever comes until the word does."""
    while not manager.recv(500).startswith(word):
        pass


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
    assert (ended.returncode, ended.stderr) == (0, "")


# --- doctor ----------------------------------------------------------------------------------------------


def test_doctor_says_what_a_dead_daemon_left_and_takes_it_back(typed: Typed, tmp_path: Path) -> None:
    ledger = Ledger.claim(str(tmp_path / "d.state"))
    ledger.note({"what": "tap", "ifname": "vm1", "netns": ""})
    doctor = ("-S", str(tmp_path / "d.sock"), "doctor")
    assert "left behind" not in typed(*doctor).out, "its keeper lives"
    ledger.release()
    assert f"{tmp_path}/d.state: TAP vm1" in typed(*doctor).out
    assert f"{tmp_path}/d.state: taken back: TAP vm1" in typed(*doctor, "--clean").out
    assert not (tmp_path / "d.state").exists()
    assert "left behind" not in typed(*doctor).out


def test_doctor_knows_the_daemons_that_run(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", memory_daemon_config(tmp_path)) as running:
        rows = json.loads(running.run("--json", "doctor").out)
    about = [row for row in rows if row["check"] == "daemon m"]
    assert about[0]["sentence"] == f"runs as process {running.process.pid}, 1 ports"


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
        (["status"], 2, "status: is about a daemon, and with --setup there is none"),
        (["-n", "b", "ip", "link"], 1, "there is no namespace b (known: none but the first)"),
        (["nft", "list"], 2, "nft: not built yet"),
    ],
)
def test_what_cannot_be_had_without_a_daemon_is_named(
    typed: Typed, tmp_path: Path, words: list[str], rc: int, err: str
) -> None:
    ended = typed("--setup", write(tmp_path / "lab.setup", ""), *words)
    assert (ended.rc, ended.err) == (rc, f"pystack: {err}\n")
