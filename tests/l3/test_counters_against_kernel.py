"""The same frames into a kernel namespace and into pystack: both must have counted the same."""

from __future__ import annotations

import random
import time

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.l2.port import PortDevice
from pystack.l3.fib_types import RT_TABLE_MAIN, RTN_UNICAST, FibInfo, FibRoute, Nexthop
from pystack.netns import Netns
from tests.l3.test_against_kernel import PORTS, SETUP, pystack_side, random_fragments, random_frame

pytestmark = pytest.mark.root

READ = "cat /proc/net/snmp /proc/net/netstat"
GAUGES = {
    "Ip.Forwarding",
    "Ip.DefaultTTL",
    "Tcp.RtoAlgorithm",
    "Tcp.RtoMin",
    "Tcp.RtoMax",
    "Tcp.MaxConn",
}
# With a way to everywhere: how often a router may say that there is none is a matter of seconds.
ROUTER = """
sysctl -qw net.ipv4.ip_forward=1
ip route add default via 10.1.0.7
"""
GATEWAY = 0x0A010007


def numbers(text: str) -> dict[str, int]:
    """`Ip.InReceives` and so on, from the text of /proc/net/snmp."""
    lines = text.splitlines()
    found: dict[str, int] = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        title, *words = names.split()
        found |= {
            f"{title[:-1]}.{word}": int(value) for word, value in zip(words, values.split()[1:], strict=True)
        }
    return found


def frames_of(seed: int) -> list[tuple[str, bytes]]:
    rnd = random.Random(seed)
    frames = [(rnd.choice(list(PORTS)), random_frame(rnd)) for _ in range(1500)]
    for ident in range(1, 60):
        frames += [("tap1", piece) for piece in random_fragments(rnd, ident)]
    return frames


def forward(netns: Netns, way_out: PortDevice) -> None:
    """What ROUTER does on the other side."""
    knob = netns.sysctls.find("net.ipv4.ip_forward")
    assert knob is not None
    knob.write("1")
    info = FibInfo(RTN_UNICAST, (Nexthop(way_out, GATEWAY),))
    netns.ipv4.fib.add(FibRoute(RT_TABLE_MAIN, 0, 0, info))


@pytest.mark.parametrize("router", [False, True], ids=["host", "router"])
@pytest.mark.parametrize("seed", [1, 2])
def test_random_frames_are_counted_alike(seed: int, router: bool) -> None:
    host, netns, ports = pystack_side()
    if router:
        forward(netns, ports["tap3"])
    with KernelNetns(PORTS) as kernel:
        kernel.sh(SETUP + (ROUTER if router else "")).check()
        time.sleep(1.2)  # the kernel reports its group memberships for a second after link-up
        kernel.drain()
        before = numbers(kernel.sh(READ).check().out)
        began = time.monotonic()
        for name, frame in frames_of(seed):
            host.clock.set(time.monotonic() - began + 1)
            host.run_timers()
            netns.receive(ports[name], frame)
            host.run_backlog()
            for port in ports.values():
                port.tx.clear()
            kernel.send(name, frame)
            kernel.drain()
        after = numbers(kernel.sh(READ).check().out)
    ours = numbers(netns.snmp.snmp_text() + netns.snmp.netstat_text())
    theirs = {
        name: after[name] - before.get(name, 0) * (name not in GAUGES) for name in ours if name in after
    }
    assert {name: ours[name] for name in theirs} == theirs
    assert ours["Icmp.InEchos"] > 40
    assert bool(ours["Ip.ForwDatagrams"]) is router
