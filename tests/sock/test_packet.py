"""Packet sockets: what tcpdump and arping open."""

import pytest

from pystack.errors import EINVAL, EMSGSIZE, ENETDOWN, ENODEV, NetError
from pystack.l2.kinds import create
from pystack.l2.port import PortDevice
from pystack.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_OTHERHOST, PACKET_OUTGOING
from pystack.sock.packet import PacketSocket
from pystack.wire.ethernet import ETH_P_ALL, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6
from pystack.wire.virtio import NEEDS_CSUM, Offload
from tests.box import Box
from tests.frames import (
    ALICE_MAC,
    BOB_MAC,
    OUR_MAC,
    OUR_MAC2,
    arp_request,
    echo_frame,
    ethernet,
    ip,
)


class Host(Box):
    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")

    def refusal(self, dev: PortDevice, frame: bytes) -> int:
        with pytest.raises(NetError) as error:
            self.ns.packets.open().send(dev, frame)
        return error.value.number


def test_a_socket_sees_what_comes_and_what_goes_with_time_and_device() -> None:
    box = Host()
    box.host.clock.wall = 1234.5
    sock = box.ns.packets.open(box.eth0)
    box.send(box.eth0, arp_request())
    came, went = sock.recv(), sock.recv()
    assert came is not None
    assert went is not None
    assert (bytes(came.frame), came.pkt_type, came.protocol) == (arp_request(), PACKET_BROADCAST, ETH_P_ARP)
    assert (came.dev, came.stamp) == (box.eth0, 1234.5)
    assert (bytes(went.frame)[:12], went.pkt_type) == (ALICE_MAC + OUR_MAC, PACKET_OUTGOING)
    assert sock.recv() is None
    assert sock.received == 2


@pytest.mark.parametrize(
    ("protocol", "seen"), [(ETH_P_ALL, 2), (ETH_P_ARP, 1), (ETH_P_IP, 0)], ids=["all", "arp", "ip"]
)
def test_a_socket_for_one_protocol_sees_that_and_nothing_that_leaves(protocol: int, seen: int) -> None:
    box = Host()
    sock = box.ns.packets.open(box.eth0, protocol)
    box.send(box.eth0, arp_request())
    assert sock.received == seen


def test_a_socket_of_all_devices_sees_them_all() -> None:
    box = Host()
    sock = box.ns.packets.open()
    box.send(box.eth0, echo_frame(to=BOB_MAC))
    box.send(box.eth1, echo_frame(to=OUR_MAC2, src=0x0A000109, dst=0x7F000001))
    box.ns.raw.open(99).send_to(b"", 0x7F000001)
    box.settle()
    names, kinds = [], []
    while (seen := sock.recv()) is not None:
        names.append(seen.dev.name)
        kinds.append(seen.pkt_type)
    assert names[:2] == ["eth0", "eth1"]
    assert kinds[:2] == [PACKET_OTHERHOST, PACKET_HOST]
    assert set(names[2:]) == {"lo"}


def test_what_is_dropped_later_was_seen() -> None:
    box = Host()
    sock = box.ns.packets.open(box.eth0)
    box.send(box.eth0, ethernet(bytes(40), ETH_P_IPV6))
    assert box.drops() == {"IPV6DISABLED": 1}
    assert sock.recv() is not None


def test_what_was_seen_does_not_change_with_the_packet() -> None:
    box = Host()
    box.forward()
    sock = box.ns.packets.open(box.eth0)
    frame = bytearray(echo_frame(dst=0x0A000102))
    kept = bytes(frame)
    box.send(box.eth0, frame)
    frame[:] = bytes(len(frame))
    seen = sock.recv()
    assert seen is not None
    assert bytes(seen.frame) == kept


def test_what_is_still_owed_on_a_frame_is_seen_with_it() -> None:
    box = Host()
    sock = box.ns.packets.open(box.eth0)
    offload = Offload(NEEDS_CSUM, csum_start=34, csum_offset=2)
    box.send(box.eth0, echo_frame(), offload)
    seen = sock.recv()
    assert seen is not None
    assert seen.offload is offload


def test_a_filter_decides_before_anything_is_kept() -> None:
    box = Host()
    sock = box.ns.packets.open(box.eth0)
    sock.wants = lambda pkt, outgoing: outgoing
    box.send(box.eth0, arp_request())
    assert sock.received == 1
    seen = sock.recv()
    assert seen is not None
    assert seen.pkt_type == PACKET_OUTGOING


def test_a_full_queue_drops_and_counts() -> None:
    box = Host()
    sock = box.ns.packets.open(box.eth0)
    sock.limit = 3
    for _ in range(5):
        box.send(box.eth0, echo_frame(to=BOB_MAC))
    assert (sock.received, sock.dropped) == (5, 2)
    for _ in range(3):
        assert sock.recv() is not None
    assert sock.recv() is None


def test_whoever_waits_is_woken() -> None:
    box = Host()
    sock = box.ns.packets.open(box.eth0)
    woken: list[str] = []
    sock.on_event = lambda: woken.append("!")
    box.send(box.eth0, echo_frame(to=BOB_MAC))
    assert woken == ["!"]


def test_a_closed_socket_sees_nothing_and_costs_nothing() -> None:
    box = Host()
    sock = box.ns.packets.open()
    sock.close()
    sock.close()
    box.send(box.eth0, arp_request())
    assert sock.received == 0
    assert box.eth0.taps == ()


# -- sending -------------------------------------------------------------------------------------------------


def test_a_frame_leaves_as_it_is_and_other_sockets_see_it() -> None:
    box = Host()
    watcher = box.ns.packets.open(box.eth0)
    frame = ethernet(b"hello" + bytes(41), 0x88B5, to=BOB_MAC, sender=ALICE_MAC)
    box.ns.packets.open().send(box.eth0, frame)
    assert box.sent(box.eth0) == [frame]
    seen = watcher.recv()
    assert seen is not None
    assert seen.pkt_type == PACKET_OUTGOING
    box.assert_every_packet_is_accounted_for()


def test_a_frame_with_a_tag_may_be_longer_by_it() -> None:
    box = Host()
    longest = ethernet(bytes(1500), 0x88B5)
    box.ns.packets.open().send(box.eth0, longest)
    assert box.sent(box.eth0) == [longest]


@pytest.mark.parametrize(("length", "errno"), [(0, EINVAL), (13, EINVAL), (1515, EMSGSIZE)])
def test_a_frame_of_an_impossible_length_is_refused(length: int, errno: int) -> None:
    box = Host()
    assert box.refusal(box.eth0, bytes(length)) == errno
    box.assert_every_packet_is_accounted_for()


def test_a_device_must_be_there_and_up() -> None:
    box = Host()
    box.ns.devices.set_down(box.eth0)
    assert box.refusal(box.eth0, echo_frame()) == ENETDOWN
    box.ns.devices.unregister(box.eth0)
    assert box.refusal(box.eth0, echo_frame()) == ENODEV


def test_a_socket_for_one_protocol_sees_nothing_that_a_bridge_takes_from_its_port() -> None:
    box = Host()
    bridge = create(box.ns.devices, "bridge", "br0")
    box.ns.devices.set_up(bridge)
    box.ns.devices.set_master(box.eth0, bridge)
    everything = box.ns.packets.open(box.eth0)
    at_port, at_bridge = box.ns.packets.open(box.eth0, ETH_P_ARP), box.ns.packets.open(bridge, ETH_P_ARP)
    box.send(box.eth0, arp_request())
    came = everything.recv()
    assert came is not None
    assert bytes(came.frame) == arp_request()
    assert (at_port.received, at_bridge.received) == (0, 1)


def seen(sock: PacketSocket) -> int:
    """How many frames came since that was asked the last time."""
    return sum(1 for _ in iter(sock.recv, None))


def test_a_bound_socket_sees_nothing_of_what_a_device_sends_while_it_comes_up() -> None:
    box = Host()
    box.sysctl("net.ipv4.conf.eth0.arp_notify", "1")
    bound, anywhere = box.ns.packets.open(box.eth0), box.ns.packets.open()
    box.ns.devices.set_down(box.eth0)
    box.ns.devices.set_up(box.eth0)
    assert (seen(bound), seen(anywhere)) == (0, 1)
    box.send(box.eth0, arp_request())
    assert (seen(bound), seen(anywhere)) == (2, 2)


def test_a_socket_that_is_bound_to_a_device_that_is_down_sees_it_once_it_is_up() -> None:
    box = Host()
    box.ns.devices.set_down(box.eth0)
    sock = box.ns.packets.open(box.eth0)
    box.ns.devices.set_up(box.eth0)
    box.send(box.eth0, arp_request())
    assert seen(sock) == 2


def test_a_socket_for_all_devices_sees_those_that_come_later() -> None:
    box = Host()
    sock = box.ns.packets.open()
    later = box.port("eth2", b"\x02\0\0\0\0\x77", "10.0.2.1/24")
    box.send(later, arp_request(ip("10.0.2.1")))
    assert seen(sock) == 2
    box.ns.devices.unregister(later)
    sock.close()
    assert not later.taps


def test_a_socket_that_was_closed_comes_back_with_no_device() -> None:
    box = Host()
    box.ns.packets.open(box.eth0).close()
    box.ns.devices.set_down(box.eth0)
    box.ns.devices.set_up(box.eth0)
    assert not box.eth0.taps
