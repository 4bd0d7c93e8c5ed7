"""Connections of one tracker, taken over by the next."""

from collections.abc import Callable

import pytest

from pystack.host import Host
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.handover import hand_over
from pystack.netfilter.conntrack.tuples import Tuple
from pystack.netfilter.hooks import NFPROTO_IPV4
from pystack.wire.ipv4 import IPPROTO_UDP

CLIENT, SERVER = 0x0A000002, 0x0A010002
SECONDS = 100

Prepare = Callable[[TrackContext], object]


def tracker() -> TrackContext:
    return Host().init.conntrack.context


def begun(context: TrackContext, port: int, *, device: int = 0, seconds: int = SECONDS) -> Conn:
    there = Tuple(NFPROTO_IPV4, IPPROTO_UDP, CLIENT, SERVER, port, 53)
    back = Tuple(NFPROTO_IPV4, IPPROTO_UDP, SERVER, CLIENT, 53, port)
    conn = Conn(there.key, back.key)
    conn.expires = context.clock.jiffies + seconds * context.clock.hz
    conn.masq_index = device
    context.table.insert(conn)
    return conn


def tracker_of_nobody(context: TrackContext) -> None:
    """The new table is empty."""


def other(context: TrackContext) -> None:
    """So that the new table is not empty."""
    begun(context, 9)


each_table = pytest.mark.parametrize(
    "prepare", [tracker_of_nobody, other], ids=["nothing there", "others there"]
)


@each_table
def test_who_lives_does_and_the_old_tracker_has_nothing(prepare: Prepare) -> None:
    old, new = tracker(), tracker()
    prepare(new)
    before = new.table.count
    conn = begun(old, 1000)
    hand_over(new, old, {})
    assert new.find(conn.original) is conn is new.find(conn.reply)
    assert (old.table.count, new.table.count - before) == (0, 1)


@each_table
def test_who_has_ended_does_not(prepare: Prepare) -> None:
    old, new = tracker(), tracker()
    prepare(new)
    conn = begun(old, 1000, seconds=0)
    hand_over(new, old, {})
    assert new.find(conn.original) is None


@each_table
def test_who_was_translated_to_a_device_s_address_goes_with_the_device(prepare: Prepare) -> None:
    old, new = tracker(), tracker()
    prepare(new)
    stays, goes = begun(old, 1000, device=3), begun(old, 1001, device=4)
    hand_over(new, old, {3: 7})
    assert new.find(stays.original) is stays
    assert stays.masq_index == 7
    assert new.find(goes.original) is new.find(goes.reply) is None


def test_the_new_tracker_s_own_stays_where_both_have_one() -> None:
    old, new = tracker(), tracker()
    own, theirs = begun(new, 1000), begun(old, 1000)
    hand_over(new, old, {})
    assert new.find(theirs.original) is own
