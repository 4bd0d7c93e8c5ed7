"""`pystack explain`, by a daemon and without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.daemon.running import children_of, daemon, pystack

pytestmark = pytest.mark.slow

LAB = """\
ip link add br0 type bridge
ip link set p1 master br0
ip link set p1 up
ip link set br0 up
ip address add 10.0.0.1/24 dev br0
ip neigh add 10.0.0.2 lladdr 02:aa:00:00:00:01 dev br0
"""
PING = "10.0.0.2 > 10.0.0.1: ICMP echo request"
STATE = (("bridge", "fdb"), ("ip", "-s", "link"), ("ip", "neigh"), ("ip", "route"), ("netstat", "-s"))
DUMMY = "ip link add d0 type dummy\nip link set d0 up\nip address add 10.0.0.1/24 dev d0\n"


def config(folder: Path) -> str:
    (folder / "lab.setup").write_text(LAB)
    path = folder / "m.toml"
    path.write_text('name = "m"\nsetup = ["lab.setup"]\n[port.p1]\ndriver = "memory"\n')
    return str(path)


def test_a_running_stack_is_asked_and_not_disturbed(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", config(tmp_path)) as running:
        before = [running.run(*words).out for words in STATE]
        told = running.run("explain", PING, "--in", "p1")
        after = [running.run(*words).out for words in STATE]
        assert (told.rc, told.err) == (0, "")
        assert "is new: learned on p1" in told.out
        assert "lab.setup:2" in told.out
        assert told.out.endswith("= sent by p1   (path 4-2-8)\n")
        assert after == before
        assert children_of(running.process.pid) == [running.keeper]


def test_a_question_that_makes_no_sense_is_refused_by_the_daemon_in_one_line(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", config(tmp_path)) as running:
        told = running.run("explain", PING, "--in", "p9")
        assert (told.rc, told.out) == (2, "")
        assert told.err == "pystack: explain: there is no device p9 (known: lo, p1, br0)\n"
        assert running.run("-n", "none", "explain", PING, "--in", "p1").rc != 0


def test_a_setup_is_explained_without_a_daemon(tmp_path: Path) -> None:
    (tmp_path / "a.setup").write_text(DUMMY)
    for words in (("--setup", "a.setup", "explain", PING), ("explain", PING, "--setup", "a.setup")):
        told = pystack(*words, "--in", "d0", cwd=tmp_path)
        assert told.rc == 0
        assert "for this host" in told.out


def test_json_is_asked_for_in_front_or_behind(tmp_path: Path) -> None:
    (tmp_path / "a.setup").write_text(DUMMY)
    for words in (("--json", "explain", PING), ("explain", PING, "--json")):
        told = pystack("--setup", "a.setup", *words, "--in", "d0", cwd=tmp_path)
        types = [json.loads(line)["type"] for line in told.out.splitlines()]
        assert types[0] == "packet"
        assert types.count("outcome") == types.count("packet")


@pytest.mark.parametrize(
    ("notation", "says"),
    [
        ("IP(dst='10.0.0.1')/UDP(dport=53)", "#1 made here: IP 10.0.0.1.53 > 10.0.0.1.53: UDP"),
        ("IP(src='10.0.0.1', dst='10.0.0.1')/ICMP()", "#1 made here: IP 10.0.0.1 > 10.0.0.1: ICMP echo"),
    ],
)
def test_scapy_s_notation_is_read_by_the_client(tmp_path: Path, notation: str, says: str) -> None:
    (tmp_path / "a.setup").write_text(DUMMY)
    told = pystack("explain", notation, "--out", "--setup", "a.setup", cwd=tmp_path)
    assert told.out.startswith(says)


def test_a_notation_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.setup").write_text(DUMMY)
    told = pystack("explain", "IP(dst=open('/etc/passwd'))", "--out", "--setup", "a.setup", cwd=tmp_path)
    assert told.rc == 2
    assert told.err.startswith("pystack: explain: ")
    assert "column" in told.err


def test_a_namespace_of_the_setup_is_asked_with_n(tmp_path: Path) -> None:
    (tmp_path / "a.setup").write_text(
        "ip netns add far\nip link add v0 type veth peer name v1 netns far\n"
        "ip -n far link set v1 up\nip -n far addr add 172.16.0.2/24 dev v1\n"
    )
    told = pystack("--setup", "a.setup", "-n", "far", "explain", PING, "--in", "v1", cwd=tmp_path)
    assert told.out.startswith("#1 enters by v1 in namespace far: IP 10.0.0.2 > 10.0.0.1")
