"""How connections begin and end, in scripts. The kernel's own answers: test_tcp_*_against_kernel.py."""

import pytest

from pystack.errors import (
    EALREADY,
    ECONNABORTED,
    ECONNREFUSED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    ENETUNREACH,
    ENOTCONN,
    EPIPE,
    NetError,
)
from pystack.host import Host
from pystack.sock.tcp import SHUT_RD, SHUT_RDWR, SHUT_WR, TcpSocket
from pystack.sock.tcp_sockopt import setsockopt
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_timewait import TimeWait
from tests.frames import ALICE_IP
from tests.sock.tcp_peer import MSS, Peer

TIMESTAMP = bytes.fromhex("0101080a 00000064 00000000")


def state_of(end: TcpSocket | TimeWait) -> TcpState:
    return end.state


def refusal(call: object, *args: object) -> int:
    assert callable(call)
    with pytest.raises(NetError) as refused:
        call(*args)
    return refused.value.number


# -- opening -----------------------------------------------------------------------------------------------


def test_we_open_with_three_segments() -> None:
    peer = Peer()
    sock = peer.connect()
    assert peer.heard() == ["S 0"]
    assert (peer.last.mss, peer.last.wscale, peer.last.sack_perm) == (1460, 10, True)
    assert sock.send(b"early") == 0
    assert refusal(sock.connect, ALICE_IP, 4000) == EALREADY
    peer.send("S.", 0, 1, options=MSS)
    assert peer.heard() == [". 1 ack 1"]
    sock.connect(ALICE_IP, 4000)  # tells that it went well
    assert refusal(sock.connect, ALICE_IP, 4000) == EISCONN


def test_two_syns_that_cross_open_one_connection() -> None:
    peer = Peer()
    sock = peer.connect()
    peer.heard()
    peer.send("S", 0, options=MSS)
    assert peer.heard() == ["S. 0 ack 1"]
    assert state_of(sock) is TcpState.SYN_RECV
    peer.send("S.", 0, 1, options=MSS)
    assert state_of(sock) is TcpState.ESTABLISHED


def test_a_refusal_is_told_once_and_then_another_try_is_free() -> None:
    peer = Peer()
    sock = peer.connect()
    peer.heard()
    peer.send("R.", 0, 1)
    assert refusal(sock.connect, ALICE_IP, 4000) == ECONNREFUSED
    sock.connect(ALICE_IP, 4000)
    assert peer.heard() == ["S 0"]


def test_an_error_that_was_fetched_leaves_a_connect_that_was_aborted() -> None:
    peer = Peer()
    sock = peer.connect()
    peer.heard()
    peer.send("R.", 0, 1)
    assert sock.error == ECONNREFUSED
    assert refusal(sock.connect, ALICE_IP, 4000) == ECONNABORTED


def test_an_answer_to_a_syn_that_we_never_sent_is_reset_and_ours_goes_again_soon() -> None:
    peer = Peer()
    sock = peer.connect()
    peer.heard()
    peer.send("S.", 0, 77, options=MSS)
    assert peer.heard() == ["R 77"]
    assert peer.moments(0.5) == [(0.008, "S 0")]
    assert state_of(sock) is TcpState.SYN_SENT


def test_a_half_open_connection_is_reset_by_another_syn_in_the_window() -> None:
    peer = Peer()
    peer.listen()
    peer.send("S", 0)
    assert peer.heard() == ["S. 0 ack 1"]
    peer.send("S", 0)
    assert peer.heard() == ["S. 0 ack 1"], "asked again, answered again"
    peer.send("S", 5)
    assert peer.heard() == ["R. 0 ack 6"]
    assert peer.box.ns.snmp.TcpExt.EmbryonicRsts == 1
    assert not peer.box.ns.tcp.tcp.connections


def test_what_is_no_syn_means_nothing_to_a_listener() -> None:
    peer = Peer()
    peer.listen()
    for flags in ("F", "R", "", "FS"):
        peer.send(flags, 0)
        assert peer.heard() == []
    peer.send(".", 0, 5)
    assert peer.heard() == ["R 5"]


# -- ending ------------------------------------------------------------------------------------------------


def test_both_may_close_at_once() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.shut_down(SHUT_WR)
    assert peer.heard() == ["F. 1 ack 1"]
    peer.send("F.", 1, 1)
    assert peer.heard() == [". 2 ack 2"]
    assert state_of(sock) is TcpState.CLOSING
    peer.send(".", 2, 2)
    assert state_of(sock) is TcpState.CLOSE
    assert sock.recv() == b""


def test_the_peer_closes_first() -> None:
    peer = Peer()
    sock = peer.accepted()
    peer.send("F.", 1, 1)
    assert state_of(sock) is TcpState.CLOSE_WAIT
    assert sock.recv() == b""
    sock.close()
    assert peer.heard()[-1] == "F. 1 ack 2"
    assert state_of(sock) is TcpState.LAST_ACK
    peer.send(".", 2, 2)
    assert state_of(sock) is TcpState.CLOSE
    assert not peer.box.ns.tcp.tcp.connections


def test_a_connect_that_finds_no_way_leaves_the_socket_as_it_was() -> None:
    sock = Host(seed=1).init.tcp.open()
    assert refusal(sock.connect, 0, 6001) == ENETUNREACH
    assert state_of(sock) is TcpState.CLOSE
    assert sock.num == 0
    assert refusal(sock.shut_down, SHUT_RDWR) == ENOTCONN


def test_what_overlaps_costs_a_packet_of_its_own() -> None:
    peer = Peer()
    sock = peer.accepted()
    peer.send("P.", 1, 1, b"abcd")
    held = sock.rcvq_truesize
    peer.send("P.", 3, 1, b"cdef")
    overlapping = sock.rcvq_truesize - held
    peer.send("P.", 7, 1, b"gh")
    following = sock.rcvq_truesize - held - overlapping
    assert following < overlapping
    assert sock.recv() == b"abcdefgh"


def test_data_for_a_program_that_is_gone_is_reset() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.close()
    peer.heard()
    peer.send("P.", 1, 2, b"anybody?")
    assert peer.heard() == ["R 2"]
    assert peer.box.ns.snmp.TcpExt.TCPAbortOnData == 1


def test_closing_with_data_unread_resets() -> None:
    peer = Peer()
    sock = peer.accepted()
    peer.send("P.", 1, 1, b"read me")
    peer.heard()
    sock.close()
    assert peer.heard() == ["R. 1 ack 8"]
    assert not peer.box.ns.tcp.tcp.connections


def test_linger_for_no_time_resets() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.linger = 0
    sock.close()
    assert peer.heard() == ["R. 1 ack 1"]


def test_a_reset_makes_reading_and_writing_fail() -> None:
    peer = Peer()
    sock = peer.accepted()
    peer.send("R", 1)
    assert refusal(sock.recv) == ECONNRESET
    assert sock.recv() == b""
    assert refusal(sock.send, b"x") == EPIPE


def test_shutdown_twice_and_of_nothing() -> None:
    peer = Peer()
    assert refusal(peer.open().shut_down, SHUT_RDWR) == ENOTCONN
    sock = peer.accepted()
    assert refusal(sock.shut_down, 3) == EINVAL
    sock.shut_down(SHUT_WR)
    sock.shut_down(SHUT_WR)
    assert peer.heard() == ["F. 1 ack 1"]
    assert refusal(sock.send, b"x") == EPIPE


def test_who_shut_reading_down_reads_the_end() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.shut_down(SHUT_RD)
    assert sock.recv() == b""


def test_a_listener_that_closes_resets_those_who_wait() -> None:
    peer = Peer()
    listener = peer.listen()
    peer.send("S", 0)
    peer.heard()
    peer.send(".", 1, 1)
    listener.close()
    assert peer.heard() == ["R. 1 ack 1"]
    assert not peer.box.ns.tcp.tcp.connections
    assert peer.box.ns.tcp.tcp.orphans == 0


# -- after the end -----------------------------------------------------------------------------------------


def ended(peer: Peer) -> TcpSocket:
    """A connection in TIME_WAIT, its program gone; the peer's next number is 2."""
    sock = peer.accepted()
    sock.close()
    peer.send("F.", 1, 2)
    peer.heard()
    return sock


def test_a_late_fin_is_acknowledged_again_and_the_minute_begins_anew() -> None:
    peer = Peer()
    ended(peer)
    peer.box.advance(50)
    peer.send("F.", 1, 2)
    assert peer.heard() == [". 2 ack 2"]
    peer.box.advance(50)
    assert peer.box.ns.tcp.tcp.time_waits == 1
    peer.box.advance(11)
    assert peer.box.ns.tcp.tcp.time_waits == 0


@pytest.mark.parametrize(("rfc1337", "left"), [("0", 0), ("1", 1)])
def test_a_reset_ends_time_wait_unless_forbidden(rfc1337: str, left: int) -> None:
    peer = Peer()
    peer.box.sysctl("net.ipv4.tcp_rfc1337", rfc1337)
    ended(peer)
    peer.send("R", 2)
    assert peer.box.ns.tcp.tcp.time_waits == left


def test_a_syn_beyond_the_old_numbers_opens_a_new_connection() -> None:
    peer = Peer()
    ended(peer)
    old = peer.isn
    peer.send("S", 1000, options=MSS)
    assert peer.heard() == ["S. 0 ack 1001"]
    assert (peer.isn - old) % 2**32 == 2 + 65535 + 2
    assert peer.box.ns.tcp.tcp.time_waits == 0


def test_a_syn_within_the_old_numbers_is_only_acknowledged() -> None:
    peer = Peer()
    ended(peer)
    peer.send("S", 0, options=MSS)
    assert peer.heard() == [". 2 ack 2"]
    assert peer.box.ns.tcp.tcp.time_waits == 1


def test_what_is_left_tells_of_its_window_what_fits_the_field() -> None:
    """Without scaling, too, more may be allowed than can be told. Linux tells the low bits."""
    peer = Peer()
    sock = peer.accepted()
    for number in range(60):
        peer.send(".", 1 + number * 1460, 1, b"x" * 1460)
        sock.recv()
    assert sock.rcv_wnd > 0xFFFF
    sock.close()
    end = 1 + 60 * 1460
    peer.send("F.", end, 2)
    peer.heard()
    (left,) = (end for end in peer.box.ns.tcp if isinstance(end, TimeWait))
    assert left.rcv_window > 0xFFFF
    peer.send("F.", end, 2)
    assert peer.heard(window=True) == [f". 2 ack {end + 1} win {left.rcv_window & 0xFFFF}"]


def test_answers_in_time_wait_are_limited() -> None:
    """tcp_invalid_ratelimit: two ends must not play ball."""
    peer = Peer()
    ended(peer)
    for _ in range(5):
        peer.send(".", 500, 2)
    assert peer.heard() == [". 2 ack 2"]
    assert peer.box.ns.snmp.TcpExt.TCPACKSkippedTimeWait == 4


def test_an_orphan_whose_fin_was_acknowledged_takes_no_more_than_a_fin() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.close()
    peer.send(".", 1, 2)
    peer.heard()
    (left,) = peer.box.ns.tcp.tcp.connections.values()
    assert isinstance(left, TimeWait)
    assert state_of(left) is TcpState.FIN_WAIT2
    peer.send(".", 1, 2)
    assert peer.heard() == []
    peer.send("F.", 1, 2)
    assert peer.heard() == [". 2 ack 2"]
    assert state_of(left) is TcpState.TIME_WAIT


def test_more_time_waits_than_allowed_are_not_kept() -> None:
    peer = Peer()
    peer.box.sysctl("net.ipv4.tcp_max_tw_buckets", "0")
    ended(peer)
    assert peer.box.ns.tcp.tcp.time_waits == 0
    assert peer.box.ns.snmp.TcpExt.TCPTimeWaitOverflow == 1


# -- what is not believed ----------------------------------------------------------------------------------


def test_a_reset_that_is_not_exact_is_challenged() -> None:
    peer = Peer()
    sock = peer.accepted()
    peer.send("R", 100)
    assert peer.heard() == [". 1 ack 1"]
    peer.send("R", 100)
    assert peer.heard() == [], "not twice within half a second"
    assert peer.box.ns.snmp.TcpExt.TCPChallengeACK == 1
    assert state_of(sock) is TcpState.ESTABLISHED


def test_challenges_of_all_connections_together_are_limited() -> None:
    peer = Peer()
    peer.box.sysctl("net.ipv4.tcp_challenge_ack_limit", "2")
    listener = peer.listen(100)
    answered = 0
    for port in range(4001, 4021):
        peer.port = port
        peer.send("S", 0)
        peer.heard()
        peer.send(".", 1, 1)
        assert listener.accept() is not None
        peer.send("S", 1)
        answered += len(peer.heard())
    assert 1 <= answered <= 3


def test_a_timestamp_from_the_past_is_answered_and_not_believed() -> None:
    peer = Peer()
    sock = peer.accepted(options=MSS + bytes.fromhex("0402080a 00001000 00000000"))
    assert sock.ts_ok
    peer.send("P.", 1, 1, b"new", options=bytes.fromhex("0101080a 00001001 00000000"))
    assert sock.recv() == b"new"
    peer.heard()
    peer.send("P.", 4, 1, b"old", options=TIMESTAMP)
    assert peer.heard() == [". 1 ack 4"]
    assert sock.recv() is None
    assert peer.box.ns.snmp.TcpExt.PAWSEstab == 1


def test_an_ack_of_what_was_never_sent_is_challenged() -> None:
    peer = Peer()
    sock = peer.accepted()
    peer.send(".", 1, 500, b"data")
    assert peer.heard() == [". 1 ack 1"]
    assert sock.recv() is None
    assert peer.box.drops()["TCP_ACK_UNSENT_DATA"] == 1


def test_the_urgent_octet_is_left_out() -> None:
    """Measured: a read ends before it, the next begins behind it."""
    peer = Peer()
    sock = peer.accepted()
    peer.send("UP.", 1, 1, b"abcde", urgent=3)
    assert sock.recv() == b"ab"
    assert sock.recv() == b"de"


# -- options -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TCP_KEEPIDLE", 0),
        ("TCP_KEEPCNT", 128),
        ("TCP_MAXSEG", 20),
        ("TCP_USER_TIMEOUT", -1),
        ("TCP_SYNCNT", 0),
    ],
)
def test_numbers_out_of_range_are_refused(name: str, value: int) -> None:
    assert refusal(setsockopt, Peer().open(), name, value) == EINVAL


def test_a_cork_holds_what_is_not_full_until_it_is_pulled() -> None:
    peer = Peer()
    sock = peer.accepted()
    setsockopt(sock, "TCP_CORK", 1)
    sock.send(b"a" * 100)
    assert peer.heard() == []
    sock.send(b"b" * 1400)
    assert peer.heard() == [". 1:1461 ack 1"]
    setsockopt(sock, "TCP_CORK", 0)
    assert peer.heard() == ["P. 1461:1501 ack 1"]


def test_nodelay_lets_small_segments_go() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.send(b"a")
    sock.send(b"b")
    assert peer.heard() == ["P. 1:2 ack 1"]
    setsockopt(sock, "TCP_NODELAY", 1)
    assert peer.heard() == ["P. 2:3 ack 1"]
    sock.send(b"c")
    assert peer.heard() == ["P. 3:4 ack 1"]


def test_a_user_timeout_ends_what_is_not_acknowledged_in_time() -> None:
    peer = Peer()
    sock = peer.accepted()
    setsockopt(sock, "TCP_USER_TIMEOUT", 3000)
    sock.send(b"x")
    peer.moments(10)
    assert state_of(sock) is TcpState.CLOSE


def test_maxseg_bounds_what_is_said_and_sent() -> None:
    peer = Peer()
    sock = peer.open()
    setsockopt(sock, "TCP_MAXSEG", 500)
    sock.bind(0, 53)
    sock.connect(ALICE_IP, peer.port)
    peer.heard()
    assert peer.last.mss == 500
    peer.send("S.", 0, 1, options=MSS)
    sock.send(b"x" * 700)
    assert peer.heard() == [". 1 ack 1", ". 1:501 ack 1", "P. 501:701 ack 1"]


def test_a_smaller_receive_buffer_is_told_of() -> None:
    peer = Peer()
    listener = peer.open()
    setsockopt(listener, "SO_RCVBUF", 5000)
    setsockopt(listener, "SO_SNDBUF", 5000)
    listener.bind(0, 53)
    listener.listen(1)
    peer.send("S", 0, options=MSS)
    assert peer.heard(window=True) == ["S. 0 ack 1 win 4380"]
    peer.send(".", 1, 1)
    child = listener.accept()
    assert child is not None
    assert child.send(b"x" * 100_000) < 50_000
    assert child.send(b"x") == 0
