"""Routing tables in this process: looking up, adding, reading a batch, printing, memory.

The tables are made up: prefixes of the lengths that the Internet's table has, behind one gateway. The
yardstick is one probe of a dictionary, which is the least that a look-up can be.
"""

from __future__ import annotations

import sys
import time
from functools import lru_cache
from typing import Final

from pystack.applets import virtual
from pystack.applets.virtual import Outside
from pystack.host import Host
from pystack.l3.fib import Fib
from pystack.l3.fib_types import RT_TABLE_MAIN, RTN_UNICAST, FibInfo, FibRoute, Flow, Nexthop
from pystack.rng import Rng
from pystack.wire.ipv4 import address_text, netmask, parse_address
from scripts.bench_parts import processes
from scripts.bench_parts.lab import BenchError
from scripts.bench_parts.results import Reading

DICT_PROBE: Final = "dict probe"
QUESTIONS: Final = 20_000
A_FRAME: Final = 25  # so many routes for each frame that other rows send: 500,000 in a whole run
GATEWAY: Final = "10.0.0.2"
SETUP: Final = (
    "ip link set lo up; ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; "
    "ip addr add 10.0.0.1/24 dev v0"
)
# Of a thousand prefixes so many have each length.
LENGTHS: Final = {24: 580, 23: 100, 22: 110, 21: 50, 20: 45, 19: 30, 18: 15, 17: 8, 16: 50, 12: 8, 8: 4}

Prefix = tuple[int, int]


@lru_cache(maxsize=1)
def prefixes(count: int) -> list[Prefix]:
    """The same ones each time."""
    rng = Rng(1)
    lengths = [length for length, weight in LENGTHS.items() for _ in range(weight)]
    found: dict[Prefix, None] = {}
    while len(found) < count:
        length = lengths[rng.below(len(lengths))]
        found[rng.u32() & netmask(length), length] = None
    return list(found)


def routed_host() -> Host:
    """One cable, and an address on it."""
    host = Host()
    ended = virtual.run(["sh", "-c", SETUP], host)
    if ended.rc:
        raise BenchError(ended.text)
    return host


def fill(host: Host, wanted: list[Prefix]) -> Fib:
    """Add routes as `ip route add` would, by the API below it."""
    fib, dev = host.init.ipv4.fib, host.init.devices["v0"]
    gateway = parse_address(GATEWAY)
    assert gateway is not None
    for prefix, length in wanted:
        info = FibInfo(RTN_UNICAST, (Nexthop(dev, gateway),))
        fib.add(FibRoute(RT_TABLE_MAIN, prefix, length, info))
    return fib


@lru_cache(maxsize=1)
def filled(count: int) -> Fib:
    """A table that look-ups leave as it is."""
    return fill(routed_host(), prefixes(count))


def look_up(count: int) -> Reading:
    """Microseconds a look-up, local table and all, of addresses that have a route."""
    flows = [Flow(prefix | 1) for prefix, _ in prefixes(count)[:QUESTIONS]]
    lookup = filled(count).lookup
    begun = time.process_time()
    for flow in flows:
        lookup(flow)
    return Reading((time.process_time() - begun) / len(flows) * 1e6)


def dict_probe(count: int) -> Reading:
    """Microseconds a probe of as large a dictionary, as the loop above would do it."""
    table = dict(prefixes(count))
    keys = list(table)[:QUESTIONS]
    probe = table.get
    begun = time.process_time()
    for key in keys:
        probe(key)
    return Reading((time.process_time() - begun) / len(keys) * 1e6)


def add(count: int) -> Reading:
    """Microseconds a route that is added to a table that grows."""
    wanted, host = prefixes(count), routed_host()
    begun = time.process_time()
    fill(host, wanted)
    return Reading((time.process_time() - begun) / count * 1e6)


def batch(count: int) -> Reading:
    """Microseconds a line of `ip -batch`."""
    host = routed_host()
    targets = (f"{address_text(prefix)}/{length}" for prefix, length in prefixes(count))
    text = "".join(f"route add {target} via {GATEWAY}\n" for target in targets).encode()
    begun = time.process_time()
    ended = virtual.run(["ip", "-batch", "routes"], host, outside=Outside(read_file=lambda path: text))
    taken = time.process_time() - begun
    if ended.rc:
        raise BenchError(ended.text)
    return Reading(taken / count * 1e6)


def show(count: int) -> Reading:
    """Seconds that `ip route` takes to print so many."""
    host = routed_host()
    fill(host, prefixes(count))
    begun = time.process_time()
    ended = virtual.run(["ip", "route"], host)
    taken = time.process_time() - begun
    if ended.out.count("\n") != count + 1:
        raise BenchError(f"{ended.out.count(chr(10))} lines for {count} routes")
    return Reading(taken)


def memory(count: int) -> Reading:
    """MB that so many routes take, in a process of their own."""
    return Reading(processes.growth("scripts.bench_parts.route_rows", count) / 1e6)


if __name__ == "__main__":
    made_up, empty = prefixes(int(sys.argv[1])), routed_host()
    before = processes.own_resident()
    for prefix, length in made_up:
        fill(empty, [(prefix ^ 1 ^ 1, length)])  # a number of its own, as who reads a file would have it
    print(processes.own_resident() - before)
