"""A test box as it stands in a rack: Debian's kernel, an uplink that leads to another machine, containers
behind a bridge and NAT, and `pystack compare live` on it.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pystack.compare.lab.guest_python import find_python
from pystack.compare.lab.initramfs import FULL as REFERENCE
from pystack.compare.lab.vm import Vm
from pystack.compare.lab.vm_port import UnixDgramPort
from pystack.compare.lab.vm_process import VmProcess
from tests.compare.live.box import SETUP
from tests.compare.live.test_traffic import shown
from tests.compare.live.watching import Json
from tests.conftest import FULL

pytestmark = [
    pytest.mark.vm,
    pytest.mark.slow,
    pytest.mark.skipif(not FULL, reason="takes some minutes: scripts/test --full"),
]

SECONDS = 60
PATIENCE = 600.0  # seconds for whatever an emulated processor does on a busy machine
TOOLS = "curl iperf3 ipset iptables-nft-save ip6tables-nft-save ebtables-nft-save arptables-nft-save"
TEST_BOX = replace(
    REFERENCE,
    name="test-box",
    memory=640,
    programs=(*REFERENCE.programs, *TOOLS.split()),
    python="tests.compare.live.in_vm",
)

BOX = f"""
modprobe -a tun br_netfilter nfnetlink_log nfnetlink_queue
{SETUP}
ip addr add 198.51.100.2/24 dev eth0; ip link set eth0 up
ip route replace default via 198.51.100.1
ip -n out route add default via 192.0.2.2
mkdir /www; head -c 20000 /dev/urandom >/www/page
ip netns exec ca busybox httpd -h /www
"""
WORLD = """
ip link set lo up; ip addr add 198.51.100.1/24 dev eth0; ip link set eth0 up
mkdir /www; head -c 20000 /dev/urandom >/www/page
busybox httpd -h /www
for port in 5201 5202; do iperf3 -s -D -p $port; done
"""
FROM_OUTSIDE = """
while sleep 1; do curl -sf -o /dev/null http://198.51.100.2:8080/page || echo "no page from outside"; done
"""
TRAFFIC = f"""
from() {{ side=$1; shift; ip netns exec $side "$@"; }}
lossless() {{ "$@" | grep -q ' 0% packet loss' || echo "lost: $*"; }}
once() {{ "$@" >/dev/null 2>&1 || echo "failed: $*"; }}
again() {{ for count in $(seq {SECONDS // 2}); do once "$@"; sleep 2; done; }}
ping="ping -q -i 0.5 -c {SECONDS * 2}"
lossless from ca $ping 198.51.100.1 &
lossless from cb $ping 172.18.0.1 &
lossless from out $ping 192.0.2.2 &
lossless $ping 172.18.0.2 &
lossless from ca ping -q -i 2 -c {SECONDS // 2} -s 3000 172.18.0.3 &
once from ca iperf3 -c 198.51.100.1 -b 50K -l 1000 -t {SECONDS} &
once from cb iperf3 -c 198.51.100.1 -p 5202 -u -b 30K -l 500 -t {SECONDS} &
again from cb curl -sf http://198.51.100.1/page &
again from out curl -sf http://192.0.2.2:8080/page &
again from cb nslookup -type=a example.org 198.51.100.1 &
once from ca traceroute -n -w 2 -q 1 -m 4 198.51.100.1
once from out traceroute -n -w 2 -q 1 -m 3 172.18.0.2
from ca ping -b -q -c 3 -i 0.2 -W 1 172.18.0.255 >/dev/null 2>&1  # nobody answers
for port in 5201 99; do from out nc -z -w 1 192.0.2.2 $port && echo "port $port is open"; done
wait
"""


def python(*words: str) -> str:
    """A line for sh that runs one of in_vm's programs in its place."""
    return f"exec {find_python(TEST_BOX.python).command()} {' '.join(words)}"


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[tuple[Vm, Vm]]:
    """A box and the world, each a machine of its own."""
    one, other = tmp_path / "box", tmp_path / "world"
    box = Vm([UnixDgramPort(one, other)], kind=TEST_BOX, ipv6=True)
    world = Vm([UnixDgramPort(other, one)], kind=TEST_BOX, addresses=[bytes.fromhex("020000000001")])
    with box, world:
        world.sh(WORLD, timeout=PATIENCE).check()
        names = world.start_command(python("names"))
        box.sh(BOX, timeout=PATIENCE).check()
        wait_in(world, f"grep -q ready {names.base}.out")
        yield box, world


def wait_in(vm: Vm, true: str) -> None:
    """Whoever asks from outside again and again takes the machine's time."""
    vm.run(f"until {true}; do sleep 0.5; done", timeout=PATIENCE).check()


def ended(box: Vm, process: VmProcess) -> list[Json]:
    """All that a comparison says, once it has caught up."""
    box.run(f"kill -INT $(cat {process.base}.pid)").check()
    wait_in(box, f"[ -s {process.base}.rc ]")
    done = process.stop()
    assert done.err == ""
    return [json.loads(line) for line in done.out.splitlines()]


def test_mixed_traffic_fares_on_debians_kernel_as_in_the_copy(wired: tuple[Vm, Vm]) -> None:
    box, world = wired
    comparison = box.start_command(python("compare", "--json"))
    wait_in(box, f"grep -q begin {comparison.base}.out")
    outside = world.start_command(FROM_OUTSIDE)
    assert box.run(TRAFFIC, timeout=SECONDS + PATIENCE).text == ""
    assert outside.stop().out == ""
    told = ended(box, comparison)
    summary = told[-1]
    assert [shown(told, row["cause"]) for row in summary["causes"]] == []
    assert (summary["differ"], summary["lost"]) == (0, 0)
    assert summary["same"] > 30 * SECONDS
    assert sum(summary["not_compared"].values()) <= 0.01 * summary["compared"], summary["not_compared"]
    assert "pystack" not in box.run("nft list ruleset").out
