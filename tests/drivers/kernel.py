"""Namespaces of the real kernel for tests that need root: made for one test, quiet, gone afterwards."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_numbers = count(1)

QUIET = """
for key in net.ipv6.conf.all.disable_ipv6 net.ipv6.conf.default.disable_ipv6; do sysctl -qw $key=1; done
for key in iptables ip6tables arptables; do
    [ ! -e /proc/sys/net/bridge/bridge-nf-call-$key ] || echo 0 > /proc/sys/net/bridge/bridge-nf-call-$key
done
ip link set lo up
"""


class KernelNamespace:
    """One namespace, by its name below /run/netns."""

    def __init__(self, name: str) -> None:
        self.name = name

    def sh(self, script: str, *, rc: int = 0) -> str:
        """Run a script of commands in it; what it printed."""
        command = ["ip", "netns", "exec", self.name, "sh", "-ec", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == rc, (script, done.returncode, done.stdout, done.stderr)
        return done.stdout


@contextmanager
def kernel_namespace() -> Iterator[KernelNamespace]:
    """A namespace without IPv6 and bridge netfilter, so that it says nothing by itself."""
    name = f"d{os.getpid()}-{next(_numbers)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        namespace = KernelNamespace(name)
        namespace.sh(QUIET)
        yield namespace
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def drain(fd: int, room: int = 70000) -> list[bytes]:
    """All that waits behind a descriptor."""
    found = []
    while True:
        try:
            found.append(os.read(fd, room))
        except BlockingIOError:
            return found
