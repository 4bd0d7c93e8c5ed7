"""Handshakes, data and ends mean the same to the kernel and to us, segment for segment."""

import itertools
import socket
from collections.abc import Callable, Iterator

import pytest

from pystack.wire import icmp
from tests.sock.tcp_sides import MSS, SYN_OPTIONS, Sides, opened

pytestmark = pytest.mark.root

ATTEMPTS = 3  # a delayed ACK of the kernel's may come where the machine was slow


@pytest.mark.parametrize(
    "options", [b"", MSS, SYN_OPTIONS, MSS + bytes.fromhex("01030307"), MSS + bytes.fromhex("04020101")]
)
def test_a_handshake_is_the_same(options: bytes) -> None:
    with opened() as sides:
        sides.establish(options)
        sides.state()


@pytest.mark.parametrize("options", [MSS, SYN_OPTIONS])
def test_data_and_both_ends(options: bytes) -> None:
    ts = iter(range(300, 400)) if options == SYN_OPTIONS else iter([None] * 100)
    with opened() as sides:
        sides.establish(options)
        sides.send("P.", 1, 1, b"hello", ts=next(ts))
        sides.call("recv", 100)
        sides.call("send", b"world")
        sides.send(".", 6, 6, ts=next(ts))
        sides.call("shutdown", socket.SHUT_WR)
        sides.state()
        sides.send(".", 6, 7, ts=next(ts))
        sides.state()
        sides.send("F.", 6, 7, ts=next(ts))
        sides.send("F.", 6, 7, ts=next(ts))


class Peer:
    """The peer's next segment, with a timestamp where the connection has them."""

    def __init__(self, sides: Sides, *, has_timestamps: bool) -> None:
        self._sides = sides
        self.options = SYN_OPTIONS if has_timestamps else MSS
        self.mss = 1448 if has_timestamps else 1460
        self._clock: Iterator[int | None] = itertools.count(200) if has_timestamps else itertools.repeat(None)

    def __call__(self, flags: str, seq: int, ack: int = 0, data: bytes = b"", window: int = 65535) -> None:
        self._sides.send(flags, seq, ack, data, ts=next(self._clock), window=window)

    def connect(self) -> None:
        self._sides.send("S", options=self.options)
        self(".", 1, 1)
        self._sides.accept()


def small_segments_wait_for_an_ack(sides: Sides, peer: Peer) -> None:
    peer.connect()
    for octets in (b"a" * 100, b"b" * 100, b"c" * 100):
        sides.call("send", octets)
    peer(".", 1, 101)
    sides.call("send", b"d" * 2000)
    peer(".", 1, 301)


def the_window_closes_while_nobody_reads(sides: Sides, peer: Peer) -> None:
    peer.connect()
    for number in range(60):
        peer(".", 1 + number * peer.mss, 1, b"x" * peer.mss)
    for limit in (1000, 5000, 30000, 100000):
        sides.call("recv", limit)


def small_segments_fill_the_buffer_sooner(sides: Sides, peer: Peer) -> None:
    peer.connect()
    for number in range(150):
        peer("P.", 1 + number * 100, 1, b"x" * 100)
    sides.call("recv", 100000)


def gaps_are_filled(sides: Sides, peer: Peer) -> None:
    peer.connect()
    for seq in (101, 301):
        peer(".", seq, 1, b"b" * 100)
    if peer.options == MSS:  # where SACK tells of gaps, the kernel soon waits a millisecond for each ACK
        peer(".", 151, 1, b"c" * 100)
        peer(".", 140, 1, b"c" * 300)
    peer(".", 201, 1, b"c" * 100)
    peer(".", 1, 1, b"c" * 100)
    sides.call("recv", 10000)


def the_first_segments_are_acknowledged_at_once(sides: Sides, peer: Peer) -> None:
    peer.connect()
    for number in range(40):
        peer("P.", 1 + number * 1000, 1, b"x" * 1000)
        sides.call("recv", 2000)


def answers_carry_acks(sides: Sides, peer: Peer) -> None:
    peer.connect()
    for number in range(5):
        peer("P.", 1 + number * 10, 1 + number * 20, b"x" * 10)
        sides.call("recv", 100)
        sides.call("send", b"y" * 20)
    peer(".", 51, 101)


def a_half_closed_connection_still_sends(sides: Sides, peer: Peer) -> None:
    peer.connect()
    peer("FP.", 1, 1, b"bye")
    sides.call("recv", 10)
    sides.call("recv", 10)
    sides.call("send", b"still")
    sides.call("close")
    peer(".", 5, 7)


def who_closes_with_data_unread_resets(sides: Sides, peer: Peer) -> None:
    peer.connect()
    peer("P.", 1, 1, b"bye")
    sides.call("close")


def the_queue_overflows(sides: Sides, peer: Peer) -> None:
    assert sides.their_listener is not None
    assert sides.our_listener is not None
    sides.their_listener.close()
    sides.our_listener.close()
    sides.listen(0)
    for _ in range(3):
        sides.begin_again()
        sides.send("S", options=peer.options)
        peer(".", 1, 1)
        peer("P.", 1, 1, b"abc")
    sides.accept()
    sides.accept()


def the_queue_overflows_and_resets(sides: Sides, peer: Peer) -> None:
    sides.setup("sysctl -q net.ipv4.tcp_abort_on_overflow=1")
    the_queue_overflows(sides, peer)


def a_cookie_opens_a_connection(sides: Sides, peer: Peer) -> None:
    sides.setup("sysctl -q net.ipv4.tcp_syncookies=2")
    peer.connect()
    peer("P.", 1, 1, b"abc")
    sides.call("recv", 10)


def a_cookie_that_is_none_is_reset(sides: Sides, peer: Peer) -> None:
    sides.setup("sysctl -q net.ipv4.tcp_syncookies=2")
    sides.send("S", options=peer.options)
    peer(".", 1, 77)
    peer(".", 9, 1)


def a_reset_must_be_exact(sides: Sides, peer: Peer) -> None:
    peer.connect()
    peer("R", 5)
    sides.state()
    peer("R", 1)
    sides.state()
    sides.call("recv", 10)
    sides.error()


def the_route_says_how_much(sides: Sides, peer: Peer) -> None:
    sides.setup("ip route add 10.1.0.7 dev tap1 mtu 1000 advmss 900 initcwnd 3")
    peer.connect()
    sides.call("send", b"x" * 9000)


def a_narrow_way_is_learned(sides: Sides, peer: Peer) -> None:
    peer.connect()
    sides.call("send", b"x" * 5000)
    sides.icmp(icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, 1000, seq=1)
    peer(".", 1, 1 + 1000 - (1500 - peer.mss))
    peer(".", 1, 5001)
    sides.call("send", b"y" * 3000)


def icmp_errors_are_remembered(sides: Sides, peer: Peer) -> None:
    peer.connect()
    sides.call("send", b"x" * 10)
    for code in (icmp.ICMP_HOST_UNREACH, icmp.ICMP_PORT_UNREACH):
        sides.icmp(icmp.ICMP_DEST_UNREACH, code, seq=1)
        sides.state()
        sides.error()
    sides.icmp(icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, seq=1000)


def a_syn_ends_time_wait(sides: Sides, peer: Peer) -> None:
    peer.connect()
    sides.call("close")
    peer("F.", 1, 2)
    sides.send("S", -5, options=peer.options)
    sides.send("S", 100000, options=peer.options)


PASSIVE = (
    small_segments_wait_for_an_ack,
    the_window_closes_while_nobody_reads,
    small_segments_fill_the_buffer_sooner,
    gaps_are_filled,
    the_first_segments_are_acknowledged_at_once,
    answers_carry_acks,
    a_half_closed_connection_still_sends,
    who_closes_with_data_unread_resets,
    the_queue_overflows,
    the_queue_overflows_and_resets,
    a_cookie_opens_a_connection,
    a_cookie_that_is_none_is_reset,
    a_reset_must_be_exact,
    the_route_says_how_much,
    a_narrow_way_is_learned,
    icmp_errors_are_remembered,
    a_syn_ends_time_wait,
)


def a_connection_is_refused(sides: Sides, peer: Peer) -> None:
    sides.connect()
    sides.send("R.", 0, 1)
    sides.state()
    sides.error()


def a_connection_is_opened_used_and_closed(sides: Sides, peer: Peer) -> None:
    sides.connect()
    sides.send("S.", 0, 1, options=peer.options)
    sides.state()
    sides.call("send", b"x" * 3000)
    peer(".", 1, 1 + peer.mss)
    peer("P.", 1, 3001, b"abc")
    sides.call("recv", 10)
    sides.call("close")
    peer(".", 4, 3002)


def an_answer_to_another_syn_is_reset(sides: Sides, peer: Peer) -> None:
    sides.connect()
    sides.send("S.", 0, 5, options=peer.options)
    sides.send(".", 1, 7)
    sides.send("S.", 0, 1, options=peer.options)
    sides.state()


def nobody_can_be_reached(sides: Sides, peer: Peer) -> None:
    sides.connect()
    sides.icmp(icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH)
    sides.state()
    sides.error()


def the_way_is_narrow_from_the_start(sides: Sides, peer: Peer) -> None:
    sides.connect()
    sides.icmp(icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, 1400)
    sides.send("S.", 0, 1, options=peer.options)
    sides.call("send", b"x" * 3000)


ACTIVE = (
    a_connection_is_refused,
    a_connection_is_opened_used_and_closed,
    an_answer_to_another_syn_is_reset,
    nobody_can_be_reached,
    the_way_is_narrow_from_the_start,
)


@pytest.mark.parametrize("has_timestamps", [False, True], ids=["plain", "timestamps"])
@pytest.mark.parametrize("script", [*PASSIVE, *ACTIVE], ids=lambda script: script.__name__)
def test_the_same_happens_where(script: Callable[[Sides, Peer], None], has_timestamps: bool) -> None:
    for attempt in range(ATTEMPTS):
        with opened() as sides:
            if script in PASSIVE:
                sides.listen()
            try:
                return script(sides, Peer(sides, has_timestamps=has_timestamps))
            except AssertionError:
                if attempt == ATTEMPTS - 1:
                    raise


# Which ACKs and data took Linux's fast path, which depends on how it accounts for memory; the rest is equal.
FAST_PATH = frozenset({"TCPHPHits", "TCPHPAcks", "TCPPureAcks"})
COUNTED = (
    a_half_closed_connection_still_sends,
    who_closes_with_data_unread_resets,
    the_queue_overflows_and_resets,
    a_cookie_that_is_none_is_reset,
    a_reset_must_be_exact,
    icmp_errors_are_remembered,
    a_syn_ends_time_wait,
    a_connection_is_refused,
    a_connection_is_opened_used_and_closed,
    an_answer_to_another_syn_is_reset,
)


def counters(text: str) -> dict[str, int]:
    """The rows of TCP that are not zero."""
    found: dict[str, int] = {}
    lines = [line.split() for line in text.splitlines()]
    for names, values in itertools.pairwise(lines):
        if names[0] in ("Tcp:", "TcpExt:") and names[0] == values[0]:
            found |= dict(zip(names[1:], map(int, values[1:]), strict=True))
    return {name: value for name, value in found.items() if value and name not in FAST_PATH}


@pytest.mark.parametrize("script", COUNTED, ids=lambda script: script.__name__)
def test_the_same_is_counted_where(script: Callable[[Sides, Peer], None]) -> None:
    for attempt in range(ATTEMPTS):
        with opened() as sides:
            if script in PASSIVE:
                sides.listen()
            try:
                script(sides, Peer(sides, has_timestamps=True))
                theirs = sides.kernel.sh("cat /proc/net/snmp /proc/net/netstat").check().out
                ours = sides.host.init.snmp
                assert counters(ours.snmp_text() + ours.netstat_text()) == counters(theirs)
                return
            except AssertionError:
                if attempt == ATTEMPTS - 1:
                    raise
