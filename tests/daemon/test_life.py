"""The life of a daemon that needs no rights: it starts, serves, reloads, and ends, by whatever hand."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

from tests.daemon.running import (
    PATIENCE,
    PYSTACK,
    clean_environment,
    daemon,
    memory_daemon_config,
    pystack,
)

pytestmark = pytest.mark.slow

LAB = """\
ip link add br0 type bridge
ip address add 10.0.0.1/24 dev br0
ip link set br0 up
"""


def write_config(folder: Path, text: str) -> str:
    path = folder / "m.toml"
    path.write_text(text)
    return str(path)


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_daemon_that_is_told_to_end_again_and_again_ends_cleanly_once(tmp_path: Path, number: int) -> None:
    path = memory_daemon_config(tmp_path)
    with daemon(tmp_path, "-c", path) as running:
        running.process.send_signal(signal.SIGTERM)
        while running.process.poll() is None:
            running.process.send_signal(number)
            time.sleep(0.0005)
        assert running.wait() == 0
        assert "taking back" not in running.log, "the keeper was told of the end"


def test_a_daemon_without_rights_serves_its_user(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    with daemon(tmp_path, "-c", path) as running:
        assert running.socket.stat().st_mode & 0o777 == 0o660
        status = json.loads(running.run("--json", "status").out)
        assert (status["v"], status["name"], status["pid"]) == (1, "m", running.process.pid)
        assert [port["port"] for port in status["ports"]] == ["p1"]
        assert running.run("status").out.startswith("m: running for ")
        assert running.run("status", "now").err == "pystack: status: now is not an argument (known: --json)\n"


def test_reload_takes_in_what_changed_and_dry_run_says_what_is_lost(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path, f'setup_text = """\n{LAB}"""')
    with daemon(tmp_path, "-c", path) as running:
        assert running.run("ip", "link", "add", "typed", "type", "dummy").rc == 0
        assert running.run("reload", "--dry-run").out == "ip link add typed type dummy\n"
        memory_daemon_config(tmp_path, 'setup_text = """\nip link add br1 type bridge\n"""')
        ended = running.run("reload")
        assert (ended.rc, ended.out, ended.err) == (0, "", "")
        assert running.run("setup").out.splitlines()[1:] == ["ip link add br1 type bridge"]


def test_dry_run_tells_rules_and_sysctls_that_were_typed_also_what_was_set_back(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path, 'setup_text = """\nsysctl -w net.ipv4.conf.p1.rp_filter=1\n"""')
    with daemon(tmp_path, "-c", path) as running:
        typed = ("iptables-legacy -P FORWARD DROP", "sysctl -w net.ipv4.conf.p1.rp_filter=0")
        for line in typed:
            assert running.run(*line.split()).rc == 0
        assert running.run("reload", "--dry-run").out.splitlines() == [
            *typed,
            "# brings: sysctl -w net.ipv4.conf.p1.rp_filter=1",
        ]
        assert running.run("reload").rc == 0
        assert running.run("reload", "--dry-run").out == ""


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
        assert running.run("setup").out.splitlines()[1:] == ["ip link add br1 type bridge"]


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
    path = write_config(
        tmp_path,
        'setup_text = "ip address add 10.0.0.1/24 dev c; ip link set c up"\n'
        '[port.c]\ndriver = "pcap"\npath = "in.pcap"\nrecord = "out.pcapng"\n',
    )
    with daemon(tmp_path, "-c", path) as running:
        while json.loads(running.run("--json", "status").out)["ports"][0]["rx_packets"] == 0:
            pass
        assert "lladdr 02:00:00:00:00:11" in running.run("ip", "neigh").out
    assert bytes.fromhex("020000000011 0a000002") in (tmp_path / "out.pcapng").read_bytes(), "the answer"


def test_a_configuration_that_can_be_read_only_once_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe.toml")
    os.mkfifo(path)
    for words in (("-c", path), ("-c", path, "--check")):
        ended = pystack("-S", str(tmp_path / "d.sock"), "run", *words)
        assert (ended.rc, ended.err) == (2, f"pystack: {path}: not a regular file\n")


def test_a_capture_that_is_not_there_is_exit_code_2(tmp_path: Path) -> None:
    path = write_config(tmp_path, '[port.c]\ndriver = "pcap"\npath = "in.pcap"\n')
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


def test_doctor_knows_the_daemons_that_run(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", memory_daemon_config(tmp_path)) as running:
        rows = json.loads(running.run("--json", "doctor").out)
    about = [row for row in rows if row["check"] == "daemon m"]
    assert about[0]["sentence"] == f"runs as process {running.process.pid}, 1 ports"


def test_json_is_the_tools_own_or_refused(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", memory_daemon_config(tmp_path)) as running:
        names = [link["ifname"] for link in json.loads(running.run("--json", "ip", "link").out)]
        assert names == ["lo", "p1"]
        ended = running.run("--json", "ping", "127.0.0.1")
        assert (ended.rc, ended.out) == (2, "")
        can = "(bridge, compare, doctor, explain, fuzz, hooks, ip, status can)"
        assert ended.err == f"pystack: --json: ping cannot do it {can}\n"


def test_a_namespace_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path, 'setup_text = "ip netns add b"')
    with daemon(tmp_path, "-c", path) as running:
        ended = running.run("-n", "c", "ip", "link")
        assert (ended.rc, ended.err) == (1, "pystack: there is no namespace c (known: b)\n")


def test_flows_survive_a_stop_and_a_start(tmp_path: Path) -> None:
    path, flows = memory_daemon_config(tmp_path), tmp_path / "flows"
    make = "conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 5000"
    with daemon(tmp_path, "-c", path, "--state", str(flows)) as running:
        assert running.run(*make.split()).rc == 0
        assert running.end(signal.SIGTERM) == 0
    with daemon(tmp_path, "-c", path, "--state", str(flows)) as running:
        assert "src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2" in running.run("conntrack", "-L").out
        assert running.run("reload").rc == 0
        assert "src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2" in running.run("conntrack", "-L").out


def test_a_daemon_does_not_start_with_a_state_that_is_not_whole(tmp_path: Path) -> None:
    path, flows = memory_daemon_config(tmp_path), tmp_path / "flows"
    flows.write_text('{"kind":"state","v":1,"saved":1.0}\n')
    ended = pystack("-S", str(tmp_path / "d.sock"), "run", "-c", path, "--state", str(flows))
    assert ended.rc == 2
    assert f"{flows}:1: the end is missing: the file was cut off" in ended.err
