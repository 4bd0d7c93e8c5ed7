"""Everything that lives together: namespaces, one clock, one heap of timers, one backlog."""

import pytest

from pystack.clock import Clock
from pystack.errors import EEXIST, ENOENT, NetError
from pystack.host import Host
from pystack.l2.kinds import PeerSpec, create
from pystack.l2.veth import Veth
from pystack.netns import Netns
from pystack.packet import Packet
from tests.box import Box
from tests.frames import ALICE_IP, OUR_MAC, echo_frame, ethernet


def loop_back(netns: Netns) -> None:
    """Put a frame on lo that nobody has received yet."""
    netns.link.outcomes.generated += 1
    netns.loopback.transmit(Packet(bytearray(echo_frame()), netns.loopback))


def test_a_new_host_has_one_namespace_with_a_loopback_that_is_down() -> None:
    host = Host()
    assert list(host.namespaces) == [""]
    assert host.init is host.namespaces[""]
    assert [dev.name for dev in host.init.devices] == ["lo"]
    assert not host.init.loopback.up
    assert host.next_deadline() is None


def test_a_namespace_comes_and_goes_by_its_name() -> None:
    host = Host()
    blue = host.add_netns("blue")
    assert host.namespaces["blue"] is blue
    assert [dev.name for dev in blue.devices] == ["lo"]
    assert blue.loopback.ifindex == 1
    host.del_netns("blue")
    assert "blue" not in host.namespaces


def test_a_name_is_taken_once() -> None:
    host = Host()
    host.add_netns("blue")
    with pytest.raises(NetError) as refused:
        host.add_netns("blue")
    assert refused.value.number == EEXIST


@pytest.mark.parametrize("name", ["green", ""])
def test_what_is_not_there_and_the_first_namespace_cannot_be_deleted(name: str) -> None:
    with pytest.raises(NetError) as refused:
        Host().del_netns(name)
    assert refused.value.number == ENOENT


def test_one_seed_makes_one_host() -> None:
    assert Host(seed=5).rng.u32() == Host(seed=5).rng.u32()
    assert Host(seed=5).rng.u32() != Host(seed=6).rng.u32()
    assert (
        Host(seed=5).add_netns("x").add_port("a").address == Host(seed=5).add_netns("x").add_port("a").address
    )


def test_the_clock_may_come_from_outside() -> None:
    clock = Clock(now=100.0)
    host = Host(clock=clock)
    assert host.clock is clock
    assert host.init.clock is clock


def test_the_next_deadline_is_now_while_the_backlog_waits_and_else_the_first_timer() -> None:
    box = Box()
    box.port("eth0", OUR_MAC, "10.0.0.1/24")
    box.host.clock.set(5.0)
    box.host.timers.at(9.0, lambda: None)
    assert box.host.next_deadline() == 9.0
    box.ns.raw.open(1).send_to(bytes(8), ALICE_IP)
    assert box.host.next_deadline() == 6.0
    loop_back(box.ns)
    assert box.host.next_deadline() == 5.0
    box.settle()
    assert box.host.next_deadline() == 6.0


def test_timers_run_when_the_clock_says_so() -> None:
    host = Host()
    rang: list[float] = []
    host.timers.at(1.0, lambda: rang.append(host.clock.now))
    host.run_timers()
    assert rang == []
    host.clock.set(1.5)
    host.run_timers()
    assert rang == [1.5]


def test_what_waits_anywhere_is_counted() -> None:
    box = Box()
    port = box.port("eth0", OUR_MAC, "10.0.0.1/24")
    box.ns.raw.open(1).send_to(bytes(8), ALICE_IP)
    assert box.host.queued() == 1
    box.send(port, echo_frame(frag_off=0x2000, payload=bytes(8)))
    assert box.host.queued() == 2
    loop_back(box.ns)
    assert box.host.queued() == 3
    box.assert_every_packet_is_accounted_for()


def test_a_deleted_namespace_takes_its_pairs_and_what_waits_along() -> None:
    box = Box()
    blue = box.host.add_netns("blue")
    near = create(box.ns.devices, "veth", "near", peer=PeerSpec("far", devices=blue.devices))
    assert isinstance(near, Veth)
    assert near.peer is not None
    port = box.port("eth0", OUR_MAC, "10.5.0.1/24", ns=blue)
    for dev, home in ((near, box.ns), (near.peer, blue), (blue.loopback, blue)):
        home.devices.set_up(dev)
    blue.raw.open(1).send_to(bytes(8), 0x0A050002)
    box.send(port, echo_frame(dst=0x0A050001, frag_off=0x2000, payload=bytes(8)), ns=blue)
    loop_back(blue)
    box.host.outcomes.generated += 1
    frame = bytearray(ethernet(bytes(46), 0x88B5, to=near.peer.address))
    box.ns.link.egress.dev_queue_xmit(Packet(frame, near))
    assert len(box.host.backlog) == 2
    box.host.del_netns("blue")
    assert "near" not in box.ns.devices
    assert len(box.host.backlog) == 0
    assert box.drops()["LINK_GONE"] == 2
    assert box.host.queued() == 0
    box.assert_every_packet_is_accounted_for()
    box.advance(100)
    box.assert_every_packet_is_accounted_for()


def test_what_is_for_the_whole_host_is_set_in_the_first_namespace_only() -> None:
    box = Box()
    blue = box.host.add_netns("blue")
    for key in ("net.core.netdev_max_backlog", "net.ipv4.neigh.default.gc_thresh3"):
        assert box.ns.sysctls.find(key) is not None
        assert blue.sysctls.find(key) is None
    box.sysctl("net.ipv4.neigh.default.gc_thresh3", "2")
    assert box.ns.ipv4.neighbours.thresholds.gc_thresh3 == 2
