"""What routers say of our segments."""

import pytest

from pystack.errors import ECONNREFUSED, EHOSTUNREACH, EMSGSIZE
from pystack.sock.tcp_states import TcpState
from pystack.wire import icmp, tcp
from pystack.wire.ipv4 import IPPROTO_TCP
from tests.frames import ALICE_IP, OUR_IP, datagram, packet_frame
from tests.sock.tcp_peer import OUR_PORT, Peer


def complain(peer: Peer, type_: int, code: int, info: int = 0, *, seq: int = 0) -> None:
    """An error about a segment of ours that began with this number."""
    header = tcp.TcpHeader(OUR_PORT, peer.port, seq=(peer.isn + seq) & 0xFFFFFFFF, flags=tcp.SYN)
    quote = datagram(tcp.build(header, b"", OUR_IP, ALICE_IP), IPPROTO_TCP, src=OUR_IP, dst=ALICE_IP)
    message = icmp.build(type_, code, info >> 16, info & 0xFFFF, quote)
    peer.box.send(peer.eth0, packet_frame(datagram(message)))


@pytest.mark.parametrize(
    ("type_", "code", "errno"),
    [
        (icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH, EHOSTUNREACH),
        (icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, ECONNREFUSED),
        (icmp.ICMP_TIME_EXCEEDED, 0, EHOSTUNREACH),
    ],
)
def test_an_error_ends_what_is_just_opening(type_: int, code: int, errno: int) -> None:
    peer = Peer()
    sock = peer.connect()
    peer.heard()
    complain(peer, type_, code)
    assert (sock.state, sock.error) == (TcpState.CLOSE, errno)


def test_an_error_is_only_remembered_by_what_is_open() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.send(b"x")
    complain(peer, icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH, seq=1)
    assert sock.state is TcpState.ESTABLISHED
    assert sock.error == EHOSTUNREACH
    assert sock.error == 0


def test_who_asked_for_errors_is_told_at_once() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.recverr = True
    sock.send(b"x")
    complain(peer, icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH, seq=1)
    found = sock.recv_error()
    assert found is not None
    assert found.errno == EHOSTUNREACH


def test_an_error_about_what_is_not_under_way_is_counted_and_ignored() -> None:
    peer = Peer()
    sock = peer.accepted()
    complain(peer, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, seq=1000)
    assert peer.box.ns.snmp.TcpExt.OutOfWindowIcmps == 1
    assert sock.error == 0


def test_an_error_about_nobodys_segment_is_counted() -> None:
    peer = Peer()
    complain(peer, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH)
    assert peer.box.ns.snmp.Icmp.InErrors == 1


def test_a_narrow_way_is_learned_and_what_was_lost_goes_again_in_smaller_pieces() -> None:
    peer = Peer()
    sock = peer.accepted()
    sock.send(b"x" * 2920)
    assert peer.heard() == [". 1:1461 ack 1", "P. 1461:2921 ack 1"]
    complain(peer, icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, 1000, seq=1)
    again = peer.heard()
    assert again[0] == ". 1:961 ack 1"
    assert sock.mss == 960
    peer.send(".", 1, 2921)
    sock.send(b"y" * 1000)
    assert peer.heard()[0] == ". 2921:3881 ack 1"
    assert sock.soft_error in (0, EMSGSIZE)


def test_silence_that_a_router_explains_is_no_congestion() -> None:
    """RFC 6069: the backoff is taken back."""
    peer = Peer()
    sock = peer.accepted()
    sock.send(b"x")
    peer.moments(3)
    backoff = sock.backoff
    assert backoff > 2
    complain(peer, icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH, seq=1)
    assert sock.backoff in (backoff - 1, backoff)
    assert sock.retransmit_timer.seconds_left <= sock.rto
