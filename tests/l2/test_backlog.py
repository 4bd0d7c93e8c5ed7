"""The queue of what crossed from one device to another inside the host."""

from pystack.device import RxHandler
from pystack.l2.backlog import BUDGET, NETDEV_MAX_BACKLOG, Backlog
from pystack.l2.kinds import PeerSpec, create
from pystack.l2.veth import Veth
from pystack.packet import Packet
from pystack.wire.ipv4 import INADDR_LOOPBACK
from tests.box import Box
from tests.frames import ethernet


class Crossing(Box):
    """A veth pair whose far end notes what it gets."""

    def __init__(self) -> None:
        super().__init__()
        near = create(self.ns.devices, "veth", "near")
        assert isinstance(near, Veth)
        assert near.peer is not None
        self.near, self.far = near, near.peer
        for end in (self.near, self.far):
            self.ns.devices.set_up(end)
        self.got: list[int] = []
        self.ns.link.ingress.protocols[0x88B5] = self._take

    def _take(self, pkt: Packet) -> None:
        self.got.append(pkt.payload()[0])
        self.host.outcomes.consumed += 1

    def put(self, number: int) -> None:
        self.host.outcomes.generated += 1
        frame = bytearray(ethernet(bytes([number]) + bytes(45), 0x88B5, to=self.far.address))
        self.ns.link.egress.dev_queue_xmit(Packet(frame, self.near))


def test_what_crosses_waits_until_the_backlog_runs() -> None:
    box = Crossing()
    box.put(1)
    assert box.got == []
    assert len(box.host.backlog) == box.host.queued() == 1
    box.assert_every_packet_is_accounted_for()
    box.host.run_backlog()
    assert box.got == [1]
    box.assert_every_packet_is_accounted_for()


def test_frames_are_received_in_the_order_in_which_they_crossed() -> None:
    box = Crossing()
    for number in range(10):
        box.put(number)
    box.settle()
    assert box.got == list(range(10))


def test_a_run_stops_at_its_budget_and_says_that_it_was_squeezed() -> None:
    box = Crossing()
    for _ in range(BUDGET + 5):
        box.put(0)
    box.host.run_backlog()
    assert len(box.got) == BUDGET
    assert len(box.host.backlog) == 5
    assert box.host.backlog.squeezed == 1
    assert box.host.next_deadline() == box.host.clock.now
    box.host.run_backlog()
    assert box.host.backlog.squeezed == 1
    assert box.host.backlog.processed == BUDGET + 5


def test_a_full_backlog_drops_and_counts() -> None:
    box = Crossing()
    for _ in range(NETDEV_MAX_BACKLOG + 11):
        box.put(0)
    assert len(box.host.backlog) == NETDEV_MAX_BACKLOG + 1  # as the kernel, one more than it says
    assert box.drops() == {"CPU_BACKLOG": 10}
    assert box.far.stats.rx_dropped == 10
    assert box.host.backlog.dropped == 10
    box.assert_every_packet_is_accounted_for()


def test_the_limit_can_be_set() -> None:
    box = Crossing()
    box.sysctl("net.core.netdev_max_backlog", "3")
    for _ in range(10):
        box.put(0)
    assert len(box.host.backlog) == 3 + 1


def test_what_waits_for_a_device_that_goes_is_dropped() -> None:
    box = Crossing()
    other = create(box.ns.devices, "veth", "other")
    assert isinstance(other, Veth)
    box.put(1)
    box.put(2)
    box.ns.devices.unregister(other)
    assert len(box.host.backlog) == 2
    box.ns.devices.unregister(box.near)
    assert len(box.host.backlog) == 0
    assert box.drops() == {"LINK_GONE": 2}
    box.assert_every_packet_is_accounted_for()


def test_two_cables_plugged_into_a_loop_end_by_the_budget_and_not_by_recursion() -> None:
    """Each end hands all it gets to the other pair: a frame goes round for ever, one run at a time."""
    box = Crossing()
    back = create(box.ns.devices, "veth", "back")
    assert isinstance(back, Veth)
    assert back.peer is not None
    for end in (back, back.peer):
        box.ns.devices.set_up(end)

    def hand_to(out: Veth) -> RxHandler:
        def handler(pkt: Packet) -> bool:
            pkt.dev = out
            box.ns.link.egress.dev_queue_xmit(pkt)
            return True

        return handler

    box.far.rx_handler = hand_to(back)
    back.peer.rx_handler = hand_to(box.near)
    box.put(7)
    for runs in range(1, 4):
        box.host.run_backlog()
        assert box.host.backlog.processed == runs * BUDGET
        assert len(box.host.backlog) == 1
    box.assert_every_packet_is_accounted_for()


def test_softnet_stat_shows_what_was_processed_dropped_and_squeezed() -> None:
    backlog = Backlog()
    backlog.processed, backlog.dropped, backlog.squeezed = 0x12, 3, 1
    words = backlog.softnet_text().split()
    assert words[:3] == ["00000012", "00000003", "00000001"]
    assert len(words) == 15


def test_what_a_program_sends_is_received_before_it_sends_more() -> None:
    box = Box()
    box.ns.devices.set_mtu(box.ns.loopback, 100)
    order: list[str] = []
    box.ns.loopback.add_tap(lambda pkt, outgoing: order.append("out" if outgoing else "in"))
    box.ns.raw.open(99).send_to(bytes(200), INADDR_LOOPBACK)
    assert order == ["out", "in"] * 3
    assert len(box.host.backlog) == 0


def test_what_a_program_causes_in_a_loop_of_cables_is_left_to_others_at_last() -> None:
    """A frame that runs round for ever must not hold up its sender."""
    box = Box()
    rounds: list[Packet] = []
    near = create(box.ns.devices, "veth", "near", peer=PeerSpec("far"))
    far = box.ns.devices["far"]
    for dev in (near, far):
        box.ns.devices.set_up(dev)

    def send_back(pkt: Packet) -> bool:
        rounds.append(pkt)
        near.net.egress.dev_queue_xmit(pkt)
        return True

    near.rx_handler = far.rx_handler = send_back
    box.ns.packets.open().send(near, bytes(60))
    assert 300 <= len(rounds) <= 10 * 300
    assert len(box.host.backlog) == 1
