"""Matches that remember: what they say depends on what passed, and when. The kernel's answers:
scenarios/netfilter/match-*.toml."""

import pytest

from pystack.netfilter.matches.hashlimit import Buckets, HashLimit, HashSettings
from pystack.netfilter.matches.limit import SCALE, Limit, Nth, Quota, Random, overflows
from pystack.netfilter.matches.recent import Recent, RecentList, RecentLists
from pystack.netfilter.nft.statements.limit import Limit as TokenBucket
from pystack.netfilter.rule import Match
from tests.box import Box
from tests.netfilter.rules import view

MASK = 0xFFFFFFFF


def said(match: Match, count: int) -> list[bool]:
    packet = view()
    return [match(packet) for _ in range(count)]


def test_a_limit_lets_its_burst_through_and_then_one_in_each_interval() -> None:
    box = Box()
    limit = Limit(box.ns.tables.path, SCALE, 3)
    assert said(limit, 5) == [True, True, True, False, False]
    box.advance(1.0)
    assert said(limit, 2) == [True, False]


def test_a_bucket_of_nft_fills_with_every_nanosecond() -> None:
    box = Box()
    limit = TokenBucket(box.host.clock, 3, 60, 2)
    assert said(limit, 3) == [True, True, False]
    box.advance(19.9)
    assert said(limit, 1) == [False]
    box.advance(0.1)
    assert said(limit, 2) == [True, False]
    box.advance(1000.0)
    assert said(limit, 3) == [True, True, False]


@pytest.mark.parametrize(
    ("interval", "burst", "too_much"),
    [(SCALE * 86400, 5, True), (SCALE * 43200, 1, False), (SCALE, 10000, False), (SCALE, 0, True)],
)
def test_what_32_bits_do_not_hold_is_told(interval: int, burst: int, too_much: bool) -> None:
    assert overflows(interval, burst, 250) is too_much


def test_a_limit_that_rests_for_long_is_as_full_as_at_first_and_not_fuller() -> None:
    box = Box()
    limit = Limit(box.ns.tables.path, SCALE, 2)
    said(limit, 2)
    box.advance(1000.0)
    assert said(limit, 3) == [True, True, False]


@pytest.mark.parametrize(("packet", "hits"), [(0, [0, 3, 6]), (1, [1, 4, 7]), (2, [2, 5, 8])])
def test_one_of_every_three_begins_with_the_one_that_was_named(packet: int, hits: list[int]) -> None:
    answers = said(Nth(3, packet, inverted=False), 9)
    assert [number for number, answer in enumerate(answers) if answer] == hits
    assert said(Nth(3, packet, inverted=True), 9) == [not answer for answer in answers]


def test_chance_keeps_to_its_probability() -> None:
    path = Box().ns.tables.path
    assert not any(said(Random(path, 0, inverted=False), 50))
    assert all(said(Random(path, 0x80000000, inverted=False), 50))
    assert 350 < sum(said(Random(path, 0x40000000, inverted=False), 1000)) < 650


def test_a_quota_that_does_not_hold_the_next_packet_is_gone() -> None:
    quota = Quota(70, inverted=False)  # a packet of view() has 32 octets
    assert said(quota, 4) == [True, True, False, False]


def recent(
    box: Box, seen: RecentList, action: str, *, seconds: int = 0, hits: int = 0, inverted: bool = False
) -> Recent:
    return Recent(
        box.ns.tables.path,
        seen,
        action,
        by_destination=False,
        seconds=seconds,
        hits=hits,
        reap=False,
        same_ttl=False,
        inverted=inverted,
    )


def test_recent_counts_only_what_came_within_its_seconds() -> None:
    box, seen = Box(), RecentList(MASK)
    note, twice = recent(box, seen, "set"), recent(box, seen, "rcheck", seconds=10, hits=2)
    assert said(note, 1) == [True]
    assert said(twice, 1) == [False]
    box.advance(5.0)
    said(note, 1)
    assert said(twice, 1) == [True]
    box.advance(8.0)
    assert said(twice, 1) == [False]


def test_update_notes_only_those_that_it_matches() -> None:
    box, seen = Box(), RecentList(MASK)
    said(recent(box, seen, "set"), 1)
    said(recent(box, seen, "update", hits=2), 1)
    assert len(seen.entries[0x0A000001].stamps) == 1
    said(recent(box, seen, "update"), 1)
    assert len(seen.entries[0x0A000001].stamps) == 2


def test_remove_matches_once_and_the_address_is_gone() -> None:
    box, seen = Box(), RecentList(MASK)
    said(recent(box, seen, "set"), 1)
    assert said(recent(box, seen, "remove"), 2) == [True, False]
    assert said(recent(box, seen, "rcheck", inverted=True), 1) == [True]


def test_a_list_forgets_the_address_that_was_away_longest() -> None:
    box, seen = Box(), RecentList(MASK)
    note = recent(box, seen, "set")
    for number in range(101):
        note(view(f"10.1.0.{number}"))
    assert len(seen.entries) == 100
    assert 0x0A010000 not in seen.entries


def test_rules_of_one_name_share_a_list_with_the_mask_of_the_first() -> None:
    lists = RecentLists()
    first = lists.use("S", 0xFFFFFF00, 0)
    assert lists.use("S", MASK, 0) is first
    assert lists.use("T", MASK, 0) is not first
    assert first.mask == 0xFFFFFF00


def test_each_sender_has_a_bucket_of_its_own() -> None:
    box = Box()
    settings = HashSettings(60 * 1000000, 2, frozenset(("srcip",)), MASK, MASK, 10000, 2)
    limit = HashLimit(box.ns.tables.path, Buckets(settings, 250), above=False)
    assert said(limit, 3) == [True, True, False]
    assert limit(view("10.0.0.9"))
    third = view("10.0.0.10")
    assert not limit(third)
    assert third.hotdrop  # there is no room for a third bucket
