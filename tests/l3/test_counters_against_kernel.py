"""The same frames into a kernel namespace and into pystack: both must have counted the same."""

from __future__ import annotations

import random
import time

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from tests.l3.test_against_kernel import PORTS, SETUP, pystack_side, random_fragments, random_frame

pytestmark = pytest.mark.root


def numbers(text: str) -> dict[str, int]:
    """`Ip.InReceives` and so on, from the text of /proc/net/snmp."""
    lines = text.splitlines()
    found = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        title, *words = names.split()
        found |= {
            f"{title[:-1]}.{word}": int(value) for word, value in zip(words, values.split()[1:], strict=True)
        }
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_random_frames_are_counted_alike(seed: int) -> None:
    rnd = random.Random(seed)
    frames = [(rnd.choice(list(PORTS)), random_frame(rnd)) for _ in range(1500)]
    for ident in range(1, 60):
        frames += [("tap1", piece) for piece in random_fragments(rnd, ident)]
    host, netns, ports = pystack_side()
    read = "cat /proc/net/snmp /proc/net/netstat"
    with KernelNetns(PORTS) as kernel:
        kernel.sh(SETUP).check()
        time.sleep(1.2)  # the kernel reports its group memberships for a second after link-up
        kernel.drain()
        before = numbers(kernel.sh(read).check().out)
        began = time.monotonic()
        for name, frame in frames:
            host.clock.set(time.monotonic() - began + 1)
            host.run_timers()
            netns.receive(ports[name], frame)
            host.run_backlog()
            for port in ports.values():
                port.tx.clear()
            kernel.send(name, frame)
            kernel.drain()
        after = numbers(kernel.sh(read).check().out)
    ours = numbers(netns.snmp.snmp_text() + netns.snmp.netstat_text())
    gauges = {"Ip.Forwarding", "Ip.DefaultTTL"}
    theirs = {
        name: after[name] - before.get(name, 0) * (name not in gauges) for name in ours if name in after
    }
    assert {name: ours[name] for name in theirs} == theirs
    assert ours["Icmp.InEchos"] > 100
