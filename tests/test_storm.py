"""Random and mutated frames through bridge, ARP and IPv4: no exception, nothing lost, nothing grows."""

import gc
import sys
from collections.abc import Callable

import pytest

from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.backlog import NETDEV_MAX_BACKLOG
from pystack.l2.bridge import Bridge
from pystack.l2.kinds import PeerSpec
from pystack.l2.neigh_table import GcThresholds
from pystack.l3.addresses import Address
from tests.storm import Storm

FRAMES = 1_000_000
BURST = 50
# So small that the first tenth of the storm fills both tables.
FDB_LIMIT = 500
NEIGHBOUR_LIMITS = GcThresholds(gc_thresh1=16, gc_thresh2=32, gc_thresh3=64)
# Pieces of memory by which what is held may swing: neighbours, their timers and packets, fragments.
SWING = 1500
# What is known of a host that was told of an error: an object and its numbers. There may be 65,664 of them.
PEER = 4
HOST_ADDRESS, OTHER_ADDRESS = 0x0A000001, 0x0A000002


class Target:
    """A host with a bridge, three ports, an address, and a cable into a namespace that answers too."""

    def __init__(self) -> None:
        self.host = Host(seed=1)
        here, there = self.host.init, self.host.add_netns("b")
        bridge = kinds.create(here.devices, "bridge", "br0", options={"fdb_max_learned": FDB_LIMIT})
        assert isinstance(bridge, Bridge)
        self.bridge = bridge
        self.ports = [here.add_port(f"t{number}") for number in (1, 2, 3)]
        veth = kinds.create(here.devices, "veth", "v0", peer=PeerSpec("v1", devices=there.devices))
        for dev in (*self.ports, veth):
            here.devices.set_master(dev, bridge)
        for netns, dev, address in (
            (here, bridge, HOST_ADDRESS),
            (there, there.devices["v1"], OTHER_ADDRESS),
        ):
            netns.ipv4.addresses.add(Address(dev, address, 24, broadcast=0x0A0000FF))
            netns.ipv4.neighbours.thresholds = NEIGHBOUR_LIMITS
            for link in netns.devices:
                netns.devices.set_up(link)
        own = [bridge.address, there.devices["v1"].address]
        self.storm = Storm(7, own, [HOST_ADDRESS, OTHER_ADDRESS])

    def burst(self) -> None:
        """What a pump does at one wake-up."""
        host, storm = self.host, self.storm
        for number in range(BURST):
            host.init.receive(self.ports[number % 3], storm.frame(), storm.offload())
            host.run_backlog()
        host.clock.set(host.clock.now + 0.1)  # so that what waits to be reassembled times out
        host.run_timers()
        assert host.outcomes.outstanding() == host.queued()
        assert len(host.backlog) <= NETDEV_MAX_BACKLOG
        for port in self.ports:
            assert len(port.tx) <= port.tx_queue_len
            port.tx.clear()

    def assert_bounded(self) -> None:
        assert self.bridge.fdb.n_learned <= FDB_LIMIT
        for netns in self.host.namespaces.values():
            assert len(netns.ipv4.neighbours) <= NEIGHBOUR_LIMITS.gc_thresh3

    def blocks(self) -> int:
        """How many pieces of memory Python holds, but for what is known of other hosts."""
        gc.collect()
        for netns in self.host.namespaces.values():
            kept = netns.ipv4.router.route_input.__self__._kept  # type: ignore[attr-defined]
            kept.clear()  # a cache, which has its bound
        known = sum(len(netns.ipv4.peers) for netns in self.host.namespaces.values())
        return sys.getallocatedblocks() - PEER * known


@pytest.mark.slow
def test_a_storm_breaks_nothing_and_leaves_nothing_behind(scaled: Callable[[int], int]) -> None:
    target = Target()
    tenth = scaled(FRAMES) // BURST // 10
    held = []
    for _ in range(10):
        for _ in range(tenth):
            target.burst()
        target.assert_bounded()
        held.append(target.blocks())
    outcomes = target.host.outcomes
    assert outcomes.received == 10 * tenth * BURST
    assert outcomes.transmitted > tenth
    assert target.bridge.fdb.n_learned > FDB_LIMIT * 0.9  # some age
    assert max(held[5:]) < max(held[:5]) + SWING, held


def test_a_storm_gets_through_to_those_it_is_aimed_at() -> None:
    """Else the test above would prove nothing."""
    target = Target()
    for _ in range(100):
        target.burst()
    drops = {reason.name for reason in target.host.outcomes.dropped}
    assert {
        "HDR_TRUNC",
        "MAC_INVALID_SOURCE",
        "UNHANDLED_PROTO",
        "BR_RESERVED",
        "IP_CSUM",
        "IP_INHDR",
    } <= drops
    for netns in target.host.namespaces.values():
        assert netns.snmp.Icmp.OutEchoReps > 0
        assert len(netns.ipv4.neighbours) > 0
