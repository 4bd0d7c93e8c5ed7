"""What changes in a namespace while it is compared is no difference, and devices that come are looked at."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from tests.compare.lab.patience import wait_until
from tests.compare.live.box import SETUP
from tests.compare.live.watching import Json, Watching
from tests.daemon.running import clean_environment

pytestmark = pytest.mark.root

PLANTED = (
    ("sysctls", "sysctl -qw net.ipv4.conf.up0.rp_filter=1", "sysctl -qw net.ipv4.conf.up0.rp_filter=0"),
    ("legacy tables", "iptables-legacy -A INPUT -s 172.18.0.77 -j DROP", "iptables-legacy -F INPUT"),
    ("rules", "ip rule add from 172.18.0.77 blackhole", "ip rule del from 172.18.0.77 blackhole"),
)
PING = "ping -q -c 1 -W 1"


@pytest.fixture(scope="module")
def box() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        lab.sh("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.up0.rp_filter=0").check()
        lab.sh("ip -n out addr add 172.18.0.77/32 dev lo").check()
        wait_until(lambda: lab.run("ip -br link").out.count(" UP ") == 4)
        yield lab


def alike(box: KernelNetns, watching: Watching, side: str, address: str, source: str = "") -> None:
    """A ping fares the same on both sides, sooner or later."""

    def seen() -> bool:
        box.run(f"ip netns exec {side} {PING} {f'-I {source}' if source else ''} {address}")
        return any(f"{source} > {address}: " in one["words"] for one in packets(watching, "same"))

    wait_until(seen, 20.0)


def packets(watching: Watching, result: str) -> list[Json]:
    return [one for one in watching.told() if one["type"] == "packet" and one["result"] == result]


def test_devices_come_are_renamed_and_go(box: KernelNetns) -> None:
    with Watching(box, "--filter", "icmp") as watching:
        box.sh(
            "ip netns add cc; ip link add vc type veth peer name eth0 netns cc;"
            "ip link set vc master br-c up; ip -n cc link set eth0 up;"
            "ip -n cc addr add 172.18.0.4/24 dev eth0"
        ).check()
        alike(box, watching, "cc", "172.18.0.1")
        box.sh("ip link set vc name port-c").check()
        wait_until(lambda: 'device "port-c"' in box.run("nft list table netdev pystack_probes").out, 20.0)
        alike(box, watching, "cc", "172.18.0.3")
        box.sh("ip link del port-c").check()
        alike(box, watching, "ca", "172.18.0.1")
        summary = watching.end()[-1]
    assert summary["causes"] == []


def test_what_is_planted_is_followed(box: KernelNetns) -> None:
    with Watching(box, "--filter", "icmp") as watching:
        alike(box, watching, "out", "192.0.2.2", "172.18.0.77")
        box.start("ip netns exec out ping -q -i 0.1 -W 0.2 -I 172.18.0.77 192.0.2.2")
        for kind, *commands in PLANTED:
            for command in commands:
                before = rereadings(watching, kind)
                box.sh(command).check()
                wait_until(lambda: rereadings(watching, kind) > before, 20.0)  # noqa: B023
                seen = len(packets(watching, "same"))
                wait_until(lambda: len(packets(watching, "same")) > seen + 1, 20.0)  # noqa: B023
        alike(box, watching, "out", "192.0.2.2", "172.18.0.77")
        summary = watching.end()[-1]
    assert summary["causes"] == []
    assert sum(summary["not_compared"].values()) > 0


def rereadings(watching: Watching, kind: str) -> int:
    """How many times it was read again because of such a change."""
    return sum(one["type"] == "note" and kind in one["text"] for one in watching.told())


def test_a_namespace_that_is_deleted_ends_it_with_one_line() -> None:
    name = "live-deleted"
    subprocess.run(["ip", "netns", "add", name], check=True)
    argv = [sys.executable, "-m", "pystack", "compare", "live", name]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, env=clean_environment(), text=True) as process:
        assert process.stderr is not None, "it was asked for"
        next(line for line in process.stderr if "begun" in line)
        subprocess.run(["ip", "netns", "del", name], check=True)
        assert process.wait(20) == 4
        assert process.stderr.read() == f"pystack: compare live: namespace {name} was deleted\n"
