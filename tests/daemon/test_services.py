"""Services of a configuration: what they need of the setup, what a reload leaves them, what status tells."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from pystack.daemon.config import ConfigError
from pystack.daemon.services import dhcp_facts, dhcp_lines
from pystack.daemon.settings import Config, DhcpSection, ServiceSettings
from pystack.daemon.stack import Stack, build
from pystack.daemon.status import stack_facts
from pystack.services.dhcp import DhcpConfig
from pystack.services.leases import Lease, LeaseState
from tests.daemon.guest import memory_config, memory_stack
from tests.daemon.running import daemon
from tests.daemon.test_reload import SETUP, swap
from tests.frames import ip

VM = bytes.fromhex("525400000101")
OTHER = bytes.fromhex("525400000102")
SCRIPT = """\
#!/bin/sh
case $1 in bound|renew) busybox ip addr add $ip/$mask dev $interface 2>/dev/null ;; esac
echo "$1 $ip/$mask router $router dns $dns domain $domain lease $lease from $serverid" >> "${0%/*}/events"
"""
TOLD = "10.0.0.100/24 router 10.0.0.1 dns 10.0.0.53 domain lab lease 600 from 10.0.0.1"
TOML = '''
setup_text = """
ip link add br0 type bridge
ip link set vm1 master br0; ip link set vm1 up; ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
"""
[port.vm1]
driver = "tap"
netns = "NETNS"
[dhcp.br0]
range = ["10.0.0.100", "10.0.0.199"]
dns = ["10.0.0.53"]
domain = "lab"
lease_time = 600
'''
PATIENCE = 20.0


def config(*dhcp: DhcpConfig, setup: str = SETUP) -> Config:
    sections = tuple(DhcpSection(section, "lab.toml:9") for section in dhcp)
    return changed(memory_config("p1", "p2", setup=setup), dhcp=sections)


def br0(last: str = "10.0.0.199", vm: str = "10.0.0.9") -> DhcpConfig:
    return DhcpConfig("br0", ip("10.0.0.100"), ip(last), reserved={OTHER: ip(vm)})


def running() -> Stack:
    """A stack with one lease, which holds another minute."""
    stack = memory_stack(config(br0()))
    stack.host.clock.set(100.0)
    stack.dhcp["br0"].leases.put(Lease(ip("10.0.0.100"), b"\1" + VM, VM, LeaseState.BOUND, 160.0, "we\x1bb"))
    stack.dhcp["br0"].heeded = 2
    return stack


def leased(stack: Stack) -> list[int]:
    return [lease.address for lease in stack.dhcp["br0"].leases]


@pytest.mark.parametrize(
    ("dhcp", "setup", "complaint"),
    [
        (br0(), "", "no such device once the setup has run"),
        (br0(last="10.0.1.9"), SETUP, "the device has no address whose network holds the range"),
    ],
)
def test_a_server_that_cannot_work_is_refused_with_its_line(
    dhcp: DhcpConfig, setup: str, complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        build(config(dhcp, setup=setup))
    assert caught.value.complaints == [f"lab.toml:9: dhcp.br0: {complaint}"]


def test_an_address_that_no_client_could_use_is_not_reserved() -> None:
    with pytest.raises(ConfigError, match=r"dhcp\.br0\.static: 10\.9\.0\.1 is not in the device's network"):
        build(config(br0(vm="10.9.0.1")))


def test_leases_hold_over_a_reload() -> None:
    new, _ = swap(running(), config(br0()))
    assert leased(new) == [ip("10.0.0.100")]
    assert new.dhcp["br0"].heeded == 2


def test_a_lease_that_no_longer_fits_does_not() -> None:
    old = running()
    moved = config(DhcpConfig("br0", ip("10.0.0.150"), ip("10.0.0.199")))
    assert leased(swap(old, moved)[0]) == []


def test_status_tells_of_each_server_and_each_lease() -> None:
    stack = running()
    facts = dhcp_facts("br0", stack.dhcp["br0"], 100.0)
    assert json.loads(json.dumps(facts))["leases"][0]["seconds_left"] == 60
    assert dhcp_lines(facts) == [
        "dhcp     br0: 10.0.0.100 to 10.0.0.199, 1 leased, 2 heeded",
        r"lease    10.0.0.100 52:54:00:00:01:01 bound, 60 s left we\x1bb",
    ]


def test_status_shows_the_first_leases_of_many() -> None:
    stack = running()
    for number in range(30):
        mac = bytes([2, 0, 0, 0, 0, number])
        stack.dhcp["br0"].leases.put(Lease(ip("10.0.0.101") + number, mac, mac, LeaseState.BOUND, 160.0))
    lines = dhcp_lines(dhcp_facts("br0", stack.dhcp["br0"], 100.0))
    assert len(lines) == 22
    assert lines[-1] == "lease    … and 11 more: status --json tells all"


def test_only_the_services_that_are_wanted_answer() -> None:
    stack = memory_stack(changed(memory_config("p1"), services=ServiceSettings(echo=True, daytime=True)))
    assert open_ports(stack) == [7, 13]
    assert stack_facts(stack)["services"] == ["echo", "daytime"]
    assert open_ports(build(config())) == []


def open_ports(stack: Stack) -> list[int]:
    """Of the three."""
    ports = stack.host.init.udp.ports
    return [number for number in (7, 9, 13) if list(ports.on_port(number))]


# -- a real client ----------------------------------------------------------------------------------------


def sh(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.fixture
def netns() -> Iterator[str]:
    name = f"dh-{os.getpid()}"
    sh("ip", "netns", "add", name)
    yield name
    sh("ip", "netns", "delete", name)


@contextmanager
def client(folder: Path, netns: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """busybox's, which gives its address back at the end."""
    script = folder / "script"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    words = ("busybox", "udhcpc", "-f", "-n", "-R", "-i", "vm1", "-s", str(script), *options)
    process = subprocess.Popen(("ip", "netns", "exec", netns, *words), stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(event: str, folder: Path) -> None:
    """Until the client's script was told of an event; a lease comes with all that the server gives."""
    deadline = time.monotonic() + PATIENCE
    while f"{event} {TOLD}\n" not in (told := read(folder / "events")):
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    (folder / "events").unlink()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-B",)], ids=["unicast", "broadcast"])
def test_a_real_client_gets_a_lease_renews_it_after_a_reload_and_gives_it_back(
    tmp_path: Path, netns: str, options: tuple[str, ...]
) -> None:
    if not shutil.which("busybox"):
        pytest.skip("needs busybox (Debian: busybox-static)")
    (tmp_path / "d.toml").write_text(TOML.replace("NETNS", netns))
    lease = "lease    10.0.0.100 52:54:00:00:01:01 bound, "
    with daemon(tmp_path, "-c", str(tmp_path / "d.toml")) as pystack:
        sh("ip", "-n", netns, "link", "set", "vm1", "address", "52:54:00:00:01:01", "up")
        with client(tmp_path, netns, *options) as process:
            wait_for("bound", tmp_path)
            assert pystack.run("reload").rc == 0
            assert lease in pystack.run("status").out
            process.send_signal(signal.SIGUSR1)
            wait_for("renew", tmp_path)
            assert ", 1 leased, " in pystack.run("status").out
        assert lease not in pystack.run("status").out


def test_the_status_page_tells_of_the_stack_and_not_of_the_machine(tmp_path: Path) -> None:
    config = tmp_path / "page.toml"
    config.write_text(
        'setup_text = "ip link set lo up"\n[port.p1]\ndriver = "pcap"\nrecord = "p1.pcap"\n'
        "[services]\nhttp = true\n"
    )
    with daemon(tmp_path, "-c", str(config)) as running:
        for path, kind in (("/", "text/plain"), ("/status.json", "application/json")):
            asked = f"GET {path} HTTP/1.0\r\n\r\n".encode()
            head, _, body = running.run("nc", "127.0.0.1", "80", stdin=asked).out.partition("\r\n\r\n")
            assert head.startswith("HTTP/1.1 200 OK")
            assert f"Content-Type: {kind}" in head
            assert "p1" in body
            assert str(tmp_path) not in body
        told = json.loads(body)
        assert (told["v"], told["name"], told["services"]) == (1, "page", ["http"])
        assert [port["port"] for port in told["ports"]] == ["p1"]
        assert "http" in running.run("status").out
