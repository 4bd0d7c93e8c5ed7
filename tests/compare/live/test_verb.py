"""`pystack compare live` as it is typed: what it prints, and with which code it ends."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.live.kernel import tables
from pystack.compare.live.verb import compare_live
from pystack.compare.probes import GROUP
from pystack.hooks.nflog import NflogReader
from pystack.hooks.nfnetlink import NETLINK_NETFILTER
from tests.daemon.running import clean_environment, pystack

CAUSE = "only pystack has it at ip OUTPUT 40"
SETUP = """
ip link add v0 type veth peer name v1
ip netns add far
ip link set v1 netns far
ip addr add 10.0.0.1/24 dev v0
ip link set v0 up
ip -n far addr add 10.0.0.2/24 dev v1
ip -n far link set v1 up
ip -n far link set lo up
"""


@pytest.fixture
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        yield lab


def compared(kernel: KernelNetns, traffic: str, *options: str) -> tuple[int, str]:
    """The verb while something passes: its code, and what it printed."""
    argv = [sys.executable, "-m", "pystack", "compare", "live", kernel.netns_path, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv, stdout=pipe, stderr=subprocess.STDOUT, env=clean_environment(), text=True
    ) as process:
        assert process.stdout is not None, "it was asked for"
        next(line for line in process.stdout if "begin" in line or "begun" in line)
        kernel.sh(traffic).check()
        out = process.stdout.read()
        return process.wait(60), out


@pytest.mark.root
def test_packets_that_fare_alike_are_counted(kernel: KernelNetns) -> None:
    rc, out = compared(kernel, "ip netns exec far ping -c 2 -i 0.2 10.0.0.1", "-c", "4", "--filter", "icmp")
    assert (rc, out.splitlines()[0]) == (0, "4 packets compared: 4 same, 0 differ")
    assert tables(kernel.netns_path) == []


@pytest.mark.root
def test_a_rule_that_the_copy_lacks_is_told_once_with_what_both_know(kernel: KernelNetns) -> None:
    traffic = "iptables -A OUTPUT -p icmp -j DROP; ip netns exec far ping -c 3 -i 0.2 -W 1 10.0.0.1 || true"
    rc, out = compared(kernel, traffic, "--no-follow", "--seconds", "5")
    lines = out.splitlines()
    assert rc == 1
    assert lines[0] == f"REPLY {CAUSE}"
    assert any(line.startswith(f"REPLY {CAUSE}: 3 packets, the") for line in lines)
    assert sum("10.0.0.1 > 10.0.0.2" in line for line in lines) == 1


@pytest.mark.root
def test_programs_get_an_object_a_line(kernel: KernelNetns) -> None:
    traffic = "ip netns exec far ping -c 1 10.0.0.1"
    rc, out = compared(kernel, traffic, "--json", "-c", "2", "--filter", "icmp")
    told = [json.loads(line) for line in out.splitlines()]
    assert rc == 0
    packets = [(one["path"], one["result"]) for one in told if one["type"] == "packet"]
    assert packets == [("3-4", "same"), ("4-6", "same")]
    assert told[-1]["type"] == "summary"
    assert told[-1]["same"] == 2


@pytest.mark.parametrize(
    ("words", "rc", "says"),
    [
        (["nowhere-at-all"], 4, "there is no network namespace nowhere-at-all"),
        (["--filter", "port port"], 2, "--filter: "),
        (["--rate", "-1"], 2, "--sample and --rate take a number"),
        (["--seconds", "-3"], 2, "-c and --seconds take a number"),
        (["-c", "-1"], 2, "-c and --seconds take a number"),
        (["--sideways"], 2, "unrecognized arguments: --sideways"),
    ],
)
def test_what_cannot_be_is_one_line(words: list[str], rc: int, says: str) -> None:
    told = pystack("compare", "live", *words)
    assert (told.rc, told.out, told.err.count("\n")) == (rc, "", 1)
    assert says in told.err


@pytest.mark.root
def test_a_folder_that_cannot_be_kept_in_is_one_line_and_nothing_stays(kernel: KernelNetns) -> None:
    told = pystack("compare", "live", kernel.netns_path, "--keep", "/dev/null")
    assert (told.rc, told.out) == (2, "")
    assert told.err.splitlines()[-1] == "pystack: compare live: --keep: /dev/null: File exists"
    assert tables(kernel.netns_path) == []


@pytest.mark.root
def test_a_group_that_somebody_listens_to_is_one_line_and_nothing_is_changed(kernel: KernelNetns) -> None:
    netlink = kernel.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    log = NflogReader(netlink, (GROUP,))
    told = pystack("compare", "live", kernel.netns_path)
    log.close()
    said = told.err.splitlines()[-1]
    assert (told.rc, told.out) == (4, "")
    assert f"somebody listens to NFLOG group {GROUP}" in said
    assert kernel.sh("nft list ruleset").out == ""


@pytest.mark.root
@pytest.mark.parametrize(
    ("nft", "says"),
    [
        ("", "the command nft is not there (Debian package nftables)"),
        (
            "#!/bin/sh\necho 'cache initialization failed: Protocol not supported' >&2\nexit 1\n",
            "not supported",
        ),
    ],
)
def test_without_nft_or_its_tables_one_line_says_so(
    kernel: KernelNetns,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nft: str,
    says: str,
) -> None:
    ip = shutil.which("ip")
    assert ip is not None, "tests with root have it"
    (tmp_path / "ip").symlink_to(ip)
    if nft:
        (tmp_path / "nft").write_text(nft)
        (tmp_path / "nft").chmod(0o755)
    monkeypatch.setattr("pystack.hooks.tools._ALSO", "/nowhere-at-all")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if nft else str(tmp_path))
    assert compare_live([kernel.netns_path]) == 4
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert says in said.err
    monkeypatch.undo()
    assert kernel.sh("nft list ruleset").out == ""


@pytest.mark.root
def test_without_rights_one_line_says_so(kernel: KernelNetns) -> None:
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", sys.executable]
    told = subprocess.run(
        [*argv, "-m", "pystack", "compare", "live"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (told.returncode, told.stdout) == (4, ""), told.stderr
    assert "compare live: " in told.stderr.splitlines()[-1]
