"""One packet, one outcome: whatever happens to a host, the ledger says where every packet is."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.errors import NetError
from pystack.host import Host
from pystack.l2 import bridge_options, kinds
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_options import PORT_FLAGS
from pystack.l2.kinds import PeerSpec
from pystack.l2.port import PortDevice
from pystack.l3.addresses import Address
from pystack.netns import Netns
from tests.storm import Storm

ADDRESSES = (0x0A000001, 0x0A000002, 0x0A000101)


class World:
    """Two namespaces, each with a bridge, ports and a dummy, joined by two cables."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.host = Host(seed=seed)
        self.spaces = [self.host.init, self.host.add_netns("b")]
        self.ports: list[tuple[Netns, PortDevice]] = []
        for netns in self.spaces:
            self._furnish(netns)
        for name in ("v", "w"):
            peer = PeerSpec(f"{name}1", devices=self.spaces[1].devices)
            kinds.create(self.spaces[0].devices, "veth", f"{name}0", peer=peer)
        for netns in self.spaces:
            bridge = netns.devices["br0"]
            for dev in netns.devices:
                if dev.kind in ("veth", "tun", "dummy"):
                    netns.devices.set_master(dev, bridge)
                netns.devices.set_up(dev)
        own = [dev.address for netns in self.spaces for dev in netns.devices]
        self.storm = Storm(seed, own, list(ADDRESSES))

    def _furnish(self, netns: Netns) -> None:
        bridge = kinds.create(netns.devices, "bridge", "br0")
        kinds.create(netns.devices, "dummy", "d0")
        for number in (1, 2):
            self.ports.append((netns, netns.add_port(f"t{number}")))
        number = self.spaces.index(netns)
        netns.ipv4.addresses.add(Address(bridge, ADDRESSES[number], 24, broadcast=0x0A0000FF))
        netns.ipv4.addresses.add(Address(netns.devices["d0"], ADDRESSES[2], 24))

    def act(self) -> None:
        chance = self.chance.random()
        if chance < 0.6:
            self.receive()
        elif chance < 0.8:
            self.host.run_backlog(self.chance.choice((1, 10, 300)))
        elif chance < 0.9:
            self.wait()
        else:
            self.meddle()

    def receive(self) -> None:
        netns, port = self.chance.choice(self.ports)
        netns.receive(port, self.storm.frame(), self.storm.offload())

    def wait(self) -> None:
        self.host.clock.set(self.host.clock.now + self.chance.choice((0.001, 1.0, 30.0, 400.0)))
        self.host.run_timers()

    def meddle(self) -> None:
        """What an administrator may do at any moment; refusals are part of it."""
        netns = self.chance.choice(self.spaces)
        dev = self.chance.choice(list(netns.devices))
        bridge = netns.devices["br0"]
        actions = (
            lambda: netns.devices.set_down(dev),
            lambda: netns.devices.set_up(dev),
            lambda: netns.devices.set_up(dev),
            lambda: netns.devices.set_master(dev, None),
            lambda: netns.devices.set_master(dev, bridge),
            lambda: netns.devices.set_mtu(dev, self.chance.choice((68, 576, 1500, 9000))),
            lambda: netns.devices.set_promiscuity(bridge, 1),
            lambda: self._flip(bridge),
        )
        try:
            self.chance.choice(actions)()
        except NetError:
            pass

    def _flip(self, bridge: object) -> None:
        assert isinstance(bridge, Bridge)
        for port in bridge.ports:
            bridge_options.set_port_options(
                bridge, port, {self.chance.choice(PORT_FLAGS): self.chance.randrange(2)}
            )

    def assert_conserved(self) -> None:
        assert self.host.outcomes.outstanding() == self.host.queued()


@given(st.integers(0, 1 << 32))
def test_every_packet_has_one_outcome(seed: int) -> None:
    world = World(seed)
    world.assert_conserved()
    for _ in range(100):
        world.act()
        world.assert_conserved()
    assert world.host.outcomes.received > 0


@pytest.mark.parametrize("seed", range(10))
def test_every_packet_has_one_outcome_when_a_namespace_goes(seed: int) -> None:
    world = World(seed)
    for _ in range(100):
        world.receive()
    world.host.del_netns("b")
    world.assert_conserved()
    world.host.run_backlog()
    world.assert_conserved()


def test_the_ledger_would_notice_a_lost_packet() -> None:
    world = World(1)
    world.receive()
    world.host.outcomes.received += 1
    assert world.host.outcomes.outstanding() != world.host.queued()
