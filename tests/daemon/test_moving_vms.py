"""docs/vms.md: its commands, as they stand there, move a VM that runs to pystack and back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.compare.lab.vm import Vm
from pystack.compare.lab.vm_port import TapPort
from pystack.drivers.tap_open import open_tap
from tests.daemon.running import PATIENCE, clean_environment
from tests.drivers.kernel import KernelNamespace, kernel_namespace

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.slow]

TEXT = (Path(__file__).parents[2] / "docs/vms.md").read_text()


def block(heading: str, kind: str) -> str:
    """What stands in the first block of a kind behind a heading."""
    found = re.search(rf"## {heading}\n.*?```{kind}\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def host() -> Iterator[KernelNamespace]:
    """A machine with a bridge, and a TAP on it that a VM is going to hold."""
    with kernel_namespace() as namespace:
        namespace.sh("ip link add br0 type bridge; ip link set br0 up; ip addr add 10.0.0.1/24 dev br0")
        yield namespace


class Machine:
    """Where the commands of the page are typed."""

    def __init__(self, host: KernelNamespace, folder: Path) -> None:
        self._host = host
        self._folder = folder
        self._environment = {
            **clean_environment(),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYSTACK_SOCKET": str(folder / "ctl.sock"),
        }

    def run(self, commands: str) -> str:
        with (self._folder / "log").open("ab") as log:  # a daemon that stays would hold a pipe
            subprocess.run(
                ["ip", "netns", "exec", self._host.name, "sh", "-ec", commands],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                timeout=PATIENCE,
                check=True,
            )
        return (self._folder / "log").read_text()


def echoes(text: str) -> int:
    """What `nstat` says last."""
    return int(re.findall(r"IcmpInEchos +(\d+)", text)[-1])


def test_a_vm_moves_to_pystack_and_back_by_two_commands_each(host: KernelNamespace, tmp_path: Path) -> None:
    tap = open_tap("vnet0", host.name)
    host.sh("ip link set vnet0 master br0")
    address = host.sh("cat /sys/class/net/br0/address").strip()
    config = re.sub("address [0-9a-f:]{17}", f"address {address}", block("What to write first", "toml"))
    (tmp_path / "vms.toml").write_text(config)
    machine = Machine(host, tmp_path)
    to_pystack, back = block("To pystack", "sh"), block("And back", "sh")
    assert [len(commands.splitlines()) for commands in (to_pystack, back)] == [2, 2]
    with Vm([TapPort(tap.fd)]) as vm:
        vm.sh("ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0").check()
        ping = "until ping -c 1 -W 1 10.0.0.1; do :; done"
        vm.run(ping).check()
        machine.run(to_pystack)
        vm.run(ping).check()
        assert echoes(machine.run("pystack nstat -asz IcmpInEchos")) > 0
        machine.run(back)
        before = echoes(host.sh("nstat -asz IcmpInEchos"))
        vm.run(ping).check()
        assert echoes(host.sh("nstat -asz IcmpInEchos")) > before
    assert not (tmp_path / "ctl.sock").exists()
