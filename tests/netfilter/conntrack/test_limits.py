"""What a million connections would take, what ends at once, and packets that mean no good."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.info import IPS_CONFIRMED
from pystack.netfilter.conntrack.table import ConnTable
from pystack.netfilter.conntrack.tcp_track import TcpTrack
from pystack.netfilter.conntrack.tuples import Tuple, inverted
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from tests.frames import datagram
from tests.netfilter.conntrack.router import PystackRouter
from tests.netfilter.conntrack.talk import ADDRESSES

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
