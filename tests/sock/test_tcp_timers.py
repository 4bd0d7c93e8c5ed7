"""What TCP says by itself, and when: measured on Linux 6.18 (its timers fire up to an eighth later)."""

import pytest

from pystack.errors import ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT
from pystack.sock.tcp_sockopt import setsockopt
from pystack.sock.tcp_states import TcpState
from tests.frames import ALICE_IP
from tests.sock.tcp_peer import Peer


def times(found: list[tuple[float, str]]) -> list[float]:
    return [moment for moment, _ in found]


def test_a_syn_is_sent_each_second_five_times_and_then_with_backoff() -> None:
    """tcp_syn_linear_timeouts, tcp_syn_retries"""
    peer = Peer()
    sock = peer.connect()
    assert peer.heard() == ["S 0"]
    found = peer.moments(300)
    assert times(found) == [1, 2, 3, 4, 5, 7, 11, 19, 35, 67]
    assert {line for _, line in found} == {"S 0"}
    assert (sock.state, sock.error) == (TcpState.CLOSE, ETIMEDOUT)
    assert peer.box.ns.snmp.Tcp.AttemptFails == 1


def test_tcp_syncnt_says_how_often() -> None:
    peer = Peer()
    sock = peer.open()
    setsockopt(sock, "TCP_SYNCNT", 1)
    peer.box.sysctl("net.ipv4.tcp_syn_linear_timeouts", "0")
    sock.connect(ALICE_IP, 4000)
    peer.heard()
    assert times(peer.moments(60)) == [1]
    assert sock.error == ETIMEDOUT


def test_a_syn_ack_is_sent_again_with_backoff_and_then_forgotten() -> None:
    """tcp_synack_retries"""
    peer = Peer()
    peer.listen()
    peer.send("S")
    assert peer.heard() == ["S. 0 ack 1"]
    found = peer.moments(200)
    assert times(found) == [1, 3, 7, 15, 31]
    assert not peer.box.ns.tcp.tcp.connections
    assert peer.box.ns.snmp.TcpExt.TCPTimeouts == 6


def test_data_is_sent_again_with_backoff_until_the_program_is_told() -> None:
    """RFC 6298, tcp_retries2: 924.6 seconds after the first time that it was sent again."""
    peer = Peer()
    sock = peer.accepted()
    sock.send(b"x" * 100)
    assert peer.heard() == ["P. 1:101 ack 1"]
    found = times(peer.moments(3000))
    steps = [round(later - earlier, 3) for earlier, later in zip([0, *found[:-1]], found, strict=True)]
    assert found[0] == pytest.approx(0.204)
    assert steps[:9] == [pytest.approx(0.204 * 2**number) for number in range(9)]
    assert steps[10:] == [120] * len(steps[10:])
    assert len(found) == 15
    assert (sock.state, sock.error) == (TcpState.CLOSE, ETIMEDOUT)


def test_a_host_that_cannot_be_reached_is_the_reason_where_somebody_said_so() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.send(b"x")
    sock.soft_error = EHOSTUNREACH
    peer.moments(3000)
    assert sock.error == EHOSTUNREACH


def test_a_closed_window_is_probed_with_backoff_for_ever() -> None:
    peer = Peer()
    sock = peer.accepted(window=0)
    assert sock.send(b"hello") == 5
    assert peer.heard() == []
    found = []
    for _ in range(6):
        found += peer.moments(120.5)
        peer.send(".", 1, 1, window=0)
    assert {line for _, line in found} == {". 0 ack 1"}
    peer.send(".", 1, 1, window=1000)
    assert peer.heard() == ["P. 1:6 ack 1"]
    assert sock.state is TcpState.ESTABLISHED


def test_probes_that_nobody_answers_end_the_connection() -> None:
    peer = Peer()
    sock = peer.accepted(window=0)
    sock.send(b"hello")
    found = times(peer.moments(3000))
    assert found[:4] == [pytest.approx(0.204 * (2**number - 1)) for number in range(1, 5)]
    assert len(found) == 15
    assert sock.error == ETIMEDOUT


def test_an_ack_waits_a_little_for_company() -> None:
    """After 16 that went out at once (quickack), one goes out at the latest 40 ms later."""
    peer = Peer()
    sock = peer.accepted()
    for number in range(30):
        peer.send("P.", 1 + number, 1, b"x")
        sock.recv()
    peer.heard()
    peer.send("P.", 31, 1, b"x")
    assert peer.heard() == []
    ((moment, line),) = peer.moments(1)
    assert line == ". 1 ack 32"
    assert moment == pytest.approx(0.04)
    assert peer.box.ns.snmp.TcpExt.DelayedACKs == 1


def test_keepalive_asks_and_gives_up() -> None:
    peer = Peer()
    sock = peer.accepted()
    for name, value in {
        "SO_KEEPALIVE": 1,
        "TCP_KEEPIDLE": 100,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 3,
    }.items():
        setsockopt(sock, name, value)
    assert peer.moments(105) == [(100, ". 0 ack 1")]
    peer.send(".", 1, 1)
    assert peer.moments(200) == [
        (100, ". 0 ack 1"),
        (110, ". 0 ack 1"),
        (120, ". 0 ack 1"),
        (130, "R. 1 ack 1"),
    ]
    assert (sock.state, sock.error) == (TcpState.CLOSE, ETIMEDOUT)


def test_time_wait_lasts_a_minute() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.close()
    peer.send("F.", 1, 2)
    assert peer.heard() == ["F. 1 ack 1", ". 2 ack 2"]
    peer.box.advance(59.9)
    assert len(peer.box.ns.tcp.tcp.connections) == 1
    peer.box.advance(0.2)
    assert not peer.box.ns.tcp.tcp.connections
    assert peer.box.ns.snmp.TcpExt.TW == 1


def test_an_orphan_waits_for_the_peers_fin_no_longer_than_tcp_fin_timeout() -> None:
    peer = Peer()
    peer.box.sysctl("net.ipv4.tcp_fin_timeout", "20")
    sock = peer.accepted()
    sock.close()
    peer.send(".", 1, 2)
    peer.box.advance(19.9)
    assert len(peer.box.ns.tcp.tcp.connections) == 1
    peer.box.advance(0.2)
    assert not peer.box.ns.tcp.tcp.connections


def test_who_says_that_there_is_no_such_port_is_believed_at_once() -> None:
    peer = Peer()
    sock = peer.connect()
    peer.heard()
    peer.send("R.", 0, 1)
    assert (sock.state, sock.error) == (TcpState.CLOSE, ECONNREFUSED)
    assert peer.moments(100) == []


def test_a_syn_that_waits_for_a_station_address_does_not_go_again() -> None:
    peer = Peer()
    sock = peer.open()
    sock.connect(ALICE_IP + 90, 80)
    peer.moments(1.5)
    assert peer.box.ns.snmp.TcpExt.TCPSpuriousRtxHostQueues == 1
    assert peer.box.ns.snmp.Tcp.RetransSegs == 0
    assert sock.retransmits == 1
