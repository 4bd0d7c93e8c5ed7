"""Putting fragments together: order, repetitions, overlaps, contradictions, and the bounds."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.clock import Clock
from pystack.counters import Snmp
from pystack.drop import FRAG_TOO_FAR, Drop, Outcomes
from pystack.events import EventSink
from pystack.l2.port import PortDevice
from pystack.l3.defrag import Datagram, Defrag
from pystack.l3.peers import Peers
from pystack.packet import Packet
from pystack.timers import Timers
from pystack.wire import ipv4
from pystack.wire.ipv4 import IP_DF, IP_MF, Ipv4Header
from tests.frames import OUR_MAC, datagram, packet_frame

PAYLOAD = bytes(range(100))


class Desk:
    """A place where fragments are put together."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.timers = Timers(self.clock)
        self.outcomes = Outcomes()
        self.snmp = Snmp()
        self.told: list[Packet] = []
        self.log: list[str] = []
        self.defrag = Defrag(
            clock=self.clock,
            timers=self.timers,
            drop=Drop("", self.outcomes, self.snmp, EventSink()),
            outcomes=self.outcomes,
            snmp=self.snmp,
            peers=Peers(self.clock),
            expired=self.told.append,
            log=self.log.append,
        )
        self.dev = PortDevice("eth0", OUR_MAC)

    def add(
        self, start: int, end: int, *, last: bool | None = None, ident: int = 7, tos: int = 0, df: int = 0
    ) -> bytes | None:
        """Octets `start` to `end` of PAYLOAD; the whole payload once it is complete."""
        more = end < len(PAYLOAD) if last is None else not last
        frag_off = df | (IP_MF if more else 0) | start // 8
        piece = (PAYLOAD + bytes(70_000))[start:end]
        return self.take(datagram(piece, 17, id=ident, frag_off=frag_off, tos=tos))

    def take(self, packet: bytes) -> bytes | None:
        self.outcomes.received += 1
        pkt = Packet(packet_frame(packet), self.dev)
        fields = ipv4.parse(pkt.data, 14)
        assert isinstance(fields, Ipv4Header)
        pkt.network_header, pkt.transport_header, pkt.ip = 14, 14 + fields.ihl, fields
        whole = self.defrag.ip_defrag(pkt, fields, 0)
        if whole is None:
            assert self.outcomes.outstanding() == self.defrag.queued
            return None
        self.outcomes.delivered += 1
        assert self.outcomes.outstanding() == self.defrag.queued
        self.whole = ipv4.parse(whole.data, whole.network_header)
        assert isinstance(self.whole, Ipv4Header)
        return bytes(whole.data[whole.transport_header :])

    def drops(self) -> dict[str, int]:
        return {reason.name: count for reason, count in self.outcomes.dropped.items()}

    def at(self, now: float) -> None:
        self.clock.set(now)
        self.timers.run_expired()


CUTS = [(0, 24), (24, 64), (64, 72), (72, 100)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_four_pieces_make_a_whole_in_any_order(order: tuple[int, ...]) -> None:
    desk = Desk()
    answers = [desk.add(*CUTS[number]) for number in order]
    assert answers == [None, None, None, PAYLOAD]
    assert isinstance(desk.whole, Ipv4Header)
    assert (desk.whole.frag_off, desk.whole.tot_len, desk.whole.id) == (0, 120, 7)
    assert (desk.snmp.Ip.ReasmReqds, desk.snmp.Ip.ReasmOKs) == (4, 1)
    assert desk.defrag.memory == desk.defrag.queued == len(desk.timers) == 0
    assert desk.outcomes.merged == 3


def test_datagrams_of_other_numbers_do_not_mix() -> None:
    desk = Desk()
    desk.add(0, 48, ident=1)
    assert desk.add(48, 100, ident=2) is None
    assert desk.add(48, 100, ident=1) == PAYLOAD


def test_a_repetition_is_dropped_alone() -> None:
    desk = Desk()
    desk.add(0, 48)
    desk.add(0, 48)
    desk.add(0, 24)
    desk.add(24, 48)
    assert desk.drops() == {"DUP_FRAG": 3}
    assert desk.add(48, 100) == PAYLOAD


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0, 48), (40, 100)),
        ((0, 48), (40, 64)),
        ((48, 100), (0, 56)),
        ((24, 48), (0, 100)),
        ((24, 48), (16, 56)),
    ],
    ids=["tail", "middle", "head", "around", "both sides"],
)
def test_an_overlap_makes_the_whole_datagram_void(first: tuple[int, int], second: tuple[int, int]) -> None:
    """RFC 5722, which Linux keeps for IPv4 too."""
    desk = Desk()
    desk.add(*first)
    assert desk.add(*second) is None
    assert desk.drops() == {"FRAG_OVERLAP": 2}
    assert desk.snmp.IpExt.ReasmOverlaps == 1
    assert desk.snmp.Ip.ReasmFails == 1
    assert desk.defrag.queued == desk.defrag.memory == 0


def test_two_ends_that_differ_are_a_contradiction() -> None:
    desk = Desk()
    desk.add(48, 100)
    desk.add(64, 72, last=True)
    assert desk.drops() == {"FRAG_CORRUPT": 2}


def test_a_piece_behind_the_end_is_a_contradiction() -> None:
    desk = Desk()
    desk.add(48, 64, last=True)
    desk.add(64, 72, last=False)
    assert desk.drops() == {"FRAG_CORRUPT": 2}


def test_an_end_before_what_is_here_is_a_contradiction() -> None:
    desk = Desk()
    desk.add(64, 72)
    desk.add(24, 48, last=True)
    assert desk.drops() == {"FRAG_CORRUPT": 2}


def test_an_empty_piece_is_a_contradiction() -> None:
    desk = Desk()
    desk.add(0, 4, last=False)
    assert desk.drops() == {"FRAG_CORRUPT": 1}


def test_a_middle_piece_counts_in_eights() -> None:
    """What is left over of a piece that others follow is cut off."""
    desk = Desk()
    desk.add(0, 29, last=False)
    assert desk.add(24, 100) == PAYLOAD


def test_a_datagram_longer_than_the_longest_is_void() -> None:
    desk = Desk()
    for start in range(0, 65_520, 9360):
        desk.add(start, start + 9360, last=False)
    assert desk.add(65_520, 65_535, last=True) is None
    assert desk.drops()["FRAG_CORRUPT"] == 8


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3), (1, 3, 3), (2, 3, 3), (2, 1, 2), (0, 1, None), (0, 3, None)],
)
def test_congestion_marks_of_the_pieces_are_put_together(
    first: int, second: int, together: int | None
) -> None:
    """RFC 3168 section 5.3; a piece that cannot say beside one that can makes the whole void."""
    desk = Desk()
    desk.add(0, 48, tos=first)
    assert (desk.add(48, 100, tos=second) == PAYLOAD) is (together is not None)
    if together is not None:
        assert isinstance(desk.whole, Ipv4Header)
        assert desk.whole.tos == together


@pytest.mark.parametrize(
    ("first", "second", "df"), [(IP_DF, IP_DF, IP_DF), (0, IP_DF, IP_DF), (IP_DF, 0, 0), (0, 0, 0)]
)
def test_the_whole_may_not_be_cut_if_the_largest_piece_might_not(first: int, second: int, df: int) -> None:
    desk = Desk()
    desk.add(0, 48, df=first)
    assert desk.add(48, 100, df=second) == PAYLOAD
    assert isinstance(desk.whole, Ipv4Header)
    assert desk.whole.frag_off == df


# -- time and bounds ---------------------------------------------------------------------------------------


def test_what_stays_incomplete_ends_after_the_time_that_is_set() -> None:
    desk = Desk()
    desk.defrag.sysctl.ipfrag_time = 5
    desk.add(0, 48)
    desk.add(64, 72)
    desk.at(4.9)
    assert desk.defrag.queued == 2
    desk.at(5.0)
    assert desk.drops() == {"FRAG_REASM_TIMEOUT": 2}
    assert [pkt.network_header for pkt in desk.told] == [14]
    assert (desk.snmp.Ip.ReasmTimeout, desk.snmp.Ip.ReasmFails) == (1, 1)


def test_without_its_first_piece_nobody_is_told() -> None:
    desk = Desk()
    desk.add(48, 100)
    desk.at(31)
    assert desk.told == []
    assert desk.drops() == {"FRAG_REASM_TIMEOUT": 1}


def test_a_flood_of_beginnings_is_bounded_by_octets() -> None:
    desk = Desk()
    desk.defrag.sysctl.ipfrag_high_thresh = 10_000
    for ident in range(100):
        desk.add(0, 48, ident=ident)
    assert desk.defrag.memory <= 10_000 + 560
    assert desk.drops()["NOMEM"] == 100 - desk.defrag.queued
    desk.at(31)
    assert desk.defrag.memory == desk.defrag.queued == 0


def test_a_namespace_that_goes_drops_what_waits() -> None:
    desk = Desk()
    desk.add(0, 48)
    desk.add(0, 48, ident=8)
    desk.defrag.purge()
    assert desk.drops() == {"FRAG_REASM_TIMEOUT": 2}
    assert len(desk.timers) == 0


# -- stretches ---------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=12))
def test_stretches_are_taken_refused_or_known_as_a_set_of_octets_would_have_it(
    pieces: list[tuple[int, int]],
) -> None:
    """Taken only if all is new, and known only if all is here; anything else is an overlap."""
    datagram_, here = Datagram(), set[int]()
    for start, length in pieces:
        octets = set(range(start, start + length))
        reason = datagram_.place(start, start + length)
        if reason is None:
            assert not octets & here
            here |= octets
        elif reason.name == "DUP_FRAG":
            assert octets <= here
        else:
            assert octets & here
        assert datagram_.end == max(here, default=-1) + 1


@pytest.mark.parametrize(("most", "between", "whole"), [(64, 64, False), (64, 63, True), (0, 500, True)])
def test_a_datagram_is_begun_anew_when_too_much_came_in_between(most: int, between: int, whole: bool) -> None:
    desk = Desk()
    desk.defrag.sysctl.ipfrag_max_dist = most
    desk.add(0, 48)
    for ident in range(100, 100 + between):
        desk.add(0, 48, ident=ident)
    assert (desk.add(48, 100) is not None) == whole
    if not whole:
        assert desk.add(0, 48) == PAYLOAD  # what came last is kept
        assert desk.outcomes.dropped[FRAG_TOO_FAR] == 1
        assert desk.snmp.Ip.ReasmFails == 1


def test_a_datagram_that_is_begun_anew_has_all_its_time_again() -> None:
    desk = Desk()
    desk.defrag.sysctl.ipfrag_max_dist = 1
    desk.add(0, 48)
    desk.clock.set(20.0)
    desk.add(0, 48, ident=8)
    desk.add(0, 48, ident=9)
    desk.add(48, 100)
    desk.clock.set(45.0)
    desk.timers.run_expired()
    assert desk.add(0, 48) == PAYLOAD


def test_above_the_threshold_nothing_is_taken_at_all() -> None:
    desk = Desk()
    desk.add(0, 48)
    desk.defrag.sysctl.ipfrag_high_thresh = 1
    assert desk.add(48, 100) is None
    desk.defrag.sysctl.ipfrag_high_thresh = 0
    assert desk.add(48, 100) is None
    desk.defrag.sysctl.ipfrag_high_thresh = 1 << 20
    assert desk.add(48, 100) == PAYLOAD


def test_what_would_be_longer_than_a_packet_can_be_is_written_down() -> None:
    desk = Desk()
    desk.add(0, 40_000, last=False)
    assert desk.add(40_000, 65_535, last=True) is None
    assert desk.log == ["IPv4: Oversized IP packet from 10.0.0.2"]
