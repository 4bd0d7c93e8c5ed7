"""Hook points: who runs when, and what each verdict does."""

import pytest

from pystack.counters import Snmp
from pystack.drop import NETFILTER_DROP, Drop, Outcomes
from pystack.events import EventSink
from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import (
    FORWARD,
    INPUT,
    IP_HOOK_NAMES,
    NFPROTO_ARP,
    NFPROTO_BRIDGE,
    NFPROTO_IPV4,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    HookFn,
    HookPoint,
    Hooks,
    HookState,
)
from pystack.netfilter.verdict import (
    NAMES,
    NF_ACCEPT,
    NF_DROP,
    NF_QUEUE,
    NF_REPEAT,
    NF_STOLEN,
    NF_STOP,
)
from pystack.packet import Packet
from tests.box import Box
from tests.frames import (
    ALICE_MAC,
    BOB_IP,
    BOB_MAC,
    OUR_IP,
    OUR_MAC,
    OUR_MAC2,
    arp_reply,
    arp_request,
    echo_frame,
)


class Walk:
    """A hook point, and what ran at it in order."""

    def __init__(self) -> None:
        self.outcomes = Outcomes()
        drop = Drop("", self.outcomes, Snmp(), EventSink())
        self.point = HookPoint(NFPROTO_IPV4, FORWARD, drop, self.outcomes)
        self.ran: list[str] = []
        self.kept: list[tuple[Packet, HookState]] = []
        self.dev = PortDevice("eth0", OUR_MAC)

    def answering(self, name: str, *verdicts: int) -> HookFn:
        """A function that gives one verdict after another, and the last for ever."""
        left = list(verdicts)

        def fn(pkt: Packet, state: HookState) -> int:
            self.ran.append(name)
            verdict = left.pop(0) if len(left) > 1 else left[0]
            if verdict == NF_STOLEN:
                self.kept.append((pkt, state))
                self.outcomes.stolen += 1
            return verdict

        return fn

    def hang(self, name: str, priority: int, *verdicts: int) -> None:
        self.point.register(self.answering(name, *(verdicts or (NF_ACCEPT,))), priority, name)

    def go(self) -> list[str]:
        self.outcomes.received += 1
        self.point.run(Packet(b"", self.dev), self.dev, None, lambda pkt: self.ran.append("okfn"))
        return self.ran


def test_functions_run_from_the_lowest_priority_to_the_highest() -> None:
    walk = Walk()
    for name, priority in (("filter", 0), ("raw", -300), ("nat", 100), ("mangle", -150)):
        walk.hang(name, priority)
    assert walk.go() == ["raw", "mangle", "filter", "nat", "okfn"]


def test_among_equal_priorities_the_last_registered_runs_first() -> None:
    """Measured on the kernel; see net/netfilter/core.c nf_hook_entries_grow()."""
    walk = Walk()
    for name in ("first", "second", "third"):
        walk.hang(name, 0)
    walk.hang("before", -1)
    walk.hang("after", 1)
    assert walk.go() == ["before", "third", "second", "first", "after", "okfn"]


def test_a_point_without_functions_goes_straight_on() -> None:
    walk = Walk()
    assert not walk.point.entries
    assert walk.go() == ["okfn"]


def test_drop_ends_the_packet_and_is_accounted_for() -> None:
    walk = Walk()
    walk.hang("no", 0, NF_DROP)
    walk.hang("later", 1)
    assert walk.go() == ["no"]
    assert walk.outcomes.dropped == {NETFILTER_DROP: 1}
    assert walk.outcomes.outstanding() == 0


def test_stop_lets_the_packet_through_past_all_later_functions() -> None:
    walk = Walk()
    walk.hang("enough", 0, NF_STOP)
    walk.hang("later", 1, NF_DROP)
    assert walk.go() == ["enough", "okfn"]


def test_repeat_asks_the_same_function_again() -> None:
    walk = Walk()
    walk.hang("before", -1)
    walk.hang("twice", 0, NF_REPEAT, NF_ACCEPT)
    walk.hang("later", 1)
    assert walk.go() == ["before", "twice", "twice", "later", "okfn"]


def test_a_stolen_packet_goes_on_where_its_keeper_resumes_it() -> None:
    walk = Walk()
    walk.hang("before", -1)
    walk.hang("thief", 0, NF_STOLEN)
    walk.hang("later", 1)
    assert walk.go() == ["before", "thief"]
    pkt, state = walk.kept[0]
    walk.point.resume(pkt, state, 2)
    assert walk.ran == ["before", "thief", "later", "okfn"]


def test_a_stolen_packet_may_be_given_to_the_thief_again() -> None:
    walk = Walk()
    walk.hang("thief", 0, NF_STOLEN, NF_ACCEPT)
    walk.go()
    pkt, state = walk.kept[0]
    walk.point.resume(pkt, state, 0)
    assert walk.ran == ["thief", "thief", "okfn"]


@pytest.mark.parametrize(
    ("priority", "ran"),
    [(-500, ["a", "b", "c", "d"]), (0, ["b", "c", "d"]), (1, ["d"]), (7, ["d"]), (8, [])],
)
def test_a_walk_may_begin_at_a_priority(priority: int, ran: list[str]) -> None:
    walk = Walk()
    for name, at in (("a", -10), ("c", 0), ("b", 0), ("d", 7)):
        walk.hang(name, at)
    state = HookState(FORWARD, walk.dev, None, lambda pkt: walk.ran.append("okfn"))
    walk.point.run_from(Packet(b"", walk.dev), state, priority)
    assert walk.ran == [*ran, "okfn"]


def test_a_function_taken_off_runs_no_more() -> None:
    walk = Walk()
    entry = walk.point.register(walk.answering("gone", NF_ACCEPT), 0, "gone")
    walk.hang("stays", 0)
    walk.point.unregister(entry)
    walk.point.unregister(entry)
    assert walk.go() == ["stays", "okfn"]


def test_a_walk_under_way_still_meets_who_was_taken_off_meanwhile() -> None:
    """Linux keeps the old array until the walk is over; so no function is skipped or met twice."""
    walk = Walk()

    def undo(pkt: Packet, state: HookState) -> int:
        walk.ran.append("undo")
        for known in (undo_entry, later_entry):
            walk.point.unregister(known)
        return NF_ACCEPT

    undo_entry = walk.point.register(undo, 0, "undo")
    later_entry = walk.point.register(walk.answering("later", NF_ACCEPT), 1, "later")
    assert walk.go() == ["undo", "later", "okfn"]
    walk.ran.clear()
    assert walk.go() == ["okfn"]


def test_a_function_may_hang_another_that_the_walk_under_way_does_not_meet() -> None:
    walk = Walk()

    def grow(pkt: Packet, state: HookState) -> int:
        walk.ran.append("grow")
        walk.hang("new", 1)
        return NF_ACCEPT

    walk.point.register(grow, 0, "grow")
    assert walk.go() == ["grow", "okfn"]


def test_every_function_counts_the_packets_it_was_shown() -> None:
    walk = Walk()
    walk.hang("all", -1)
    walk.hang("twice", 0, NF_REPEAT, NF_STOP)
    walk.hang("none", 1)
    walk.go()
    assert {entry.name: entry.packets for entry in walk.point.entries} == {"all": 1, "twice": 2, "none": 0}


def test_a_function_is_told_where_it_stands() -> None:
    walk = Walk()
    states: list[HookState] = []

    def look(pkt: Packet, state: HookState) -> int:
        states.append(state)
        return NF_ACCEPT

    walk.point.register(look, 0, "look")
    walk.go()
    assert (states[0].hook, states[0].indev, states[0].outdev) == (FORWARD, walk.dev, None)


def test_a_verdict_that_nobody_knows_is_a_bug() -> None:
    walk = Walk()
    walk.hang("odd", 0, NF_QUEUE)
    with pytest.raises(AssertionError, match="odd answered 3"):
        walk.go()


def test_verdicts_have_the_kernels_numbers() -> None:
    numbers = (NF_DROP, NF_ACCEPT, NF_STOLEN, NF_QUEUE, NF_REPEAT, NF_STOP)
    assert numbers == (0, 1, 2, 3, 4, 5)
    assert [NAMES[number] for number in numbers] == ["DROP", "ACCEPT", "STOLEN", "QUEUE", "REPEAT", "STOP"]


def test_every_family_has_its_own_points() -> None:
    hooks = Hooks(Drop("", Outcomes(), Snmp(), EventSink()), Outcomes())
    for family, points, count in (
        (NFPROTO_IPV4, hooks.ip, 5),
        (NFPROTO_BRIDGE, hooks.bridge, 6),
        (NFPROTO_ARP, hooks.arp, 3),
    ):
        assert [(point.family, point.hook) for point in points] == [(family, hook) for hook in range(count)]


# -- in their places on the path ---------------------------------------------------------------------------


class Watched(Box):
    """A router between two ports, with every IPv4 and ARP hook watched."""

    def __init__(self) -> None:
        super().__init__()
        self.left = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.right = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.forward()
        self.crossed: list[tuple[str, str | None, str | None]] = []
        for names, points in ((IP_HOOK_NAMES, self.ns.hooks.ip), (("ARP IN", "ARP OUT"), self.ns.hooks.arp)):
            for name, point in zip(names, points, strict=False):
                point.register(self._watcher(name), 0, name)

    def _watcher(self, name: str) -> HookFn:
        def watch(pkt: Packet, state: HookState) -> int:
            self.crossed.append(
                (name, state.indev.name if state.indev else None, state.outdev.name if state.outdev else None)
            )
            return NF_ACCEPT

        return watch


def test_a_packet_for_us_crosses_prerouting_and_input_and_the_answer_output_and_postrouting() -> None:
    box = Watched()
    box.send(box.left, arp_request())
    box.crossed.clear()
    box.send(box.left, echo_frame())
    assert box.crossed == [
        ("PREROUTING", "eth0", None),
        ("INPUT", "eth0", None),
        ("OUTPUT", None, "eth0"),
        ("POSTROUTING", None, "eth0"),
    ]


def test_a_packet_for_another_crosses_prerouting_forward_and_postrouting() -> None:
    box = Watched()
    box.send(box.right, arp_reply(sha=BOB_MAC, spa=BOB_IP, tpa=OUR_IP, to=OUR_MAC2))
    box.crossed.clear()
    box.send(box.left, echo_frame(dst=BOB_IP))
    assert box.crossed == [
        ("PREROUTING", "eth0", None),
        ("FORWARD", "eth0", "eth1"),
        ("POSTROUTING", "eth0", "eth1"),
        ("ARP OUT", None, "eth1"),
    ]


def test_a_question_about_our_address_crosses_arp_in_and_out() -> None:
    box = Watched()
    box.send(box.left, arp_request())
    assert box.crossed == [("ARP IN", "eth0", None), ("ARP OUT", None, "eth0")]


@pytest.mark.parametrize("hook", [PREROUTING, INPUT, OUTPUT, POSTROUTING])
def test_a_drop_at_any_hook_ends_the_ping_and_balances(hook: int) -> None:
    box = Box()
    port = box.port("eth0", OUR_MAC, "10.0.0.1/24")
    box.send(port, arp_request(sha=ALICE_MAC))
    box.sent(port)
    box.ns.hooks.ip[hook].register(lambda pkt, state: NF_DROP, 0, "no")
    box.send(port, echo_frame())
    assert box.sent(port) == []
    assert box.drops()["NETFILTER_DROP"] == 1
    box.assert_every_packet_is_accounted_for()


def test_a_drop_at_forward_ends_what_is_routed() -> None:
    box = Watched()
    box.ns.hooks.ip[FORWARD].register(lambda pkt, state: NF_DROP, 1, "no")
    box.send(box.left, echo_frame(dst=BOB_IP))
    assert box.sent(box.right) == []
    assert box.drops() == {"NETFILTER_DROP": 1}
