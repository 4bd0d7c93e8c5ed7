"""All connections of a namespace, found by either of their tuples.

The table is cut into many small ones: none ever grows so large that making room in it is felt, what has
expired is looked for in slices, and a full table looks for a victim in one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from zlib import crc32

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.info import IPS_SRC_NAT
from pystack.netfilter.conntrack.tuples import source_of

SHARDS: Final = 1024


class ConnTable:
    """Linux: nf_conntrack_hash"""

    __slots__ = ("_shards", "_sources", "count")

    def __init__(self) -> None:
        self.count = 0
        self._shards: tuple[dict[bytes, Conn], ...] = ()  # made by the first connection
        self._sources: dict[bytes, list[Conn]] = {}  # those whose source was changed, by what it was

    def find(self, key: bytes) -> Conn | None:
        """The connection that has this tuple in one of its directions."""
        shards = self._shards
        return shards[crc32(key) & SHARDS - 1].get(key) if shards else None

    def insert(self, conn: Conn) -> None:
        """Take a connection in. Its tuples must be free."""
        if not self._shards:
            self._shards = tuple({} for _ in range(SHARDS))
        self._shards[_shard(conn.original)][conn.original] = conn
        self.insert_reply_only(conn)

    def insert_reply_only(self, conn: Conn) -> None:
        """Take a connection in whose other direction another one has."""
        self._shards[_shard(conn.reply)][conn.reply] = conn
        self.count += 1
        if conn.status & IPS_SRC_NAT:
            self._sources.setdefault(source_of(conn.original), []).append(conn)

    def remove(self, conn: Conn) -> None:
        """Take a connection out."""
        for key in (conn.original, conn.reply):
            shard = self._shards[_shard(key)]
            if shard.get(key) is conn:
                del shard[key]
        self.count -= 1
        if conn.status & IPS_SRC_NAT:
            self._forget_source(conn)

    def of_source(self, key: bytes) -> Iterator[Conn]:
        """The connections from the source of this tuple whose source was changed, the youngest first.

        Linux: net/netfilter/nf_nat_core.c nf_nat_bysource, which also holds those that were not changed
        """
        return reversed(self._sources.get(source_of(key), ()))

    def _forget_source(self, conn: Conn) -> None:
        key = source_of(conn.original)
        others = [other for other in self._sources.get(key, ()) if other is not conn]
        if others:
            self._sources[key] = others
        else:
            self._sources.pop(key, None)

    def near(self, key: bytes) -> Iterator[Conn]:
        """The connections that lie together with this tuple, the eldest first."""
        return iter(list(self._shards[_shard(key)].values()) if self._shards else ())

    def slice(self, number: int) -> Iterator[Conn]:
        """One part of the table, of SHARDS; each connection is in one of them."""
        if not self._shards:
            return iter(())
        shard = self._shards[number]
        return (conn for key, conn in list(shard.items()) if key is conn.original)

    def __iter__(self) -> Iterator[Conn]:
        for number in range(SHARDS if self._shards else 0):
            yield from self.slice(number)


def _shard(key: bytes) -> int:
    return crc32(key) & SHARDS - 1
