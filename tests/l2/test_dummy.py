"""The device that swallows."""

from pystack.device import IFF_BROADCAST, IFF_MULTICAST, IFF_NOARP
from pystack.host import Host
from pystack.l2 import kinds
from pystack.packet import Packet
from tests.l2.switch import Switch, frame


def test_a_dummy_counts_whole_frames_and_keeps_nothing() -> None:
    host = Host()
    dummy = kinds.create(host.init.devices, "dummy", "d0")
    host.init.devices.set_up(dummy)
    host.outcomes.generated += 1
    host.init.link.egress.dev_queue_xmit(Packet(frame(payload=b"z" * 46), dummy))
    assert (dummy.stats.tx_packets, dummy.stats.tx_bytes) == (1, 60)
    assert host.outcomes.outstanding() == 0


def test_nobody_knows_the_state_of_a_dummy() -> None:
    host = Host()
    dummy = kinds.create(host.init.devices, "dummy", "d0")
    states = [dummy.operstate]
    host.init.devices.set_up(dummy)
    states.append(dummy.operstate)
    assert states == ["DOWN", "UNKNOWN"]


def test_a_dummy_asks_no_neighbours_and_has_any_mtu() -> None:
    host = Host()
    dummy = kinds.create(host.init.devices, "dummy", "d0")
    assert dummy.flags & (IFF_BROADCAST | IFF_NOARP | IFF_MULTICAST) == IFF_BROADCAST | IFF_NOARP
    host.init.devices.set_mtu(dummy, 0)
    host.init.devices.set_mtu(dummy, 100_000)
    assert dummy.mtu == 100_000


def test_a_dummy_may_be_a_bridge_port() -> None:
    switch = Switch(1)
    dummy = kinds.create(switch.devices, "dummy", "d0")
    switch.enslave(dummy)
    switch.send(1, frame())
    assert dummy.stats.tx_packets == 1
    assert switch.conserved()
