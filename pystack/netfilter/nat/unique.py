"""Which mapping a connection gets: one that the rule allows, and by which its answers can be told apart.

1. as it is, or as other connections of the same source are mapped, if that is free
2. else the address by a hash of both ends (jhash), so that a client always looks alike to a server
3. its own port if that is allowed and free, else one that is looked for from a random place on

Linux: net/netfilter/nf_nat_core.c get_unique_tuple()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import IPS_DYING, IPS_FIXED_TIMEOUT, IPS_SRC_NAT
from pystack.netfilter.conntrack.tcp_states import State
from pystack.netfilter.conntrack.tcp_track import track_of
from pystack.netfilter.conntrack.tuples import (
    IPPROTO_GRE,
    IPPROTO_SCTP,
    IPPROTO_UDPLITE,
    WITH_ID,
    Tuple,
    inverted,
    read,
)
from pystack.netfilter.hooks import NFPROTO_IPV4
from pystack.netfilter.nat.jhash import jhash_words
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC, NatRange
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

_WITH_PORTS: Final = frozenset({IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP})
_U16: Final = 0xFFFF
_U32: Final = 0xFFFFFFFF
_ATTEMPTS: Final = 128
_FEWEST: Final = 16
_HARDER: Final = _ATTEMPTS // 4  # from so many left on, closing connections have to make room
_ADDRESS_WORDS: Final = 4  # the kernel hashes room for an IPv6 address

Draw = Callable[
    [Conn, int, int], int
]  # for a connection, what is changed, the first port: from where to look


class Chooser:
    """Looks into the table of connections; draws by `draw`."""

    def __init__(self, context: TrackContext, draw: Draw) -> None:
        self._context = context
        self.draw = draw

    def choose(self, conn: Conn, current: Tuple, wanted: NatRange, manip: int) -> Tuple:
        """What the connection's packets shall look like. Linux: get_unique_tuple()"""
        if manip == MANIP_SRC and not wanted.random:
            known = self._known(conn, current, wanted)
            if known is not None:
                return known
        found = _with_address(conn, current, wanted, manip)
        if not wanted.random and self._will_do(conn, found, wanted, manip):
            return found
        return self._with_port(conn, found, wanted, manip)

    def is_taken(self, conn: Conn, flow: Tuple) -> bool:
        """Whether answers to such packets belong to another connection.

        Linux: nf_nat_used_tuple(), nf_conntrack_core.c nf_conntrack_tuple_taken()
        """
        other = self._context.find(_answer_to(flow))
        if other is None or other is conn or other.original == conn.original:
            return False
        self._context.stats.found += 1
        return True

    def _known(self, conn: Conn, current: Tuple, wanted: NatRange) -> Tuple | None:
        """As it is, or as others of its source are mapped. Linux: find_appropriate_src()"""
        if _is_in(wanted, current):
            return None if self.is_taken(conn, current) else current
        for other in self._context.table.of_source(conn.original):
            mapped = read(inverted(other.reply) or other.original)
            mapped = mapped._replace(daddr=current.daddr, dport=current.dport)
            if _is_in(wanted, mapped):
                return None if self.is_taken(conn, mapped) else mapped
        return None

    def _will_do(self, conn: Conn, found: Tuple, wanted: NatRange, manip: int) -> bool:
        """Whether nothing has to be looked for. Of a single port that is wanted nobody asks if it is free."""
        if wanted.ports is None:
            return not self.is_taken(conn, found)
        if wanted.base_port is not None or not _port_is_in(wanted, found, manip):
            return False
        return wanted.ports[0] == wanted.ports[1] or not self.is_taken(conn, found)

    def _with_port(self, conn: Conn, found: Tuple, wanted: NatRange, manip: int) -> Tuple:
        """Try ports from somewhere on; if all are taken, the last tried it is.

        Linux: nf_nat_l4proto_unique_tuple()
        """
        field = _field_of(found.protocol, manip)
        port = 0 if field is None else getattr(found, field)
        bounds = _ports_for(port, found.protocol, wanted, manip)
        if field is None or bounds is None:
            return found
        low, size = bounds[0], bounds[1] - bounds[0] + 1
        if wanted.base_port is not None:
            offset = port - wanted.base_port & _U16
        else:
            offset = self.draw(conn, manip, low)
        attempts = min(size, _ATTEMPTS)
        while True:
            for left in range(attempts, 0, -1):
                found = found._replace(**{field: low + offset % size & _U16})
                if not self._is_taken_harder(conn, found, left):
                    return found
                offset = offset + 1 & _U16
            if attempts >= size or attempts < _FEWEST:
                return found
            attempts //= 2
            offset = self.draw(conn, manip, low)

    def _is_taken_harder(self, conn: Conn, flow: Tuple, left: int) -> bool:
        """As is_taken; towards the end a connection that is closing is ended for the new one.

        Linux: nf_nat_used_tuple_harder()
        """
        if left > _HARDER or flow.protocol != IPPROTO_TCP or track_of(conn).state != State.SYN_SENT:
            return self.is_taken(conn, flow)
        key = _answer_to(flow)
        other = self._context.find(key)
        if other is None:
            return False
        if other.original == key or not _may_end(other, conn):
            return True
        self._context.kill(other)
        return False


def _answer_to(flow: Tuple) -> bytes:
    answer = inverted(flow.key)
    assert answer is not None, "what has a connection can be answered"
    return answer


def _is_in(wanted: NatRange, flow: Tuple) -> bool:
    """Linux: nf_in_range()"""
    return wanted.holds_address(flow.saddr) and _port_is_in(wanted, flow, MANIP_SRC)


def _port_is_in(wanted: NatRange, flow: Tuple, manip: int) -> bool:
    field = _field_of(flow.protocol, manip)
    return field is None or wanted.holds_port(getattr(flow, field))


def _field_of(protocol: int, manip: int) -> str | None:
    """Where a tuple has what can be changed besides an address."""
    if protocol in WITH_ID:
        return "sport"  # the id
    if protocol in _WITH_PORTS or protocol == IPPROTO_GRE:
        return "sport" if manip == MANIP_SRC else "dport"
    return None


def _with_address(conn: Conn, current: Tuple, wanted: NatRange, manip: int) -> Tuple:
    """Linux: find_best_ips_proto()"""
    if wanted.addresses is None:
        return current
    low, high = wanted.addresses
    field = "saddr" if manip == MANIP_SRC else "daddr"
    if low == high:
        return current._replace(**{field: low})
    length = 1 if current.family == NFPROTO_IPV4 else _ADDRESS_WORDS
    saddr, daddr, lows, highs = (
        _words(address, length) for address in (current.saddr, current.daddr, low, high)
    )
    start = 0 if wanted.persistent else _swapped(daddr[-1]) ^ conn.zone.number
    known = [_swapped(word) for word in saddr] + [0] * (_ADDRESS_WORDS - length)
    drawn, chosen, is_free = jhash_words(known, start), 0, False
    for at, (lowest, highest) in enumerate(zip(lows, highs, strict=True)):
        least, size = (0, _U32) if is_free else (lowest, highest - lowest + 1 & _U32)
        word = least + (drawn * size >> 32) & _U32
        chosen = chosen << 32 | word
        is_free |= word != highest  # what follows it may be anything then
        if not wanted.persistent:
            drawn ^= _swapped(word if manip == MANIP_DST else daddr[at])
    return current._replace(**{field: chosen})


def _words(address: int, count: int) -> list[int]:
    """The 32-bit words of an address, the highest first."""
    return [address >> 32 * at & _U32 for at in range(count - 1, -1, -1)]


def _swapped(word: int) -> int:
    """As a little-endian machine reads it."""
    return int.from_bytes(word.to_bytes(4, "big"), "little")


def _ports_for(port: int, protocol: int, wanted: NatRange, manip: int) -> tuple[int, int] | None:
    """Between which ports to look; None where they stay as they are."""
    if protocol == IPPROTO_GRE:
        return None  # only PPTP's helper knows about its keys
    if wanted.ports is not None:
        low, high = wanted.ports
        return (low, high) if low <= high or protocol in WITH_ID else (high, low)
    if protocol in WITH_ID:
        return 0, _U16
    if manip == MANIP_DST:
        return None
    if port < 512:  # those of programs that trust each other stay such
        return 1, 511
    return (600, 1023) if port < 1024 else (1024, _U16)


def _may_end(old: Conn, new: Conn) -> bool:
    """Linux: nf_nat_may_kill(), nf_seq_has_advanced()"""
    if old.status & (IPS_FIXED_TIMEOUT | IPS_DYING) or not old.status & IPS_SRC_NAT:
        return False
    ours, theirs = track_of(new), track_of(old)
    advanced = ours.sides[0].end - theirs.sides[0].end & 0xFFFFFFFF
    return theirs.state >= State.TIME_WAIT and 0 < advanced < 1 << 31
