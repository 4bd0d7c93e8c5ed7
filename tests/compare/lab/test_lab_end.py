"""However a lab ends, nothing of it is left: no process, no namespace, no name, no changed sysctl."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pystack.compare.lab.errors import LabBroken, LabUnavailable
from pystack.compare.lab.kernel_log import SWITCH
from pystack.compare.lab.kernel_netns import KernelNetns
from tests.compare.lab.leftovers import has_ended, netns_names, switch_at_rest, users_of_netns
from tests.compare.lab.patience import wait_until

pytestmark = pytest.mark.root

MANY = 10_000
ROOT = Path(__file__).parent.parent.parent.parent

# A lab in a process of its own, which says what belongs to it and then waits to be ended.
VICTIM = """
import json, os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits it ignored
from pystack.compare.lab.kernel_netns import KernelNetns
with KernelNetns(["tap1"]) as kernel:
    kernel.sh("ip netns add b; ip link set tap1 up").check()
    kernel.start("sleep 1000")
    log = kernel.kernel_log() if "log" in sys.argv else None
    known = {"agent": kernel.agent.process.pid, "netns": os.stat(kernel.netns_path).st_ino}
    print(json.dumps(known), flush=True)
    time.sleep(1000)
"""


def start_victim(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, int]]:
    command = [sys.executable, "-c", VICTIM, *arguments]
    victim = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert victim.stdout is not None
    return victim, json.loads(victim.stdout.readline())


def test_after_a_lab_nothing_is_left() -> None:
    names, devices = netns_names(), os.listdir("/sys/class/net")
    with KernelNetns(["tap1"]) as kernel:
        kernel.sh("ip netns add b; ip link add v0 type veth peer name v1 netns b").check()
        kernel.start("sleep 1000")
        inode = os.stat(kernel.netns_path).st_ino
        assert users_of_netns(inode)
    assert users_of_netns(inode) == []
    assert (netns_names(), os.listdir("/sys/class/net")) == (names, devices)


def test_after_an_exception_nothing_is_left() -> None:
    inode = 0

    def fail_inside() -> None:
        nonlocal inode
        with KernelNetns(["tap1"]) as kernel:
            inode = os.stat(kernel.netns_path).st_ino
            kernel.start("sleep 1000")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_inside()
    assert inode
    assert users_of_netns(inode) == []


def test_a_lab_whose_ports_cannot_be_made_leaves_no_process() -> None:
    lab = KernelNetns(["tap1", "lo"])
    with pytest.raises(LabUnavailable, match="port lo"):
        lab.open()
    with pytest.raises(ValueError, match="the lab is closed"):
        lab.run("true")
    lab.close()  # again, and it is no error


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_after_a_lab_whose_process_is_killed_nothing_is_left(number: signal.Signals) -> None:
    victim, lab = start_victim()
    assert users_of_netns(lab["netns"])
    victim.send_signal(number)
    victim.communicate()
    wait_until(lambda: users_of_netns(lab["netns"]) == [])
    wait_until(lambda: has_ended(lab["agent"]))


def run_until_refused(kernel: KernelNetns) -> None:
    """The kernel ends what the dead process had started, but a moment later."""
    for _ in range(MANY):
        kernel.run("true")


def test_a_lab_whose_agent_dies_says_so() -> None:
    with KernelNetns(["tap1"]) as kernel:
        os.kill(kernel.agent.process.pid, signal.SIGKILL)
        with pytest.raises(LabBroken, match="the lab's process"):
            run_until_refused(kernel)


@pytest.mark.usefixtures("switch_is_off")
def test_lines_of_log_rules_are_read_in_order_and_the_switch_is_put_back() -> None:
    with KernelNetns() as kernel:
        kernel.sh("ip link set lo up").check()
        if kernel.run("iptables-legacy -A OUTPUT -j LOG --log-prefix 'pystack-lab: ' --log-level 7").rc:
            pytest.skip("needs iptables-legacy with the LOG target")
        with kernel.kernel_log() as log:
            kernel.run("ping -c 1 127.0.0.1").check()
            ours = [line for line in log.lines() if line.text.startswith("pystack-lab: ")]
        assert [line.text.partition(" TYPE=")[2].split()[0] for line in ours] == ["8", "0"]
        assert ours[0].text.startswith("pystack-lab: IN= OUT=lo SRC=127.0.0.1 DST=127.0.0.1 LEN=84 ")
        assert ours[0].text.endswith(" ")
        assert switch_at_rest() == "0"


@pytest.mark.usefixtures("switch_is_off")
def test_the_switch_is_put_back_after_an_exception() -> None:
    def fail_inside() -> None:
        with KernelNetns() as kernel, kernel.kernel_log():
            assert SWITCH.read_text() == "1\n"
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_inside()
    assert switch_at_rest() == "0"


@pytest.mark.usefixtures("switch_is_off")
def test_the_switch_is_put_back_when_the_reader_is_killed_and_the_next_lab_waited_for_it() -> None:
    victim, _ = start_victim("log")
    assert SWITCH.read_text() == "1\n"
    victim.kill()
    victim.communicate()
    with KernelNetns() as kernel, kernel.kernel_log():  # gets the lock only after the value is put back
        assert SWITCH.read_text() == "1\n"
    assert switch_at_rest() == "0"


def test_without_root_a_lab_is_refused_in_one_sentence() -> None:
    code = """if True:
        import os
        from pystack.compare.lab.kernel_netns import KernelNetns
        os.setuid(65534)
        KernelNetns(['tap1']).open()
    """
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        "pystack.compare.lab.errors.LabUnavailable:"
        " a kernel lab needs root: it makes network namespaces and TAP devices"
    )
