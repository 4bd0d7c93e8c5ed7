"""The way out of a device."""

from pystack.device import NetDevice
from pystack.l2.devices import Link
from pystack.l2.egress import XMIT_RECURSION_LIMIT
from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import NETDEV_EGRESS, NFPROTO_NETDEV, HookPoint
from pystack.netfilter.verdict import NF_DROP
from pystack.packet import Packet
from tests.box import Box
from tests.frames import OUR_MAC, echo_frame


class Stacked(Link):
    """A device that sends by another, as a VLAN device does; given itself, for ever."""

    def __init__(self, name: str) -> None:
        super().__init__(name, OUR_MAC)
        self.lower: NetDevice = self
        self.sent = 0

    def transmit(self, pkt: Packet) -> None:
        self.sent += 1
        pkt.dev = self.lower
        self.net.egress.dev_queue_xmit(pkt)


class Exit(Box):
    def __init__(self) -> None:
        super().__init__()
        self.dev = self.port("eth0", OUR_MAC)

    def transmit(self, dev: Link) -> None:
        self.host.outcomes.generated += 1
        self.ns.link.egress.dev_queue_xmit(Packet(bytearray(echo_frame()), dev))


def test_a_frame_leaves_as_it_is() -> None:
    box = Exit()
    box.transmit(box.dev)
    assert box.sent(box.dev) == [echo_frame()]
    assert (box.dev.stats.tx_packets, box.dev.stats.tx_bytes) == (1, len(echo_frame()))
    box.assert_every_packet_is_accounted_for()


def test_headroom_does_not_leave() -> None:
    box = Exit()
    pkt = Packet(bytearray(6) + echo_frame(), box.dev)
    pkt.mac_header = 6
    box.ns.link.egress.dev_queue_xmit(pkt)
    assert box.sent(box.dev) == [echo_frame()]


def test_a_device_that_is_down_sends_nothing() -> None:
    box = Exit()
    box.ns.devices.set_down(box.dev)
    box.transmit(box.dev)
    assert box.drops() == {"QDISC_DROP": 1}
    box.assert_every_packet_is_accounted_for()


def test_a_device_without_carrier_queues_nothing() -> None:
    box = Exit()
    box.ns.devices.set_carrier(box.dev, False)
    box.transmit(box.dev)
    assert box.drops() == {"QDISC_DROP": 1}
    box.assert_every_packet_is_accounted_for()


def test_a_full_queue_drops_and_counts() -> None:
    box = Exit()
    box.dev.tx_queue_len = 3
    for _ in range(5):
        box.transmit(box.dev)
    assert len(box.sent(box.dev)) == 3
    assert box.drops() == {"FULL_RING": 2}
    assert (box.dev.stats.tx_packets, box.dev.stats.tx_dropped) == (3, 2)
    box.assert_every_packet_is_accounted_for()


def test_the_driver_is_woken_once_for_a_burst() -> None:
    box = Exit()
    woken: list[int] = []
    box.dev.wake = lambda: woken.append(len(box.dev.tx))
    for _ in range(3):
        box.transmit(box.dev)
    assert woken == [0]
    box.sent(box.dev)
    box.transmit(box.dev)
    assert woken == [0, 0]


def test_what_waits_for_a_driver_is_void_once_the_device_is_down() -> None:
    box = Exit()
    box.transmit(box.dev)
    box.ns.devices.set_down(box.dev)
    assert box.sent(box.dev) == []
    box.assert_every_packet_is_accounted_for()


def test_taps_see_what_leaves_but_not_what_the_hook_dropped() -> None:
    box = Exit()
    seen: list[bool] = []
    box.dev.add_tap(lambda pkt, outgoing: seen.append(outgoing))
    box.transmit(box.dev)
    assert seen == [True]
    point = HookPoint(NFPROTO_NETDEV, NETDEV_EGRESS, box.ns.drop, box.host.outcomes)
    box.ns.hooks.netdev["eth0"] = (point, point)
    entry = point.register(lambda pkt, state: NF_DROP, 0, "no")
    box.transmit(box.dev)
    assert seen == [True]
    assert box.drops() == {"NETFILTER_DROP": 1}
    point.unregister(entry)
    box.transmit(box.dev)
    assert seen == [True, True]


def test_devices_stacked_without_end_are_cut_off_as_the_kernel_cuts_them() -> None:
    """Nine deep: it looks whether more than XMIT_RECURSION_LIMIT are open. Linux: dev_xmit_recursion()"""
    box = Exit()
    loop = Stacked("loop0")
    box.ns.devices.register(loop)
    box.ns.devices.set_up(loop)
    box.transmit(loop)
    assert loop.sent == XMIT_RECURSION_LIMIT + 1
    assert box.drops() == {"RECURSION_LIMIT": 1}
    box.assert_every_packet_is_accounted_for()
    box.transmit(loop)
    assert loop.sent == 2 * (XMIT_RECURSION_LIMIT + 1)


def test_a_device_stacked_on_a_port_sends_by_it() -> None:
    box = Exit()
    upper = Stacked("up0")
    box.ns.devices.register(upper)
    box.ns.devices.set_up(upper)
    upper.lower = box.dev
    assert isinstance(box.dev, PortDevice)
    box.transmit(upper)
    assert box.sent(box.dev) == [echo_frame()]
    box.assert_every_packet_is_accounted_for()
