"""The cable with two ends: carrier, states, crossing, counters, and loops."""

import pytest

from pystack.errors import NetError
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.backlog import BUDGET, NETDEV_MAX_BACKLOG
from pystack.l2.devices import LinkEvent
from pystack.l2.kinds import PeerSpec
from pystack.l2.veth import Veth
from pystack.packet import PACKET_HOST, PACKET_OTHERHOST, Packet
from pystack.wire.ethernet import BROADCAST, ETH_P_8021Q
from tests.l2.switch import VM1, Switch, frame


class Cable:
    """v0 in one namespace, v1 in the same or another one."""

    def __init__(self, *, apart: bool = False) -> None:
        self.host = Host()
        self.here = self.host.init
        self.there = self.host.add_netns("b") if apart else self.here
        left = kinds.create(self.here.devices, "veth", "v0", peer=PeerSpec("v1", devices=self.there.devices))
        assert isinstance(left, Veth)
        assert left.peer is not None
        self.left, self.right = left, left.peer

    def up(self) -> None:
        self.here.devices.set_up(self.left)
        self.there.devices.set_up(self.right)

    def transmit(self, data: bytes) -> Packet:
        pkt = Packet(bytearray(data), self.left)
        pkt.network_header = 14
        self.host.outcomes.generated += 1
        self.here.link.egress.dev_queue_xmit(pkt)
        return pkt

    def states(self) -> tuple[str, str]:
        return self.left.operstate, self.right.operstate

    def drops(self) -> dict[str, int]:
        return {reason.name: count for reason, count in self.host.outcomes.dropped.items()}


# --- making and unmaking ---------------------------------------------------------------------------------


def test_the_peer_is_registered_first() -> None:
    cable = Cable()
    assert cable.right.ifindex < cable.left.ifindex
    assert (cable.left.peer, cable.right.peer) == (cable.right, cable.left)


def test_deleting_one_end_deletes_the_other_in_its_namespace() -> None:
    cable = Cable(apart=True)
    cable.up()
    cable.there.devices.unregister(cable.right)
    assert "v0" not in cable.here.devices
    assert "v1" not in cable.there.devices


def test_a_namespace_that_goes_takes_the_ends_of_its_cables_along() -> None:
    cable = Cable(apart=True)
    cable.up()
    cable.host.del_netns("b")
    assert "v0" not in cable.here.devices


def test_an_end_that_moves_stays_connected() -> None:
    cable = Cable()
    other = cable.host.add_netns("b")
    cable.up()
    cable.here.devices.move(cable.right, other.devices)
    assert not cable.left.carrier
    other.devices.set_up(cable.right)
    assert cable.left.carrier
    assert cable.left.peer is cable.right


# --- carrier and state -----------------------------------------------------------------------------------


def test_the_cable_carries_once_both_ends_are_up() -> None:
    cable = Cable()
    states = [cable.states()]
    cable.here.devices.set_up(cable.left)
    states.append(cable.states())
    cable.here.devices.set_up(cable.right)
    states.append(cable.states())
    cable.here.devices.set_down(cable.left)
    states.append(cable.states())
    assert states == [
        ("DOWN", "DOWN"),
        ("LOWERLAYERDOWN", "DOWN"),
        ("UP", "UP"),
        ("DOWN", "LOWERLAYERDOWN"),
    ]


def test_the_state_of_an_end_in_another_namespace_is_not_seen() -> None:
    cable = Cable(apart=True)
    cable.here.devices.set_up(cable.left)
    assert cable.left.operstate == "DOWN"
    assert not cable.left.running


def test_an_end_tells_that_it_is_up_before_it_tells_of_its_carrier() -> None:
    cable = Cable()
    cable.here.devices.set_up(cable.right)
    told: list[tuple[str, str]] = []
    cable.here.devices.listen(lambda event, dev: told.append((event.name, dev.name)))
    cable.here.devices.set_up(cable.left)
    cable.here.devices.set_down(cable.left)
    assert told == [
        ("UP", "v0"),
        ("CHANGE", "v0"),
        ("CHANGE", "v1"),
        ("GOING_DOWN", "v0"),
        ("DOWN", "v0"),
        ("CHANGE", "v1"),
    ]


def test_the_other_namespace_is_told_of_its_ends_carrier() -> None:
    cable = Cable(apart=True)
    cable.there.devices.set_up(cable.right)
    told: list[tuple[LinkEvent, str]] = []
    cable.there.devices.listen(lambda event, dev: told.append((event, dev.name)))
    cable.here.devices.set_up(cable.left)
    assert told == [(LinkEvent.CHANGE, "v1")]


# --- frames ----------------------------------------------------------------------------------------------


def test_a_frame_crosses_only_when_the_backlog_runs() -> None:
    cable = Cable(apart=True)
    cable.up()
    seen: list[str] = []
    cable.right.add_tap(lambda pkt, leaving: seen.append(pkt.dev.name))
    cable.transmit(frame())
    assert (seen, cable.host.queued()) == ([], 1)
    cable.host.run_backlog()
    assert (seen, cable.host.queued()) == (["v1"], 0)


def test_both_ends_count_the_whole_frame() -> None:
    cable = Cable()
    cable.up()
    cable.transmit(frame(payload=b"z" * 46))
    left, right = cable.left.stats, cable.right.stats
    assert (left.tx_packets, left.tx_bytes, left.rx_packets) == (1, 60, 0)
    assert (right.rx_packets, right.rx_bytes, right.tx_packets) == (1, 60, 0)


@pytest.mark.parametrize(("to_peer", "kind"), [(True, PACKET_HOST), (False, PACKET_OTHERHOST)])
def test_a_crossing_frame_is_judged_by_the_other_ends_address(to_peer: bool, kind: int) -> None:
    cable = Cable()
    cable.up()
    pkt = cable.transmit(frame(destination=cable.right.address if to_peer else VM1))
    assert (pkt.pkt_type, pkt.dev) == (kind, cable.right)


@pytest.mark.parametrize(("apart", "mark"), [(False, 7), (True, 0)])
def test_the_mark_stays_within_its_namespace(apart: bool, mark: int) -> None:
    cable = Cable(apart=apart)
    cable.up()
    pkt = Packet(bytearray(frame()), cable.left)
    pkt.network_header, pkt.mark, pkt.priority = 14, 7, 3
    cable.host.outcomes.generated += 1
    cable.here.link.egress.dev_queue_xmit(pkt)
    assert (pkt.mark, pkt.priority) == (mark, 0)


@pytest.mark.parametrize(("payload", "passes"), [(1504, True), (1505, False)])
def test_a_frame_too_long_for_the_other_end_is_dropped_by_both_counters(payload: int, passes: bool) -> None:
    cable = Cable()
    cable.up()
    cable.transmit(frame(payload=bytes(payload)))
    dropped = 0 if passes else 1
    assert (cable.left.stats.tx_dropped, cable.right.stats.rx_dropped) == (dropped, dropped)
    assert cable.drops() == ({} if passes else {"PKT_TOO_BIG": 1})


def test_the_outer_tag_of_a_frame_is_not_counted() -> None:
    cable = Cable()
    cable.up()
    pkt = Packet(bytearray(frame(kind=ETH_P_8021Q, payload=b"\0\5\x88\xb5" + bytes(1504))), cable.left)
    pkt.network_header, pkt.protocol = 14, ETH_P_8021Q
    cable.host.outcomes.generated += 1
    cable.here.link.egress.dev_queue_xmit(pkt)
    assert (cable.left.stats.tx_dropped, cable.left.stats.tx_bytes) == (0, 14 + 1504)


def test_a_frame_shorter_than_its_header_does_not_cross() -> None:
    cable = Cable()
    cable.up()
    cable.transmit(b"x" * 13)
    assert cable.drops() == {"HDR_TRUNC": 1}
    assert cable.left.stats.tx_dropped == 1


def test_without_carrier_nothing_is_sent_and_nothing_counted() -> None:
    cable = Cable()
    cable.here.devices.set_up(cable.left)
    cable.transmit(frame())
    assert cable.drops() == {"QDISC_DROP": 1}
    assert cable.left.stats.tx_dropped == 0


def test_a_full_backlog_drops_and_counts_at_both_ends() -> None:
    cable = Cable()
    cable.up()
    for _ in range(NETDEV_MAX_BACKLOG + 6):
        cable.transmit(frame())
    assert cable.drops() == {"CPU_BACKLOG": 5}
    assert (cable.left.stats.tx_dropped, cable.right.stats.rx_dropped) == (5, 5)
    assert cable.left.stats.tx_packets == NETDEV_MAX_BACKLOG + 1


def test_what_waits_for_a_deleted_end_is_dropped() -> None:
    cable = Cable(apart=True)
    cable.up()
    cable.transmit(frame())
    cable.here.devices.unregister(cable.left)
    assert cable.host.queued() == 0
    assert cable.drops() == {"LINK_GONE": 1}
    assert cable.host.outcomes.outstanding() == 0


# --- loops -----------------------------------------------------------------------------------------------


def loop_of_two_bridges() -> Switch:
    """br0 and br1, joined by two cables: every broadcast goes round for ever, both ways."""
    switch = Switch(1)
    other = switch.add_bridge("br1")
    for left, right in (("v0", "v1"), ("w0", "w1")):
        veth = switch.add_veth(left, right)
        assert veth.peer is not None
        switch.enslave(veth)
        switch.enslave(veth.peer, other)
    return switch


def test_a_loop_of_two_bridges_ends_by_budget_not_by_recursion() -> None:
    switch = loop_of_two_bridges()
    switch.netns.receive(switch.tap(1), frame(destination=BROADCAST))
    waiting = len(switch.host.backlog)
    assert waiting == 2
    before = switch.host.backlog.processed
    for _ in range(50):
        switch.host.run_backlog()
        assert switch.conserved()
        assert len(switch.host.backlog) <= NETDEV_MAX_BACKLOG
    assert switch.host.backlog.processed - before == 50 * BUDGET
    assert switch.host.backlog.squeezed == 50
    assert switch.host.next_deadline() == switch.host.clock.now


def test_a_loop_ends_when_its_cable_is_pulled() -> None:
    switch = loop_of_two_bridges()
    switch.netns.receive(switch.tap(1), frame(destination=BROADCAST))
    switch.host.run_backlog()
    switch.devices.set_down(switch.devices["w0"])
    for _ in range(10):
        switch.host.run_backlog()
    assert len(switch.host.backlog) == 0
    assert switch.conserved()


def test_a_peer_whose_name_is_taken_leaves_nothing_behind() -> None:
    host = Host()
    with pytest.raises(NetError):
        kinds.create(host.init.devices, "veth", "x0", peer=PeerSpec("x0"))
    assert [dev.name for dev in host.init.devices] == ["lo"]
