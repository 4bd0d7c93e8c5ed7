"""Real VMs on a running daemon, one behind each driver that a VM can use, pinging each other and pystack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import pytest

from pystack.compare.lab.vm import Vm
from pystack.compare.lab.vm_port import TapPort, UnixDgramPort, UnixStreamPort, VmPort
from pystack.drivers.tap_open import open_tap

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.slow]

BRIDGE = "10.77.0.1"
ADDRESSES = {"tap": "10.77.0.11", "packet": "10.77.0.12", "stream": "10.77.0.13", "dgram": "10.77.0.14"}
SETUP = "\n".join(
    [
        "ip link set lo up",
        "ip link add br0 type bridge",
        *(f"ip link set {name} master br0; ip link set {name} up" for name in ADDRESSES),
        "ip link set br0 up",
        f"ip addr add {BRIDGE}/24 dev br0",
    ]
)
PATIENCE = 20.0
AMOUNT = 3_000_000  # octets of TCP


@dataclass(frozen=True)
class Lab:
    machines: dict[str, Vm]
    socket: Path

    def pystack(self, *words: str) -> subprocess.CompletedProcess[str]:
        return pystack(self.socket, *words)


def pystack(socket: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pystack", "-S", str(socket), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, timeout=30)


def namespace(stack: ExitStack) -> str:
    """A namespace in which a kernel bridge joins the TAP of a VM to a TAP of pystack's."""
    name = f"pystack-vms-{os.getpid()}"
    run("ip", "netns", "add", name)
    stack.callback(run, "ip", "netns", "delete", name)
    run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    run("ip", "-n", name, "link", "add", "joint", "type", "bridge")
    run("ip", "-n", name, "link", "set", "joint", "up")
    return name


def configuration(folder: Path, netns: str) -> str:
    return f'''
name = "vms"
setup_text = """
{SETUP}
"""
[port.tap]
driver = "tap"
ifname = "ours"
netns = "{netns}"
[port.packet]
driver = "packet"
ifname = "behind"
netns = "{netns}"
[port.stream]
driver = "unix"
type = "stream"
path = "{folder}/stream.sock"
listen = true
[port.dgram]
driver = "unix"
type = "dgram"
path = "{folder}/dgram.sock"
peer = "{folder}/dgram-vm.sock"
[dhcp.br0]
range = ["10.77.0.100", "10.77.0.199"]
static = {{ "52:54:00:00:01:04" = "10.77.0.50" }}
[services]
echo = true
daytime = true
[daemon]
socket = "{folder}/ctl.sock"
'''


def start_daemon(stack: ExitStack, folder: Path, netns: str) -> Path:
    (folder / "vms.toml").write_text(configuration(folder, netns))
    log = stack.enter_context((folder / "log").open("wb"))
    daemon = subprocess.Popen(
        [sys.executable, "-m", "pystack", "run", "-c", str(folder / "vms.toml"), "--allow-system-changes"],
        stdout=log,
        stderr=log,
    )
    stack.callback(daemon.wait, PATIENCE)
    stack.callback(daemon.terminate)
    deadline = time.monotonic() + PATIENCE
    while pystack(folder / "ctl.sock", "status").returncode:
        assert daemon.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
    run("ip", "-n", netns, "link", "set", "ours", "master", "joint")
    return folder / "ctl.sock"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("vms")
    with ExitStack() as stack:
        netns = namespace(stack)
        behind, joined = open_tap("behind", netns), open_tap("theirs", netns)
        run("ip", "-n", netns, "link", "set", "theirs", "master", "joint")
        ports: dict[str, VmPort] = {
            "tap": TapPort(joined.fd),
            "packet": TapPort(behind.fd),
            "stream": UnixStreamPort(folder / "stream.sock"),
            "dgram": UnixDgramPort(folder / "dgram-vm.sock", folder / "dgram.sock"),
        }
        socket = start_daemon(stack, folder, netns)
        machines = {
            name: stack.enter_context(Vm([port], addresses=[bytes([0x52, 0x54, 0, 0, 1, number])]))
            for number, (name, port) in enumerate(ports.items(), 1)
        }
        for name, machine in machines.items():
            machine.sh(f"ip link set eth0 up; ip addr add {ADDRESSES[name]}/24 dev eth0").check()
        yield Lab(machines, socket)


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_vm_behind_each_driver_pings_pystack(lab: Lab, name: str) -> None:
    done = lab.machines[name].run(f"ping -c 3 -i 0.2 -W 3 {BRIDGE}")
    assert done.rc == 0, done.out
    assert "3 packets received" in done.out


@pytest.mark.parametrize(("name", "other"), list(permutations(ADDRESSES, 2)))
def test_vms_behind_any_two_drivers_ping_each_other(lab: Lab, name: str, other: str) -> None:
    done = lab.machines[name].run(f"ping -c 2 -i 0.2 -W 3 {ADDRESSES[other]}")
    assert done.rc == 0, done.out


@pytest.mark.parametrize("name", ADDRESSES)
def test_large_packets_cross_in_fragments(lab: Lab, name: str) -> None:
    done = lab.machines[name].run(f"ping -c 1 -s 4000 -W 3 {BRIDGE}")
    assert done.rc == 0, done.out


def test_the_stack_knows_every_vm_by_its_port(lab: Lab) -> None:
    listing = lab.pystack("bridge", "fdb", "show", "br", "br0").stdout
    for number, name in enumerate(ADDRESSES, 1):
        assert f"52:54:00:00:01:{number:02x} dev {name} master br0" in listing


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_stack_finds_every_vm(lab: Lab, name: str) -> None:
    done = lab.pystack("ping", "-c1", "-W5", ADDRESSES[name])
    assert done.returncode == 0, done.stdout
    assert f"{ADDRESSES[name]} dev br0 lladdr 52:54:00:00:01" in lab.pystack("ip", "neigh").stdout


@pytest.mark.parametrize(("name", "address"), [("stream", "10.77.0.1[0-9][0-9]"), ("dgram", "10.77.0.50")])
def test_a_vm_gets_an_address_by_dhcp(lab: Lab, name: str, address: str) -> None:
    machine = lab.machines[name]
    machine.run(
        "printf '#!/bin/sh\\necho $1 $ip/$mask by $router >> /tmp/lease\\n' > /tmp/s; chmod +x /tmp/s"
    ).check()
    machine.run("udhcpc -n -q -i eth0 -s /tmp/s").check()
    assert re.fullmatch(rf"bound {address}/24 by {BRIDGE}", machine.run("tail -n 1 /tmp/lease").out.strip())


def test_a_vm_hears_its_echo_and_the_time_over_tcp(lab: Lab) -> None:
    machine = lab.machines["stream"]
    made = machine.run("head -c 300000 /dev/urandom > /tmp/said; md5sum < /tmp/said").check().out
    assert machine.run(f"nc {BRIDGE} 7 < /tmp/said | md5sum").check().out == made
    assert machine.run(f"nc {BRIDGE} 13 < /dev/null").check().out.strip().endswith(time.strftime("%Y"))


def test_pystack_pings_every_vm(lab: Lab) -> None:
    for address in ADDRESSES.values():
        done = lab.pystack("ping", "-c", "2", "-i", "0.2", address)
        assert done.returncode == 0, done.stdout + done.stderr


def test_tcp_between_two_vms_arrives_whole(lab: Lab) -> None:
    """A VM on a TAP sends large segments; they cross the bridge whole and are cut for the unix socket."""
    sender, receiver = lab.machines["packet"], lab.machines["stream"]
    sink = receiver.start_command("sleep 60 | nc -l -p 5001 > /tmp/received")  # without input nc hangs up
    receiver.run("until netstat -ltn | grep -q 5001; do sleep 0.05; done").check()
    made = sender.run(f"head -c {AMOUNT} /dev/urandom > /tmp/data; md5sum < /tmp/data").check().out
    source = sender.start_command(f"nc {ADDRESSES['stream']} 5001 < /tmp/data")
    receiver.run(f"until [ $(wc -c < /tmp/received) -ge {AMOUNT} ]; do sleep 0.05; done").check()
    assert receiver.run("md5sum < /tmp/received").out == made
    source.stop()
    sink.stop()
