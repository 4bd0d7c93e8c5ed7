"""The same setup on both sides, and the same command: what differs is a fault."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pystack.applets import virtual
from pystack.applets.virtual import run_setup
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host

# Three namespaces in a row: this one, b that forwards, c behind it. Addresses that the kernel would draw are
# given.
THREE_IN_A_ROW = """
ip link set lo up
ip netns add b
ip netns add c
ip link add v0 type veth peer name v1 netns b
ip link set v0 address 02:00:00:00:00:10
ip addr add 10.1.0.1/24 dev v0
ip link set v0 up
ip -n b link set lo up
ip -n b link set v1 address 02:00:00:00:00:11
ip -n b addr add 10.1.0.2/24 dev v1
ip -n b link set v1 up
ip link add w0 netns b type veth peer name w1 netns c
ip -n b addr add 10.2.0.1/24 dev w0
ip -n b link set w0 up
ip -n c addr add 10.2.0.2/24 dev w1
ip -n c link set w1 up
ip -n c route add default via 10.2.0.1
ip netns exec b sysctl -q -w net.ipv4.ip_forward=1
ip route add 10.2.0.0/16 via 10.1.0.2
ip route add prohibit 10.5.0.0/16
ip route add blackhole 10.6.0.0/16
ip route add unreachable 10.7.0.0/16
ip link add n0 type veth peer name n1
ip link set n0 up
"""

TIMES = (
    (re.compile(r"time=[0-9.]+ ms"), "time=T ms"),
    (re.compile(r"time [0-9]+ms"), "time Tms"),
    (re.compile(r"= [0-9./]+ ms"), "= T ms"),
    (re.compile(r"ipg/ewma [0-9./]+ ms"), "ipg/ewma T ms"),
    (re.compile(r"ident=[0-9]+"), "ident=N"),
    (re.compile(r"^\[[0-9]+\.[0-9]{6}\]", re.MULTILINE), "[T]"),
    (re.compile(r"\]  [0-9]+\.[0-9]+ms$", re.MULTILINE), "]  T"),
)


@dataclass(slots=True)
class Sides:
    """A kernel's namespace and a host of ours, set up by one text."""

    kernel: KernelNetns
    host: Host

    def assert_same(self, command: str) -> None:
        """Run a command on both; output and exit code, times apart, must agree."""
        theirs = self.kernel.run(command, timeout=30)
        ours = virtual.run(shlex.split(command), self.host)
        kernel = (theirs.rc, timeless(theirs.out), timeless(theirs.err))
        pystack = (ours.rc, timeless(ours.out), timeless(ours.err))
        assert pystack == kernel, (
            f"{command}\n--- kernel {theirs.rc}\n{theirs.text}\n--- pystack {ours.rc}\n{ours.text}"
        )


@contextmanager
def both_sides(setup: str) -> Iterator[Sides]:
    with KernelNetns() as kernel:
        kernel.sh(setup).check()
        host = Host()
        assert run_setup(host, setup, "setup") == []
        yield Sides(kernel, host)


def timeless(text: str) -> str:
    """The text without what a clock wrote into it."""
    for pattern, replacement in TIMES:
        text = pattern.sub(replacement, text)
    return text
