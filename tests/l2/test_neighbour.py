"""The life of one neighbour in virtual time: questions, waiting packets, doubt, failure."""

import pytest

from pystack.clock import Clock
from pystack.counters import Snmp
from pystack.drop import NEIGH_DEAD, NEIGH_FAILED, NEIGH_QUEUEFULL, Drop, Outcomes
from pystack.events import EventSink
from pystack.l2.neigh_parms import NeighParms
from pystack.l2.neighbour import Neighbour, NeighContext, truesize
from pystack.l2.nud import (
    NAMES,
    NUD_DELAY,
    NUD_FAILED,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_NONE,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
)
from pystack.l2.port import PortDevice
from pystack.packet import Packet
from pystack.timers import Timers
from pystack.wire.ethernet import ZERO
from tests.frames import ALICE_IP, ALICE_MAC, BOB_MAC, OUR_MAC, datagram

EVERYBODY = "everybody"


class Life:
    """One neighbour and its world: what it asked and when, what it sent, what failed."""

    def __init__(self, **parms: int) -> None:
        self.clock = Clock()
        self.timers = Timers(self.clock)
        self.outcomes = Outcomes()
        self.dev = PortDevice("eth0", OUR_MAC)
        self.asked: list[tuple[float, str]] = []
        self.sent: list[bytes] = []
        self.unreachable: list[float] = []
        self.states: list[str] = []
        self.on_error: list[Packet] = []  # what those who are told of a failure send there at once
        self.context = NeighContext(
            clock=self.clock,
            timers=self.timers,
            drop=Drop("", self.outcomes, Snmp(), EventSink()),
            xmit=self._xmit,
            solicit=self._solicit,
            error_report=self._error,
            changed=lambda neigh: self.states.append(NAMES[neigh.state]),
        )
        self.parms = NeighParms(**parms)
        self.neigh = Neighbour(ALICE_IP, self.dev, self.parms, self.context)

    def _xmit(self, pkt: Packet) -> None:
        self.outcomes.transmitted += 1
        self.sent.append(bytes(pkt.frame()))

    def _solicit(self, neigh: Neighbour, waiting: Packet | None) -> None:
        direct = neigh.probes < neigh.parms.ucast_solicit
        self.asked.append((self.clock.now, NAMES[neigh.state] if direct else EVERYBODY))

    def _error(self, neigh: Neighbour, pkt: Packet) -> None:
        self.unreachable.append(self.clock.now)
        for again in self.on_error:
            self.output(again)

    def packet(self, size: int = 100) -> Packet:
        data = bytearray(14) + datagram(bytes(size - 20))
        pkt = Packet(data, self.dev)
        pkt.network_header = 14
        pkt.protocol = 0x0800
        return pkt

    def output(self, pkt: Packet) -> None:
        self.outcomes.generated += 1
        self.neigh.output(pkt)

    def send(self, size: int = 100) -> None:
        self.output(self.packet(size))

    def at(self, now: float) -> None:
        """Let time pass up to a moment, every timer at its own."""
        while (deadline := self.timers.next_deadline()) is not None and deadline <= now:
            self.clock.set(deadline)
            self.timers.run_expired()
        self.clock.set(now)

    @property
    def state(self) -> str:
        return NAMES[self.neigh.state]

    def answered(self, mac: bytes = ALICE_MAC) -> None:
        self.neigh.told(mac, answered=True, override=True)

    def assert_balanced(self) -> None:
        assert self.outcomes.outstanding() == self.context.queued == len(self.neigh.queue)


# -- nobody answers ----------------------------------------------------------------------------------------


def test_the_first_packet_waits_and_everybody_is_asked_at_once() -> None:
    life = Life()
    assert life.state == "NONE"
    life.send()
    assert life.state == "INCOMPLETE"
    assert life.asked == [(0.0, EVERYBODY)]
    assert life.sent == []
    life.assert_balanced()


def test_three_questions_a_second_apart_then_failure_and_host_unreachable() -> None:
    life = Life()
    life.send()
    life.at(60)
    assert life.asked == [(0.0, EVERYBODY), (1.0, EVERYBODY), (2.0, EVERYBODY)]
    assert life.state == "FAILED"
    assert life.unreachable == [3.0]
    assert life.outcomes.dropped == {NEIGH_FAILED: 1}
    assert len(life.timers) == 0
    life.assert_balanced()


def test_everybody_who_waited_hears_of_the_failure() -> None:
    life = Life()
    for _ in range(5):
        life.send()
    life.at(3)
    assert life.unreachable == [3.0] * 5
    assert life.outcomes.dropped == {NEIGH_FAILED: 5}
    life.assert_balanced()


def test_a_failed_neighbour_is_asked_anew_by_the_next_packet() -> None:
    life = Life()
    life.send()
    life.at(10)
    life.send()
    assert life.state == "INCOMPLETE"
    assert life.asked[3:] == [(10.0, EVERYBODY)]
    life.answered()
    assert life.state == "REACHABLE"
    assert len(life.sent) == 1
    life.assert_balanced()


def test_telling_of_a_failure_may_start_a_new_question_and_the_rest_of_the_queue_goes() -> None:
    """Linux: net/core/neighbour.c neigh_invalidate() stops reporting once the entry is asked anew."""
    life = Life()
    life.send()
    life.send()
    life.on_error = [life.packet()]
    life.at(3)
    assert life.unreachable == [3.0]
    assert life.state == "INCOMPLETE"
    life.assert_balanced()


@pytest.mark.parametrize(("solicits", "failed_at"), [(1, 1.0), (5, 5.0)])
def test_the_number_of_questions_can_be_set(solicits: int, failed_at: float) -> None:
    life = Life(mcast_solicit=solicits)
    life.send()
    life.at(60)
    assert len(life.asked) == solicits
    assert life.unreachable == [failed_at]


def test_the_pause_between_questions_can_be_set_but_not_to_nothing() -> None:
    life = Life(retrans_time_ms=0)
    life.send()
    life.at(1)
    assert [moment for moment, _ in life.asked] == pytest.approx([0.0, 0.01, 0.02])
    assert life.unreachable == pytest.approx([0.03])


def test_a_neighbour_that_may_not_be_asked_fails_at_once_and_silently() -> None:
    """Linux: net/core/neighbour.c __neigh_event_send()"""
    life = Life(mcast_solicit=0, app_solicit=0)
    life.send()
    assert life.state == "FAILED"
    assert life.asked == []
    assert life.unreachable == []
    assert life.outcomes.dropped == {NEIGH_FAILED: 1}
    life.assert_balanced()


# -- somebody answers --------------------------------------------------------------------------------------


def test_an_answer_releases_what_waited_in_order() -> None:
    life = Life()
    for size in (100, 200, 300):
        life.send(size)
    life.at(1.5)
    life.answered()
    assert life.state == "REACHABLE"
    assert [len(frame) for frame in life.sent] == [114, 214, 314]
    assert all(frame[:14] == ALICE_MAC + OUR_MAC + b"\x08\x00" for frame in life.sent)
    life.send()
    assert len(life.sent) == 4
    life.assert_balanced()


def test_being_overheard_releases_what_waited_but_leaves_a_doubt() -> None:
    """A request that names the sender proves nothing about the way there: STALE, and DELAY once used."""
    life = Life()
    life.send()
    life.neigh.told(ALICE_MAC, answered=False, override=True)
    assert len(life.sent) == 1
    assert life.state == "DELAY"


def test_a_reachable_neighbour_turns_stale_when_unused() -> None:
    life = Life()
    life.answered()
    life.at(29.99)
    assert life.state == "REACHABLE"
    life.at(31)
    assert life.state == "STALE"
    assert life.asked == []
    assert len(life.timers) == 0


def test_a_reachable_neighbour_in_use_is_doubted_and_asked_directly() -> None:
    """REACHABLE -> DELAY -> PROBE with three direct questions -> FAILED."""
    life = Life()
    life.send()
    life.answered()
    life.neigh.used = 28.0  # the header cache of Linux does not touch it either; a slow path did
    life.at(30)
    assert life.state == "DELAY"
    life.at(34.99)
    assert life.state == "DELAY"
    life.at(35)
    assert life.state == "PROBE"
    life.at(60)
    assert life.state == "FAILED"
    assert life.asked[1:] == [(35.0, "PROBE"), (36.0, "PROBE"), (37.0, "PROBE")]
    assert life.states[-4:] == ["REACHABLE", "DELAY", "PROBE", "FAILED"]


def test_a_stale_neighbour_is_used_at_once_and_asked_five_seconds_later() -> None:
    life = Life()
    life.neigh.told(ALICE_MAC, answered=False, override=True)
    assert life.state == "STALE"
    life.at(100)
    life.send()
    assert life.state == "DELAY"
    assert len(life.sent) == 1
    life.at(105)
    assert life.state == "PROBE"
    assert life.asked == [(105.0, "PROBE")]
    life.send()
    assert len(life.sent) == 2
    life.answered()
    assert life.state == "REACHABLE"
    life.at(130)
    assert life.state == "REACHABLE"
    life.at(140)
    assert life.state == "STALE"


def test_a_confirmation_during_the_delay_saves_the_question() -> None:
    life = Life()
    life.neigh.told(ALICE_MAC, answered=False, override=True)
    life.at(10)
    life.send()
    life.at(12)
    life.neigh.confirmed = 12.0  # what a TCP acknowledgement would say
    life.at(15)
    assert life.state == "REACHABLE"
    assert life.asked == []
    life.at(41.9)
    assert life.state == "REACHABLE"
    life.at(42.1)
    assert life.state == "STALE"


def test_an_answer_that_changes_nothing_confirms_and_lets_the_timer_find_out() -> None:
    life = Life()
    life.answered()
    life.at(20)
    life.answered()
    life.at(49)
    assert life.state == "REACHABLE"
    life.at(51)
    assert life.state == "STALE"


def test_the_reachable_time_can_be_set() -> None:
    life = Life()
    life.parms.reachable_time = 7.0
    life.answered()
    life.at(6.9)
    assert life.state == "REACHABLE"
    life.at(7.1)
    assert life.state == "STALE"


def test_repeated_questions_after_the_direct_ones_can_be_set() -> None:
    life = Life(mcast_resolicit=2)
    life.neigh.told(ALICE_MAC, answered=False, override=True)
    life.send()
    life.at(60)
    asked = ["PROBE"] * 3 + [EVERYBODY] * 2
    assert life.asked == [(5.0 + second, whom) for second, whom in enumerate(asked)]
    assert life.state == "FAILED"


# -- somebody answers otherwise ----------------------------------------------------------------------------


@pytest.mark.parametrize("answered", [True, False])
def test_another_address_is_taken_only_with_override(answered: bool) -> None:
    life = Life()
    life.answered()
    life.neigh.told(BOB_MAC, answered=answered, override=False)
    assert (life.state, life.neigh.ha) == ("REACHABLE", ALICE_MAC)
    life.neigh.told(BOB_MAC, answered=answered, override=True)
    assert life.neigh.ha == BOB_MAC
    assert life.state == ("REACHABLE" if answered else "STALE")


def test_a_move_overheard_makes_the_old_confirmation_void() -> None:
    life = Life()
    life.answered()
    life.at(1)
    life.neigh.told(BOB_MAC, answered=False, override=True)
    life.send()
    life.at(6.1)
    assert life.state == "PROBE"
    assert life.sent[0][:6] == BOB_MAC


@pytest.mark.parametrize("state", [NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE])
def test_hearing_the_known_address_again_leaves_the_state(state: int) -> None:
    """Linux: net/core/neighbour.c __neigh_update(): a STALE update of a valid entry is no news"""
    life = Life()
    life.neigh.set(ALICE_MAC, state)
    life.neigh.told(ALICE_MAC, answered=False, override=True)
    assert life.neigh.state == state


@pytest.mark.parametrize("state", [NUD_PERMANENT, NUD_NOARP])
def test_what_a_user_or_the_device_fixed_no_packet_changes(state: int) -> None:
    life = Life()
    life.neigh.set(ALICE_MAC, state)
    life.neigh.told(BOB_MAC, answered=True, override=True)
    assert (life.neigh.state, life.neigh.ha) == (state, ALICE_MAC)
    life.send()
    assert len(life.sent) == 1
    life.at(1000)
    assert life.neigh.state == state
    assert life.asked == []


# -- a user decides ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "later"),
    [
        (NUD_PERMANENT, "PERMANENT"),
        (NUD_NOARP, "NOARP"),
        (NUD_REACHABLE, "STALE"),
        (NUD_STALE, "STALE"),
        (NUD_DELAY, "FAILED"),
        (NUD_PROBE, "FAILED"),
    ],
)
def test_a_state_that_a_user_sets_lives_on_from_there(state: int, later: str) -> None:
    life = Life()
    life.neigh.set(ALICE_MAC, state)
    assert life.neigh.state == state
    life.at(100)
    assert life.state == later


def test_a_user_who_names_an_address_releases_what_waits() -> None:
    life = Life()
    life.send()
    life.neigh.set(ALICE_MAC, NUD_PERMANENT)
    assert [frame[:6] for frame in life.sent] == [ALICE_MAC]
    life.assert_balanced()


def test_a_user_may_keep_the_address_and_change_the_state() -> None:
    life = Life()
    life.answered()
    life.neigh.set(None, NUD_STALE)
    assert (life.state, life.neigh.ha) == ("STALE", ALICE_MAC)


def test_a_user_who_declares_failure_fails_what_waits() -> None:
    life = Life()
    life.send()
    life.neigh.set(None, NUD_FAILED)
    assert life.state == "FAILED"
    assert life.unreachable == [0.0]
    assert len(life.timers) == 0
    life.assert_balanced()


def test_a_user_may_take_a_belief_back() -> None:
    life = Life()
    life.answered()
    life.neigh.set(None, NUD_NONE)
    assert life.state == "NONE"
    life.at(100)
    assert life.unreachable == []


# -- the queue ---------------------------------------------------------------------------------------------


def test_the_queue_is_bounded_by_octets_and_the_oldest_goes_first() -> None:
    life = Life(unres_qlen_bytes=3 * 768)
    sizes = (100, 101, 102, 103, 104)
    for size in sizes:
        life.send(size)
    assert life.outcomes.dropped == {NEIGH_QUEUEFULL: 2}
    life.assert_balanced()
    life.answered()
    assert [len(frame) - 14 for frame in life.sent] == [102, 103, 104]
    assert life.neigh.queue_octets == 0


def test_a_packet_larger_than_the_bound_empties_the_queue_and_waits_alone() -> None:
    """Linux: net/core/neighbour.c __neigh_event_send() queues it all the same"""
    life = Life(unres_qlen_bytes=1000)
    life.send(100)
    life.send(1500)
    assert life.outcomes.dropped == {NEIGH_QUEUEFULL: 1}
    assert [len(pkt.payload()) for pkt in life.neigh.queue] == [1500]
    life.assert_balanced()


def test_a_flood_to_a_silent_neighbour_holds_no_more_than_the_default_bound() -> None:
    life = Life()
    for _ in range(2000):
        life.send()
    assert life.neigh.queue_octets <= 212_992
    assert len(life.neigh.queue) == 212_992 // 768
    life.assert_balanced()
    life.at(3)
    life.assert_balanced()
    assert sum(life.outcomes.dropped.values()) == 2000


@pytest.mark.parametrize(("size", "octets"), [(28, 768), (128, 768), (129, 1280), (640, 1280), (1500, 2304)])
def test_a_packet_is_charged_what_its_buffer_takes(size: int, octets: int) -> None:
    assert truesize(Life().packet(size)) == octets


# -- the end -----------------------------------------------------------------------------------------------


def test_a_removed_neighbour_drops_what_waits_and_asks_no_more() -> None:
    life = Life()
    life.send()
    life.neigh.kill()
    assert life.outcomes.dropped == {NEIGH_DEAD: 1}
    life.at(10)
    assert len(life.asked) == 1
    assert life.unreachable == []
    life.send()
    assert life.outcomes.dropped == {NEIGH_DEAD: 2}
    life.assert_balanced()


def test_a_new_neighbour_has_no_address() -> None:
    life = Life()
    assert (life.neigh.ha, life.neigh.state, life.neigh.protocol) == (ZERO, NUD_NONE, 0)
    assert life.neigh.confirmed < 0
    life.send()
    assert life.neigh.state == NUD_INCOMPLETE
