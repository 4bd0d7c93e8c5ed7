"""TCP_INFO tells what went each way, how often again, and how long a connection was held up."""

import struct

from pystack.sock.getsockopt import getsockopt
from pystack.sock.tcp import TcpSocket
from pystack.sock.tcp_info import TcpInfo, info_of
from tests.sock.tcp_link import Link

OCTETS = 100_000
LENGTH = 232  # of struct tcp_info in Linux 6.1
BYTES_ACKED_AT, SND_WND_AT = 120, 228


def carry(link: Link, sender: TcpSocket, reader: TcpSocket, octets: int) -> None:
    """All of it, read as it comes."""
    left, got = octets, 0
    while got < octets:
        if left:
            left -= sender.send(b"x" * min(left, 5000))
        link.run(0.05)
        got += len(reader.recv(1 << 20) or b"")
    link.run(5.0)


def test_what_one_side_sent_is_what_the_other_received() -> None:
    link = Link()
    client, child = link.pair()
    carry(link, client, child, OCTETS)
    ours, theirs = info_of(client), info_of(child)
    assert (ours.bytes_sent, ours.bytes_acked) == (OCTETS, OCTETS + 1)  # with the SYN
    assert theirs.bytes_received == OCTETS
    assert theirs.data_segs_in == ours.data_segs_out
    assert (theirs.segs_in, ours.segs_in) == (
        ours.segs_out,
        theirs.segs_out + 1,
    )  # a request sent the SYN-ACK
    assert ours.delivered == ours.data_segs_out + 1
    assert (ours.total_retrans, ours.bytes_retrans, theirs.rcv_ooopack) == (0, 0, 0)
    assert ours.busy_time > 0


def test_what_went_again_is_counted_apart() -> None:
    link = Link(seed=3)
    client, child = link.pair()
    link.loss = 0.05
    carry(link, client, child, OCTETS)
    ours, theirs = info_of(client), info_of(child)
    assert ours.total_retrans > 0
    assert ours.bytes_sent - ours.bytes_retrans == OCTETS
    assert ours.bytes_acked == OCTETS + 1
    assert theirs.bytes_received == OCTETS
    assert theirs.rcv_ooopack > 0
    assert theirs.data_segs_in < ours.data_segs_out
    assert ours.delivered >= (OCTETS - 1) // ours.snd_mss


def test_the_peer_tells_what_came_to_it_twice() -> None:
    link = Link(seed=2)
    client, child = link.pair()
    link.doubled = 0.2
    carry(link, client, child, OCTETS)
    assert info_of(client).dsack_dups > 0
    assert link.left.ns.tcp.tcp.ext.TCPDSACKRecv > 0
    assert info_of(child).bytes_received == OCTETS


def test_a_peer_without_room_is_told_apart_from_a_slow_way() -> None:
    link = Link()
    client, child = link.pair()
    while client.send(b"x" * 100_000):
        link.run(1.0)
    link.run(10.0)
    held_up = info_of(client)
    assert held_up.snd_wnd == 0
    assert held_up.notsent_bytes > 0
    assert 9_000_000 < held_up.rwnd_limited <= held_up.busy_time
    while child.recv(1 << 20) or client.write_queue:
        link.run(1.0)
    link.run(5.0)
    busy = info_of(client).busy_time
    link.run(5.0)
    assert info_of(client).busy_time == busy


def test_a_connection_that_opens_again_counts_from_nothing() -> None:
    link = Link()
    client, child = link.pair()
    carry(link, client, child, 1000)
    client.shut_down(2)
    child.close()
    link.run(100.0)
    client.close()
    fresh = link.connect()
    link.run(1.0)
    assert info_of(fresh).bytes_sent == 0
    assert info_of(fresh).segs_out == 2


def test_a_listener_tells_of_its_queue_alone() -> None:
    link = Link()
    listener = link.listen(backlog=7)
    link.connect()
    link.run(1.0)
    info = info_of(listener)
    assert (info.unacked, info.sacked, info.snd_cwnd, info.rto) == (1, 7, 10, 0)


def test_the_option_is_laid_out_as_linux_has_it() -> None:
    link = Link()
    client, child = link.pair()
    carry(link, client, child, 5000)
    value = getsockopt(client, "TCP_INFO")
    assert isinstance(value, bytes)
    assert len(value) == LENGTH
    info: TcpInfo = info_of(client)
    assert struct.unpack_from("<Q", value, BYTES_ACKED_AT) == (info.bytes_acked,)
    assert struct.unpack_from("<I", value, SND_WND_AT) == (info.snd_wnd,)
