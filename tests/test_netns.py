"""Namespaces side by side, joined by cables."""

import pytest

from pystack.errors import EEXIST, EINVAL, NetError
from pystack.l2.kinds import PeerSpec, create
from pystack.l2.veth import Veth
from pystack.netns import Netns
from pystack.wire.icmp import ICMP_ECHOREPLY
from tests.box import Box
from tests.frames import ip


class Joined(Box):
    """Two namespaces and a cable: left 10.5.0.1, right 10.5.0.2."""

    def __init__(self) -> None:
        super().__init__()
        self.left = self.host.add_netns("left")
        self.right = self.host.add_netns("right")
        near = create(self.left.devices, "veth", "v0", peer=PeerSpec("v0", devices=self.right.devices))
        assert isinstance(near, Veth)
        assert near.peer is not None
        self.near, self.far = near, near.peer
        for ns, dev, address in ((self.left, near, "10.5.0.1/24"), (self.right, near.peer, "10.5.0.2/24")):
            ns.devices.set_up(ns.loopback)
            ns.devices.set_up(dev)
            self.address(dev, address, ns=ns)

    def ping(self, ns: Netns, target: str) -> list[bytes]:
        """One echo request by a raw socket, and every echo reply that comes back."""
        sock = ns.raw.open(1)
        sock.send_to(bytes.fromhex("0800f7fd00010001"), ip(target))
        self.settle()
        answers = []
        while (received := sock.recv()) is not None:
            if received.data[20] == ICMP_ECHOREPLY:
                answers.append(received.data)
        sock.close()
        return answers


def test_a_ping_crosses_the_cable_and_comes_back() -> None:
    box = Joined()
    answers = box.ping(box.left, "10.5.0.2")
    assert len(answers) == 1
    assert answers[0][12:20] == bytes([10, 5, 0, 2, 10, 5, 0, 1])
    box.assert_every_packet_is_accounted_for()


def test_both_ends_learnt_each_other() -> None:
    box = Joined()
    box.ping(box.left, "10.5.0.2")
    for ns, dev, peer, address in (
        (box.left, box.near, box.far, "10.5.0.2"),
        (box.right, box.far, box.near, "10.5.0.1"),
    ):
        neigh = ns.ipv4.neighbours.lookup(dev, ip(address))
        assert neigh is not None
        assert neigh.ha == peer.address


def test_a_namespace_pings_its_own_address_by_its_own_loopback() -> None:
    box = Joined()
    assert len(box.ping(box.left, "10.5.0.1")) == 1
    assert len(box.ping(box.left, "127.0.0.1")) == 1
    assert box.left.loopback.stats.tx_packets == 4
    assert box.right.loopback.stats.tx_packets == 0
    assert box.near.stats.tx_packets == 0


def test_namespaces_share_nothing_but_time_and_chance() -> None:
    box = Joined()
    box.sysctl("net.ipv4.ip_forward", "1", ns=box.left)
    assert box.left.ipv4.confs.all.forwarding == 1
    assert box.right.ipv4.confs.all.forwarding == 0
    box.ping(box.left, "10.5.0.2")
    assert box.right.snmp.Icmp.InEchos == 1
    assert box.left.snmp.Icmp.InEchos == 0
    assert "v0" in box.left.devices
    assert "v0" in box.right.devices
    assert box.left.clock is box.right.clock


def test_three_namespaces_in_a_row_route_through_the_middle_one() -> None:
    box = Joined()
    end = box.host.add_netns("end")
    other = create(box.right.devices, "veth", "v1", peer=PeerSpec("v0", devices=end.devices))
    assert isinstance(other, Veth)
    assert other.peer is not None
    for ns, dev, address in ((box.right, other, "10.6.0.1/24"), (end, other.peer, "10.6.0.2/24")):
        ns.devices.set_up(dev)
        box.address(dev, address, ns=ns)
    box.sysctl("net.ipv4.ip_forward", "1", ns=box.right)
    box.ns = box.left
    box.route("0.0.0.0/0", box.near, "10.5.0.2")
    box.ns = end
    box.route("0.0.0.0/0", other.peer, "10.6.0.1")
    answers = box.ping(box.left, "10.6.0.2")
    assert len(answers) == 1
    assert answers[0][8] == 63
    assert box.right.snmp.Ip.ForwDatagrams == 2
    box.assert_every_packet_is_accounted_for()


def test_deleting_one_namespace_takes_the_cable_from_the_other() -> None:
    box = Joined()
    box.ping(box.left, "10.5.0.2")
    box.host.del_netns("right")
    assert "v0" not in box.left.devices
    assert [dev.name for dev in box.left.devices] == ["lo"]
    assert not [route for route in box.left.ipv4.fib.table(254) if route.info.nexthops[0].dev is box.near]
    box.advance(300)
    box.assert_every_packet_is_accounted_for()


def test_a_device_moves_down_and_without_addresses() -> None:
    box = Joined()
    blue = box.host.add_netns("blue")
    box.right.devices.move(box.far, blue.devices)
    assert "v0" not in box.right.devices
    assert blue.devices["v0"] is box.far
    assert not box.far.up
    assert list(blue.ipv4.addresses) == []
    assert blue.ipv4.confs.knows(box.far)
    assert not box.right.ipv4.confs.knows(box.far)
    box.address(box.far, "10.5.0.2/24", ns=blue)
    blue.devices.set_up(blue.loopback)
    blue.devices.set_up(box.far)
    assert len(box.ping(box.left, "10.5.0.2")) == 1
    box.assert_every_packet_is_accounted_for()


def test_a_device_does_not_move_onto_a_name_that_is_taken() -> None:
    box = Joined()
    with pytest.raises(NetError) as refused:
        box.right.devices.move(box.far, box.left.devices)
    assert refused.value.number == EEXIST


def test_the_loopback_stays_where_it_is() -> None:
    box = Joined()
    with pytest.raises(NetError) as refused:
        box.right.devices.move(box.right.loopback, box.left.devices)
    assert refused.value.number == EINVAL


def test_a_port_gets_a_drawn_address_unless_one_is_given() -> None:
    box = Box()
    first, second = box.ns.add_port("a"), box.ns.add_port("b")
    assert first.address != second.address
    assert first.address[0] & 3 == 2
    assert box.ns.add_port("c", b"\x02\0\0\0\0\x09").address == b"\x02\0\0\0\0\x09"
