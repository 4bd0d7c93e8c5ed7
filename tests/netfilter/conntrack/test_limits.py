"""What a million connections would take, what ends at once, and packets that mean no good."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.info import IPS_ASSURED, IPS_CONFIRMED, IPS_SEEN_REPLY
from pystack.netfilter.conntrack.table import ConnTable
from pystack.netfilter.conntrack.tcp_track import TcpTrack
from pystack.netfilter.conntrack.tuples import Tuple, inverted
from pystack.wire import tcp
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.tcp import ACK, SYN, TcpHeader
from tests.frames import datagram
from tests.netfilter.conntrack.router import PystackRouter
from tests.netfilter.conntrack.talk import ADDRESSES, query, segment

MANY = 20_000
BARS = {IPPROTO_UDP: 600, IPPROTO_TCP: 700}  # octets of an entry


def connections(protocol: int, count: int, expires: int) -> list[Conn]:
    found = []
    for number in range(count):
        key = Tuple(
            2, protocol, 0x0A000000 + number // 5000, 0x0B000000 + number % 977, 1024 + number % 5000, 80
        ).key
        conn = Conn(key, inverted(key) or b"")
        conn.status = IPS_CONFIRMED
        conn.expires = expires + number % 1000
        conn.proto = TcpTrack().pack() if protocol == IPPROTO_TCP else 250_500 + number % 300
        found.append(conn)
    return found


@pytest.mark.parametrize("protocol", BARS)
def test_an_entry_takes_no_more_than_its_bar(protocol: int) -> None:
    table = ConnTable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for conn in connections(protocol, MANY, 250_000):
            table.insert(conn)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / MANY < BARS[protocol]


def test_packets_have_their_turn_while_much_ends_at_once() -> None:
    router = PystackRouter()
    router.send(0, datagram(bytes(20), 99, src=ADDRESSES[0], dst=ADDRESSES[1]))
    table = router.tracking.context.table
    for conn in connections(IPPROTO_UDP, MANY, 0):
        table.insert(conn)
    host = router.box.host
    host.clock.set(2.0)
    turns = [table.count]
    while table.count > 1:
        host.run_timers()
        turns.append(table.count)
        host.clock.set(host.clock.now + 0.001)
    assert max(before - after for before, after in pairwise(turns)) < 1100


# --- a full table -------------------------------------------------------------------------------------------

ROOM, TALKING = 4000, 3000
FULL = "nf_conntrack: nf_conntrack: table full, dropping packet"


def flooded(router: PystackRouter, syns: int) -> None:
    """Connections that nobody will ever answer."""
    for number in range(syns):
        fields = TcpHeader(1024 + number % 60_000, 80, seq=number, ack=0, flags=SYN, window=1000)
        source = 0x0A010003 + number % 200
        segment = tcp.build(fields, b"", source, ADDRESSES[1])
        router.send(0, datagram(segment, IPPROTO_TCP, src=source, dst=ADDRESSES[1]))


def crowded(talking: int) -> tuple[PystackRouter, list[Conn]]:
    router = PystackRouter()
    router.tracking.context.limits.max = ROOM
    router.box.sysctl("net.ipv4.conf.all.rp_filter", "0")
    conns = connections(IPPROTO_TCP, talking, 250_000)
    for conn in conns:
        conn.status |= IPS_ASSURED | IPS_SEEN_REPLY
        router.tracking.context.table.insert(conn)
    return router, conns


def test_a_flood_of_syns_ends_no_connection_that_is_in_use() -> None:
    router, talking = crowded(TALKING)
    handshake = (segment(0, SYN, 100), segment(1, SYN | ACK, 500, 101), segment(0, ACK, 101, 501))
    assert [router.send(*said) for said in handshake] == ["NEW", "ESTABLISHED", "ESTABLISHED"]
    flooded(router, 3 * (ROOM - TALKING))
    context = router.tracking.context
    assert context.table.count <= ROOM
    assert context.stats.early_drop > 0
    assert all(context.find(conn.original) is conn for conn in talking)
    assert router.send(*segment(0, ACK, 101, 501, b"still here")) == "ESTABLISHED"


def test_a_full_table_drops_and_says_so() -> None:
    router, _ = crowded(ROOM)
    assert router.send(*query(0, 5, 6)) is None
    assert FULL in router.lines
    assert router.tracking.context.stats.drop == 1


def test_once_it_was_full_the_walk_gives_up_what_nobody_answered() -> None:
    router, _ = crowded(TALKING)
    flooded(router, 3 * (ROOM - TALKING))
    before = router.tracking.count
    router.box.advance(70)
    assert before > TALKING
    assert router.tracking.count < ROOM * 95 // 100
    assert router.tracking.count >= TALKING
    assert router.send(*query(0, 5, 6)) == "NEW"


PROTOCOLS = st.sampled_from((1, 6, 17, 47, 132, 136, 99))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), PROTOCOLS, st.binary(max_size=60)), max_size=8))
def test_no_packet_is_too_strange(packets: list[tuple[int, int, bytes]]) -> None:
    router = PystackRouter()
    router.box.sysctl("net.netfilter.nf_conntrack_checksum", "0")
    router.box.sysctl("net.netfilter.nf_conntrack_log_invalid", "255")
    for side, protocol, payload in packets:
        router.send(side, datagram(payload, protocol, src=ADDRESSES[side], dst=ADDRESSES[1 - side]))
    router.box.assert_every_packet_is_accounted_for()


# --- busy connections ---------------------------------------------------------------------------------------


def test_of_many_busy_connections_the_last_are_kept_unpacked_and_nothing_is_forgotten_of_the_others() -> None:
    router, most = PystackRouter(), 1024
    ports = range(2000, 2000 + most + 10)
    for port in ports:
        router.send(*segment(0, SYN, 100, 0, port=port))
        router.send(*segment(1, SYN | ACK, 500, 101, port=port))
    unpacked = [isinstance(conn.kept, TcpTrack) for conn in router.tracking.context.busy]
    assert unpacked == [True] * most
    assert sum(isinstance(conn.kept, bytes) for conn in router.tracking.context.table) == 10
    for port in (ports[0], ports[-1]):
        assert router.send(*segment(0, ACK, 200, 501, port=port)) == "ESTABLISHED"
        assert router.send(*segment(0, ACK, 101, 99_999, port=port)) == "INVALID"


def test_a_connection_that_ended_is_busy_no_more() -> None:
    router = PystackRouter()
    router.send(*segment(0, SYN, 100, 0))
    router.send(*segment(1, SYN | ACK, 500, 101))
    context = router.tracking.context
    (conn,) = context.busy
    context.kill(conn)
    assert not context.busy
