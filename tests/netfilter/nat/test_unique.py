"""Which port a connection gets: where it is looked for, how long, and who has to make room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Statistics
from pystack.netfilter.conntrack.info import IPS_SRC_NAT
from pystack.netfilter.conntrack.tcp_states import State
from pystack.netfilter.conntrack.tcp_track import TcpTrack
from pystack.netfilter.conntrack.tuples import Tuple, inverted, read
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC, NatRange
from pystack.netfilter.nat.unique import Chooser
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from tests.frames import ip

CLIENT, SERVER, ROUTER = ip("10.1.0.2"), ip("10.2.0.2"), ip("10.2.0.1")


class Table:
    """Connections, as far as a Chooser asks: `taken` ports have `holder`, or somebody."""

    def __init__(self, taken: range | set[int], holder: Conn | None = None) -> None:
        self.taken = taken
        self.holder = holder or connection(IPPROTO_UDP, sport=9)
        self.stats = Statistics()
        self.table = self
        self.killed: list[Conn] = []

    def find(self, key: bytes) -> Conn | None:
        answer = read(key)
        port = answer.sport if answer.protocol == IPPROTO_ICMP else answer.dport
        return self.holder if port in self.taken and self.holder not in self.killed else None

    def of_source(self, key: bytes) -> Iterator[Conn]:
        return iter(())

    def kill(self, conn: Conn) -> None:
        self.killed.append(conn)


def connection(protocol: int = IPPROTO_UDP, sport: int = 1000) -> Conn:
    flow = Tuple(2, protocol, CLIENT, SERVER, sport, 8 << 8 if protocol == IPPROTO_ICMP else 53)
    return Conn(flow.key, inverted(flow.key) or b"")


class Draws:
    """Gives the same offset again and again, and counts."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.count = 0

    def __call__(self, conn: Conn, manip: int, low: int) -> int:
        self.count += 1
        return self.offset


def chosen(
    table: Table, conn: Conn, wanted: NatRange, offset: int = 7, manip: int = MANIP_SRC
) -> tuple[Tuple, int]:
    draws = Draws(offset)
    chooser = Chooser(table, draws)  # type: ignore[arg-type]
    return chooser.choose(conn, conn.tuple(0), wanted, manip), draws.count


MASQUERADED = NatRange((ROUTER, ROUTER))


def test_a_port_that_is_free_is_kept() -> None:
    found, draws = chosen(Table(set()), connection(), MASQUERADED)
    assert (found.saddr, found.sport, draws) == (ROUTER, 1000, 0)


@pytest.mark.parametrize(
    ("port", "low", "high"),
    [(1, 1, 511), (511, 1, 511), (512, 600, 1023), (1023, 600, 1023), (1024, 1024, 65535)],
)
@pytest.mark.parametrize("offset", [0, 1, 511, 0xFFFF])
def test_a_port_that_is_taken_becomes_one_of_its_class(port: int, low: int, high: int, offset: int) -> None:
    found, _ = chosen(Table({port}), connection(sport=port), MASQUERADED, offset)
    first = low + offset % (high - low + 1)
    assert found.sport == (first if first != port else low + (offset + 1) % (high - low + 1))


def test_an_id_can_become_any() -> None:
    found, _ = chosen(Table({1000}), connection(IPPROTO_ICMP), MASQUERADED, 0xFFFF)
    assert found.sport == 0xFFFF


def test_the_search_is_begun_five_times_and_shorter_each_time() -> None:
    table = Table(range(0x10000))
    _, draws = chosen(table, connection(), MASQUERADED)
    assert draws == 5
    assert table.stats.found == 1 + 128 + 64 + 32 + 16 + 8


def test_a_small_range_is_looked_through_once() -> None:
    table = Table(range(0x10000))
    found, draws = chosen(table, connection(), NatRange((ROUTER, ROUTER), (2000, 2003)), offset=6)
    assert draws == 1
    assert table.stats.found == 4
    assert found.sport == 2001  # tried last, and not free either: the packet will be dropped


def test_of_a_single_port_nobody_asks_whether_it_is_free() -> None:
    table = Table({2000})
    found, draws = chosen(table, connection(), NatRange((ROUTER, ROUTER), (2000, 2000)))
    assert (found.sport, draws) == (2000, 1)


def test_a_destinations_port_is_left_alone_unless_the_rule_names_some() -> None:
    found, draws = chosen(Table(range(0x10000)), connection(), NatRange((CLIENT, CLIENT)), manip=MANIP_DST)
    assert (found.dport, draws) == (53, 0)
    found, _ = chosen(Table(set()), connection(), NatRange(ports=(8000, 8009)), offset=3, manip=MANIP_DST)
    assert found.dport == 8003


def test_a_shifted_range_keeps_the_distance() -> None:
    wanted = NatRange(ports=(6000, 6100), base_port=50)
    found, draws = chosen(Table(set()), connection(), wanted, manip=MANIP_DST)
    assert (found.dport, draws) == (6003, 0)


def test_with_random_a_free_port_is_given_up() -> None:
    found, draws = chosen(Table(set()), connection(), NatRange((ROUTER, ROUTER), random=True), offset=0)
    assert (found.sport, draws) == (600, 1)


def closing(state: State, end: int, status: int = IPS_SRC_NAT) -> Conn:
    conn, track = connection(IPPROTO_TCP, sport=9), TcpTrack()
    track.state, track.sides[0].end = state, end
    conn.proto, conn.status = track.pack(), status
    return conn


@pytest.mark.parametrize(
    ("holder", "makes_room"),
    [
        (closing(State.TIME_WAIT, 99), True),
        (closing(State.CLOSE, 99), True),
        (closing(State.TIME_WAIT, 101), False),  # an older number could be taken for one of its own
        (closing(State.ESTABLISHED, 99), False),
        (closing(State.TIME_WAIT, 99, status=0), False),
    ],
)
def test_towards_the_end_a_closing_connection_makes_room(holder: Conn, makes_room: bool) -> None:
    new, track = connection(IPPROTO_TCP), TcpTrack()
    track.state, track.sides[0].end = State.SYN_SENT, 100
    new.proto = track.pack()
    table = Table(range(0x10000), holder)
    chosen(table, new, MASQUERADED)
    assert bool(table.killed) == makes_room
