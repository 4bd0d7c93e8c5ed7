"""[hooks]: the daemon in the path of a kernel namespace, observing or deciding, and what it says of that."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.daemon.hooks_section import HooksFailed
from pystack.daemon.kernel_hooks import KernelHooks
from pystack.daemon.settings import HookSettings
from pystack.hooks.nfnetlink import NETLINK_NETFILTER
from pystack.hooks.queue.raw import RawQueue
from tests.compare.lab.patience import wait_until
from tests.daemon.hooked import ALLOWED, configuration, copy_name, facts, hooked, queue
from tests.daemon.running import PATIENCE, PYSTACK, Daemon, children_of, clean_environment, pystack
from tests.hooks.shim.pinged import echoes, ping, pinged_host

pytestmark = pytest.mark.root

DROPS = "iptables -A INPUT -p icmp -j DROP"
OURS = "pystack-shim"
WITHOUT = ("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin")  # a right


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with pinged_host() as lab:
        yield lab


def in_copy(running: Daemon, kernel: KernelNetns, command: str) -> str:
    ended = running.run("-n", copy_name(kernel), *command.split())
    assert ended.rc == 0, ended.err
    return ended.out


def is_answered(kernel: KernelNetns) -> bool:
    """Whether the kernel's host answers a ping."""
    kernel.drain()
    ping(kernel)
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        if echoes(kernel):
            return True
        time.sleep(0.005)
    return False


def test_packets_pass_and_what_the_copy_would_have_said_is_counted(
    kernel: KernelNetns, tmp_path: Path
) -> None:
    with hooked(tmp_path, kernel) as running:
        assert is_answered(kernel)
        in_copy(running, kernel, DROPS)
        assert is_answered(kernel)
        wait_until(lambda: queue(running, "mangle/input")["dropped"] == 1)
        counts = queue(running, "mangle/input")
        assert (counts["queue"], counts["seen"], counts["accepted"]) == (101, 2, 1)
        assert counts["late"] == counts["uncompared"] == 0
        assert f"hooks    observe in namespace {kernel.netns_path} " in running.run("status").out
        assert running.run("reload").rc == 0  # the kernel is read again: what was typed is gone
        assert is_answered(kernel)
        wait_until(lambda: queue(running, "mangle/input")["accepted"] == 2)
        configuration(tmp_path, kernel, 'mode = "decide"')
        ended = running.run("reload")
        assert (ended.rc, "hooks: cannot be changed by a reload" in ended.err) == (2, True)
        assert OURS in kernel.sh("iptables-save").out
        assert running.end() == 0
    assert OURS not in kernel.sh("iptables-save").out


def test_the_copy_follows_the_kernel_as_long_as_nobody_changes_it(
    kernel: KernelNetns, tmp_path: Path
) -> None:
    with hooked(tmp_path, kernel) as running:
        kernel.sh("ip route add 10.5.0.0/16 via 10.0.0.9").check()
        wait_until(lambda: "10.5.0.0/16 via 10.0.0.9" in in_copy(running, kernel, "ip route"))
        in_copy(running, kernel, "ip route add 10.6.0.0/16 via 10.0.0.9")
        kernel.sh(
            "ip route del 10.5.0.0/16; ip neigh replace 10.0.0.9 lladdr 02:aa:00:00:00:09 dev tap1"
        ).check()
        wait_until(lambda: facts(running)["not_followed"] == "routes")
        assert "routes changed in the kernel, not here" in running.run("status").out
        added = f"ip -n {copy_name(kernel)} route add 10.6.0.0/16 via 10.0.0.9 dev tap1"
        assert running.run("setup").out.splitlines() == [added]
        assert "02:aa:00:00:00:09" in in_copy(running, kernel, "ip neigh")  # they are told one by one
        lost = running.run("reload", "--dry-run").out
        assert added in lost
        assert running.run("reload").rc == 0
        assert not re.search("10.[56].0.0", in_copy(running, kernel, "ip route"))
        assert facts(running)["not_followed"] == ""
        kernel.sh("ip link add vx9 type vxlan id 9 dstport 4789").check()
        try:
            running.until("hooks: not in the copy: device vx9: type vxlan is not modelled")
            assert "1 things of the kernel's are not in the copy" in running.run("status").out
        finally:
            kernel.sh("ip link del vx9").check()


@pytest.mark.parametrize("backend", ["raw", "library"])
def test_what_the_copy_drops_the_kernel_drops(kernel: KernelNetns, tmp_path: Path, backend: str) -> None:
    setup = f'setup_text = "ip netns exec {copy_name(kernel)} {DROPS} -m length --length 100"'
    with hooked(tmp_path, kernel, f'mode = "decide"\nbackend = "{backend}"', setup) as running:
        assert is_answered(kernel)
        ping(kernel, 80)  # and 20 octets of IP's header
        wait_until(lambda: queue(running, "mangle/input")["dropped"] == 1)
        assert echoes(kernel) == []
        assert is_answered(kernel)
        os.kill(running.process.pid, signal.SIGSTOP)
        assert is_answered(kernel)
        os.kill(running.process.pid, signal.SIGCONT)
        wait_until(lambda: queue(running, "mangle/prerouting")["late"] >= 1)
        in_copy(running, kernel, DROPS)
        wait_until(lambda: not is_answered(kernel))
        running.end(signal.SIGKILL)
    assert is_answered(kernel)
    assert OURS not in kernel.sh("iptables-save").out


def test_the_end_of_a_process_of_the_shims_takes_them_back_and_is_told(
    kernel: KernelNetns, tmp_path: Path
) -> None:
    with hooked(tmp_path, kernel) as running:
        _, server, _ = children_of(running.process.pid)
        os.kill(server, signal.SIGKILL)
        running.until("hooks: a process of the shims is gone: they were taken back")
        wait_until(lambda: OURS not in kernel.sh("iptables-save").out)
        assert is_answered(kernel)
        assert "a process of the shims is gone" in running.run("status").out


def test_a_point_that_the_law_forbids_is_one_line_and_nothing_is_changed(
    kernel: KernelNetns, tmp_path: Path
) -> None:
    kernel.sh("iptables -P INPUT DROP").check()
    rules = kernel.sh("nft list ruleset").out
    path = configuration(tmp_path, kernel, 'points = ["mangle/forward", "filter/input"]')
    told = pystack("-S", str(tmp_path / "d.sock"), "run", "-c", path, ALLOWED)
    assert rules == kernel.sh("nft list ruleset").out
    kernel.sh("iptables -P INPUT ACCEPT").check()
    why = "the policy of iptables-nft's is DROP, and what a queue accepts does not meet it"
    assert (told.rc, told.err) == (4, f"pystack: hooks: filter/input: {why}\n")
    assert os.listdir(tmp_path) == ["hooked.toml"]


def test_a_queue_that_somebody_has_is_one_line_and_nothing_is_changed(kernel: KernelNetns) -> None:
    rules = kernel.sh("nft list ruleset").out
    queue = RawQueue(kernel.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER), 101)
    with pytest.raises(HooksFailed, match=r"^hooks: queue 101: somebody else listens to it$"):
        KernelHooks(HookSettings(netns=kernel.netns_path)).enter(pytest.fail)
    queue.close()
    assert kernel.sh("nft list ruleset").out == rules


def test_without_rights_it_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "hooked.toml"
    path.write_text("[hooks]\n")
    told = subprocess.run(
        [*WITHOUT, *PYSTACK, "-S", str(tmp_path / "d.sock"), "run", "-c", str(path), ALLOWED],
        capture_output=True, text=True, timeout=PATIENCE, check=False, env=clean_environment(),
    )  # fmt: skip
    sentence = "hooks: no right to use iptables-nft-save there (it takes CAP_NET_ADMIN)"
    assert (told.returncode, told.stderr) == (4, f"pystack: {sentence}\n")


def test_what_all_killed_leave_the_daemons_keeper_takes_back(kernel: KernelNetns, tmp_path: Path) -> None:
    with hooked(tmp_path, kernel) as running:
        _, *shims = children_of(running.process.pid)
        for process in (*shims, running.process.pid):
            os.kill(process, signal.SIGKILL)
        running.wait()
    assert OURS not in kernel.sh("iptables-save").out
    assert os.listdir(tmp_path) == ["hooked.toml"]


def sent_by_pystack(running: Daemon) -> int:
    """By its only port."""
    (port,) = json.loads(running.run("status", "--json").out)["ports"]
    return int(port["tx_packets"])


def test_diverted_packets_go_through_pystack(kernel: KernelNetns, tmp_path: Path) -> None:
    more = """
setup_text = '''
ip link set tap1 address 02:00:00:00:00:01 up
ip address add 10.0.0.1/24 dev tap1
ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:05 dev tap1
'''
[port.tap1]
driver = "memory"
"""
    with hooked(tmp_path, kernel, 'mode = "divert"', more) as running:
        kernel.drain()
        ping(kernel)
        wait_until(lambda: "IcmpOutEchoReps                 1 " in running.run("nstat", "-az").out)
        assert (sent_by_pystack(running), echoes(kernel)) == (1, [])
        assert [row["point"] for row in facts(running)["queues"]] == ["mangle/prerouting"]
        kernel.sh("ip route replace 10.5.0.0/16 via 10.0.0.9").check()
        running.until("routes changed in the kernel: read again")
        ping(kernel)
        wait_until(lambda: sent_by_pystack(running) == 2)
    kernel.sh("ip route del 10.5.0.0/16").check()
    assert is_answered(kernel)
