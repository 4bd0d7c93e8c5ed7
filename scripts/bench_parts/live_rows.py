"""A live namespace: how soon it is taken over, and how many of its packets are compared in a second.

The namespace that is taken over is a router's with many routes and connections, which are made up. The
yardstick is to have its own tools list both, and not to look at what they say.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Final

from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import read
from pystack.host import Host
from scripts.bench_parts import processes
from scripts.bench_parts.contestant import FAR
from scripts.bench_parts.lab import NETNS_FOLDER, BenchError, Lab, wait_until
from scripts.bench_parts.nat_rows import KernelRouter

TOOLS: Final = "ip and conntrack"
NETNS: Final = "many"
ROUTES: Final = 10_000
CONNECTIONS: Final = 20_000
LISTINGS: Final = ("ip -4 -N route show table all", "conntrack -L")
_COMPARED: Final = re.compile(r"^(\d+) packets compared: (\d+) same", re.MULTILINE)


def populate(lab: Lab) -> None:
    """The namespace, if it is not there."""
    if Path(NETNS_FOLDER, NETNS).exists():
        return
    lab.add_netns(NETNS)
    for line in ("link add v0 type veth peer name v1", "link set v0 up", "addr add 10.0.0.1/24 dev v0"):
        lab.run(["ip", "-n", NETNS, *line.split()])
    lab.run(["iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "NEW"], netns=NETNS)  # tracks
    routes, connections = lab.folder / "routes", lab.folder / "connections"
    routes.write_text("".join(map(_route, range(ROUTES))))
    connections.write_text("".join(map(_connection, range(CONNECTIONS))))
    lab.run(["ip", "-n", NETNS, "-batch", str(routes)])
    lab.run(["conntrack", "-R", str(connections)], netns=NETNS)


def _route(number: int) -> str:
    return f"route add 20.{number >> 8}.{number & 255}.0/24 via 10.0.0.2 dev v0\n"


def _connection(number: int) -> str:
    tuple_ = f"-s 10.{number >> 16}.{number >> 8 & 255}.{number & 255} -d 10.200.0.1 --sport 1024 --dport 80"
    return f"-I -p tcp {tuple_} -t 3000 --state ESTABLISHED -u ASSURED,SEEN_REPLY\n"


def take_over(lab: Lab) -> float:
    """Seconds of the processor until a host of ours is like it."""
    populate(lab)
    begun = processes.own_cpu_seconds()
    building = build(read(NETNS), Host(seed=1))
    taken = processes.own_cpu_seconds() - begun
    _check_whole(building)
    return taken


def _check_whole(building: Building) -> None:
    connections = sum(1 for _ in building.netns.conntrack.context.table)
    lacking = [sentence for sentence in building.left_out if sentence.startswith("route")]
    if connections < CONNECTIONS or lacking:
        raise BenchError(f"{connections} connections were taken over; left out: {lacking}")


def listed(lab: Lab) -> float:
    """The same until the tools have said it."""
    populate(lab)
    begun = processes.own_cpu_seconds()
    for line in LISTINGS:
        lab.run(line.split(), netns=NETNS)
    return processes.own_cpu_seconds() - begun


def compared(router: KernelRouter, packets: int) -> float:
    """Packets a second, from the first of so many until the last is compared: all must be."""
    argv = [sys.executable, "-m", "pystack", "compare", "live", router.middle, "--filter", "icmp"]
    comparison = router.lab.spawn([*argv, "-c", str(packets)])
    try:
        wait_until(lambda: "begun:" in comparison.said, "compare live", comparison)
        begun = time.perf_counter()
        router.lab.run(["ping", "-f", "-q", "-c", str(packets // 2), FAR], netns=router.near)
        wait_until(lambda: _COMPARED.search(comparison.said) is not None, "compare live")
        taken = time.perf_counter() - begun
    finally:
        router.lab.end(comparison)
    told = _COMPARED.search(comparison.said)
    if told is None or int(told[2]) < packets:
        raise BenchError(f"of {packets} packets not all are compared and the same: {comparison.said[-200:]}")
    return packets / taken
