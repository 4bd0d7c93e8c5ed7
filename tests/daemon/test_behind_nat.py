"""A VM behind pystack's MASQUERADE uses the world: everything arrives intact, and from one address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pystack.compare.lab.guest_python import find_python
from pystack.compare.lab.initramfs import GUEST, ImageKind
from pystack.compare.lab.vm import Vm
from pystack.compare.lab.vm_port import UnixStreamPort
from tests.daemon.running import Daemon, clean_environment, daemon

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.slow]

WORLD, FAR = "198.51.100.1", "203.0.113.1"
OUTSIDE = "198.51.100.2"
BEHIND = ImageKind("behind-nat", 192, GUEST.boot_modules, python="tests.daemon.behind_nat")
CONFIG = '''
name = "router"
setup_text = """
ip link set lo up
ip link set lan up
ip link set wan up
ip addr add 10.78.0.1/24 dev lan
ip addr add {outside}/24 dev wan
ip route add default via {world}
sysctl -qw net.ipv4.ip_forward=1
iptables -t raw -A PREROUTING -i lan -p tcp --dport 21 -j CT --helper ftp
iptables -t nat -A POSTROUTING -o wan -j MASQUERADE
iptables -P FORWARD DROP
iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -A FORWARD -i lan -m conntrack --ctstate NEW -j ACCEPT
"""
[port.lan]
driver = "unix"
type = "stream"
path = "{folder}/lan.sock"
listen = true
[port.wan]
driver = "tap"
ifname = "wan"
netns = "{netns}"
'''


@dataclass(frozen=True)
class Lab:
    vm: Vm
    router: Daemon

    def ask(self, *words: str) -> dict[str, Any]:
        """What the program in the VM prints."""
        done = self.vm.run(f"{find_python(BEHIND.python).command()} {' '.join(words)}", timeout=120)
        assert (done.rc, done.err) == (0, "")
        return dict(json.loads(done.out))


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, timeout=30)


def make_world(stack: ExitStack) -> str:
    """A namespace for the servers, and one more behind it; none of them knows the way to the VM."""
    world, far = f"world-{os.getpid()}", f"far-{os.getpid()}"
    for name in (world, far):
        run("ip", "netns", "add", name)
        stack.callback(run, "ip", "netns", "delete", name)
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "-n", world, "link", "add", "to-far", "type", "veth", "peer", "name", "eth0", "netns", far)
    run("ip", "-n", world, "addr", "add", "203.0.113.254/24", "dev", "to-far")
    run("ip", "-n", world, "link", "set", "to-far", "up")
    run("ip", "-n", far, "addr", "add", f"{FAR}/24", "dev", "eth0")
    run("ip", "-n", far, "link", "set", "eth0", "up")
    run("ip", "-n", far, "route", "add", "default", "via", "203.0.113.254")
    run("ip", "netns", "exec", world, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    return world


def start_servers(stack: ExitStack, netns: str) -> None:
    run("ip", "-n", netns, "addr", "add", f"{WORLD}/24", "dev", "wan")
    run("ip", "-n", netns, "link", "set", "wan", "up")
    servers = stack.enter_context(
        subprocess.Popen(
            ["ip", "netns", "exec", netns, sys.executable, "-m", "tests.daemon.world", WORLD],
            cwd=Path(__file__).parents[2],
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    )
    stack.callback(servers.kill)
    assert servers.stdout is not None
    assert servers.stdout.readline() == b"ready\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("nat")
    with ExitStack() as stack:
        netns = make_world(stack)
        config = folder / "router.toml"
        config.write_text(CONFIG.format(folder=folder, netns=netns, world=WORLD, outside=OUTSIDE))
        router = stack.enter_context(daemon(folder, "-c", str(config)))
        start_servers(stack, netns)
        vm = stack.enter_context(Vm([UnixStreamPort(folder / "lan.sock")], kind=BEHIND))
        vm.sh(
            "ip link set eth0 up\nip addr add 10.78.0.2/24 dev eth0\nip route add default via 10.78.0.1"
        ).check()
        yield Lab(vm, router)


def test_200_connections_at_once_carry_what_was_sent(lab: Lab) -> None:
    told = lab.ask("transfer", WORLD, "200", "20000")
    assert (told["wrong"], told["intact"]) == ([], 200)
    assert {address for address, _ in told["seen"]} == {OUTSIDE}
    assert len({port for _, port in told["seen"]}) == 200
    listed = lab.router.run("conntrack", "-L", "-p", "tcp", "--dport", "7000").out.splitlines()
    assert len(listed) == 200
    assert all("src=10.78.0.2" in line and f"dst={OUTSIDE}" in line for line in listed)


@pytest.mark.parametrize("mode", ["active", "passive"])
def test_files_are_fetched_and_stored_by_ftp(lab: Lab, mode: str) -> None:
    assert lab.ask("ftp", WORLD, mode, "300000") == {"fetched": True, "told": "226 intact"}


def test_names_are_looked_up(lab: Lab) -> None:
    for number in range(1, 11):
        done = lab.vm.run(f"nslookup -type=a h{number}.world {WORLD}")
        assert done.rc == 0, done.text
        assert f"Address: 192.0.2.{number}" in done.out


@pytest.mark.parametrize("size", [56, 1472, 20_000])
def test_pings_of_every_size_come_back(lab: Lab, size: int) -> None:
    done = lab.vm.run(f"ping -c 3 -i 0.2 -W 5 -s {size} {FAR}")
    assert "3 packets received" in done.out, done.text


def test_a_traceroute_sees_every_hop(lab: Lab) -> None:
    done = lab.vm.run(f"traceroute -n -q 1 -w 5 {FAR}", timeout=60)
    hops = [line.split()[1] for line in done.out.splitlines() if line.split()[0].isdigit()]
    assert hops == ["10.78.0.1", WORLD, FAR], done.text
