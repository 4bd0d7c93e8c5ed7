"""[uplink]: those behind pystack reach the world through the kernel, which is afterwards as it was."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon.running import Daemon, daemon, pystack
from tests.drivers.kernel import KernelNamespace, kernel_namespace

pytestmark = [pytest.mark.root, pytest.mark.slow]

WORLD = "203.0.113.9"
CONFIG = """\
name = "up"
setup_text = '''
ip link add br0 type bridge
ip link set vm1 master br0; ip link set vm1 up; ip link set br0 up
ip addr add 10.77.0.1/24 dev br0
'''
[uplink]
via = "kernel-nat"
networks = ["10.77.0.0/24"]
netns = "{host}"
[port.vm1]
driver = "tap"
netns = "{vm}"
"""


@dataclass
class Lab:
    """A VM, the host that it goes out by, and somebody in the world who knows neither."""

    host: KernelNamespace
    vm: KernelNamespace
    world: KernelNamespace
    config: str
    before: str

    def state(self) -> str:
        """All of the host that an uplink touches."""
        return state_of(self.host)

    def running(self, folder: Path) -> Daemon:
        return Daemon(folder, "-c", self.config, "--allow-system-changes")


def state_of(host: KernelNamespace) -> str:
    sysctls = "sysctl net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects net.ipv4.conf.eth0.forwarding"
    shown = host.sh(f"ip -br link; ip route; {sysctls}; sysctl net.ipv4.conf.lo.forwarding; iptables-save")
    return "\n".join(line for line in shown.splitlines() if not line.startswith(("#", "*", ":", "COMMIT")))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        host, vm, world = (stack.enter_context(kernel_namespace()) for _ in range(3))
        host.sh(f"ip link add eth0 type veth peer name eth0 netns {world.name}; ip link set eth0 up")
        host.sh("ip addr add 203.0.113.1/24 dev eth0; sysctl -qw net.ipv4.conf.all.accept_redirects=0")
        host.sh("sysctl -qw net.ipv4.ip_forward=0; sysctl -qw net.ipv4.conf.lo.forwarding=1")
        world.sh(f"ip link set eth0 up; ip addr add {WORLD}/24 dev eth0")
        config = tmp_path / "up.toml"
        config.write_text(CONFIG.format(host=host.name, vm=vm.name))
        yield Lab(host, vm, world, str(config), state_of(host))


def plug_in(vm: KernelNamespace) -> None:
    vm.sh("ip addr add 10.77.0.2/24 dev vm1; ip route add default via 10.77.0.1")


@pytest.mark.parametrize("networks", ["given", "left out"])
def test_a_vm_gets_out_by_the_kernel_and_all_is_undone(lab: Lab, tmp_path: Path, networks: str) -> None:
    if networks == "left out":  # then pystack hides those behind it, and the kernel pystack
        text = Path(lab.config).read_text().replace('networks = ["10.77.0.0/24"]', "")
        Path(lab.config).write_text(text)
    with daemon(tmp_path, "-c", lab.config, "--allow-system-changes") as running:
        plug_in(lab.vm)
        assert "1 received" in lab.vm.sh(f"ping -c1 -W5 {WORLD}")
        serve = ["ip", "netns", "exec", lab.world.name, "timeout", "30", "nc", "-l", "-N", "8000"]
        with subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
            assert server.stdin is not None
            server.stdin.write("hello\n")
            server.stdin.close()
            assert lab.vm.sh(f"until nc -d {WORLD} 8000; do sleep 0.1; done") == "hello\n"
        assert running.run("ping", "-c1", "-W5", WORLD).rc == 0  # the stack itself, too
        assert "uplink" in running.run("status").out
        assert "MASQUERADE" in lab.state()
        assert running.run("reload").rc == 0
        assert "1 received" in lab.vm.sh(f"ping -c1 -W5 {WORLD}")
    assert lab.state() == lab.before


def test_a_daemon_that_is_killed_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    running = lab.running(tmp_path)
    running.until("ready")
    running.end(signal.SIGKILL)
    assert lab.state() == lab.before


def test_what_daemon_and_keeper_leave_the_doctor_takes_back(lab: Lab, tmp_path: Path) -> None:
    running = lab.running(tmp_path)
    running.until("ready")
    os.kill(running.keeper, signal.SIGKILL)
    running.process.kill()
    running.wait()
    assert "MASQUERADE" in lab.state()
    found = pystack("-S", str(running.socket), "doctor")
    assert "iptables -t nat -A POSTROUTING -s 10.77.0.0/24" in found.out
    assert "net/ipv4/ip_forward" in found.out
    pystack("-S", str(running.socket), "doctor", "--clean")
    assert lab.state() == lab.before


def test_a_reload_without_it_takes_it_back(lab: Lab, tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", lab.config, "--allow-system-changes") as running:
        text = Path(lab.config).read_text()
        Path(lab.config).write_text(text.replace(text[text.index("[uplink]") : text.index("[port")], ""))
        assert running.run("reload").rc == 0
        assert lab.state() == lab.before


def test_it_takes_leave_and_says_what_for(lab: Lab, tmp_path: Path) -> None:
    done = pystack("run", "-c", lab.config)
    assert (done.rc, done.err) == (
        2,
        f"pystack: {lab.config}:7: uplink: lets this machine's kernel forward, and changes its iptables: "
        "add --allow-system-changes\n",
    )


def test_what_the_kernel_refuses_is_named_and_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    lab.host.sh("ip route add 10.77.0.0/24 dev eth0")
    before = lab.state()
    running = lab.running(tmp_path)
    assert running.wait() == 4
    assert "uplink: ip route add 10.77.0.0/24 via 172.31.255.254 dev pystack0: " in running.log
    assert "File exists" in running.log
    assert lab.state() == before
