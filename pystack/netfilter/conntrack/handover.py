"""A tracker's connections, and what they expect, taken over by the tracker of the stack that comes next."""

from __future__ import annotations

from collections.abc import Mapping

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.helper import help_of
from pystack.netfilter.conntrack.table import ConnTable


def hand_over(new: TrackContext, old: TrackContext, heirs: Mapping[int, int]) -> None:
    """Everything that still lives; the old tracker has nothing then, and tells nobody.

    `heirs` says which device of the new stack is which of the old one, by their numbers. What was translated
    to the address of a device ends with it, as it would on a host.
    """
    table, old.table = old.table, ConnTable()
    if not new.table.count:
        return _take_table(new, old, table, heirs)
    for conn in table:
        if _has_ended(conn, old, heirs) or not _is_free(conn, new):
            continue
        new.table.insert(conn)
        _take(conn, new, heirs)


def _take_table(new: TrackContext, old: TrackContext, table: ConnTable, heirs: Mapping[int, int]) -> None:
    """As it is, where there is none: that takes a fraction of the time."""
    new.table = table
    for conn in list(table):
        if _has_ended(conn, old, heirs):
            table.remove(conn)
        else:
            _take(conn, new, heirs)


def _has_ended(conn: Conn, tracker: TrackContext, heirs: Mapping[int, int]) -> bool:
    return tracker.is_over(conn) or (conn.masq_index != 0 and conn.masq_index not in heirs)


def _take(conn: Conn, new: TrackContext, heirs: Mapping[int, int]) -> None:
    conn.masq_index = heirs.get(conn.masq_index, 0)
    conn.kept = conn.proto  # packed up: the new tracker does not know that it is busy
    _take_expectations(conn, new)


def _is_free(conn: Conn, new: TrackContext) -> bool:
    """A setup may have made one like it."""
    return new.find(conn.original) is None and new.find(conn.reply) is None


def _take_expectations(conn: Conn, new: TrackContext) -> None:
    help_ = help_of(conn)
    if help_ is None:
        return
    waiting, help_.expectations = help_.expectations, []
    for expected in reversed(waiting):
        if expected.follow is not None and new.nat is not None:
            expected.follow = new.nat.follow_master
        new.expectations.insert(expected)
