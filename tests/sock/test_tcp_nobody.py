"""Segments that meet no socket."""

import pytest

from pystack.wire import tcp
from pystack.wire.checksum import transport_sum
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IP_DF, IPPROTO_TCP
from pystack.wire.tcp import ACK, FIN, RST, SYN, TcpHeader
from tests.alice import BoxWithAlice
from tests.frames import ALICE_IP, OUR_IP, OUR_MAC, datagram, ip, packet_frame, parsed_ip


class Host(BoxWithAlice):
    def hear(self, segment: bytes, *, to: bytes = OUR_MAC, tos: int = 0) -> list[bytes]:
        return self.exchange(packet_frame(datagram(segment, IPPROTO_TCP, tos=tos), to))

    def counted(self) -> dict[str, int]:
        stats = self.ns.snmp.Tcp
        return {
            name: getattr(stats, name)
            for name in ("InSegs", "InErrs", "InCsumErrors", "OutSegs", "OutRsts")
            if getattr(stats, name)
        }


def segment(
    flags: int, *, seq: int = 1000, ack: int = 0, payload: bytes = b"", options: bytes = b""
) -> bytes:
    header = TcpHeader(3333, 4444, seq=seq, ack=ack, flags=flags, window=512, options=options)
    return tcp.build(header, payload, ALICE_IP, OUR_IP)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (segment(SYN), (0, 1001, RST | ACK)),
        (segment(SYN, payload=b"hello"), (0, 1006, RST | ACK)),
        (segment(SYN | FIN, seq=0xFFFFFFFF), (0, 1, RST | ACK)),
        (segment(0), (0, 1000, RST | ACK)),
        (segment(ACK, ack=77), (77, 0, RST)),
        (segment(SYN | ACK, ack=77), (77, 0, RST)),
    ],
)
def test_a_segment_is_answered_by_a_reset(asked: bytes, answer: tuple[int, int, int]) -> None:
    box = Host()
    (frame,) = box.hear(asked, tos=0x1F)
    header = parsed_ip(frame)
    reset = tcp.parse(frame[34:])
    assert isinstance(reset, TcpHeader)
    assert (reset.sport, reset.dport, reset.window) == (4444, 3333, 0)
    assert (reset.seq, reset.ack, reset.flags) == answer
    assert (header.saddr, header.daddr) == (OUR_IP, ALICE_IP)
    assert (header.id, header.frag_off, header.ttl, header.tos) == (0, IP_DF, 64, 0x1C)
    assert transport_sum(OUR_IP, ALICE_IP, IPPROTO_TCP, frame[34:]) == 0xFFFF
    assert box.drops() == {"NO_SOCKET": 1}
    assert box.counted() == {"InSegs": 1, "OutSegs": 1, "OutRsts": 1}


def test_a_reset_is_not_answered() -> None:
    box = Host()
    assert box.hear(segment(RST)) == []
    assert box.drops() == {"NO_SOCKET": 1}


def test_a_signed_segment_is_not_answered() -> None:
    """RFC 2385: whoever has lost the socket has lost the key with it."""
    assert Host().hear(segment(SYN, options=bytes((19, 18)) + bytes(16) + b"\1\1")) == []


@pytest.mark.parametrize("options", [b"\1\1\1\0", b"\2\4\5\xb4", b"\2\0\0\0", b"\2\x20\0\0", b"\1\1\1\2"])
def test_other_options_do_not_matter(options: bytes) -> None:
    assert len(Host().hear(segment(SYN, options=options))) == 1


def broken() -> bytes:
    whole = segment(SYN)
    return whole[:-1] + bytes([whole[-1] ^ 1])


@pytest.mark.parametrize(
    ("sent", "reason", "counted"),
    [
        (broken(), "TCP_CSUM", {"InSegs": 1, "InErrs": 1, "InCsumErrors": 1}),
        (bytes(19), "TCP_MALFORMED", {"InSegs": 1}),
        (bytes(20), "TCP_TOO_SMALL", {"InSegs": 1, "InErrs": 1}),
        (bytes(12) + b"\x60" + bytes(7), "TCP_MALFORMED", {"InSegs": 1}),
    ],
    ids=["checksum", "no header", "a short header", "a longer header than segment"],
)
def test_what_is_no_segment_is_dropped_in_silence(sent: bytes, reason: str, counted: dict[str, int]) -> None:
    """Linux: net/ipv4/tcp_ipv4.c tcp_v4_rcv()"""
    box = Host()
    assert box.hear(sent) == []
    assert box.drops() == {reason: 1}
    assert box.counted() == counted


def test_a_segment_in_a_broadcast_frame_is_dropped_in_silence() -> None:
    box = Host()
    assert box.hear(segment(SYN), to=BROADCAST) == []
    assert (box.drops(), box.counted()) == ({"TCP_NOT_FOR_US": 1}, {})


def test_without_a_way_back_there_is_no_reset_though_it_is_counted() -> None:
    """Linux: net/ipv4/ip_output.c ip_send_unicast_reply()"""
    box = Host()
    stranger = datagram(segment(SYN), IPPROTO_TCP, src=ip("8.8.8.8"))
    box.send(box.eth0, packet_frame(stranger[:20] + rebuilt(stranger[20:])))
    assert box.sent(box.eth0) == []
    assert box.counted() == {"InSegs": 1, "OutSegs": 1, "OutRsts": 1}


def rebuilt(packet: bytes) -> bytes:
    header = tcp.parse(packet)
    assert isinstance(header, TcpHeader)
    return tcp.build(header, b"", ip("8.8.8.8"), OUR_IP)


def test_one_that_we_sent_ourselves_is_answered_over_lo() -> None:
    box = Host()
    sock = box.ns.raw.open(IPPROTO_TCP)
    sock.send_to(tcp.build(TcpHeader(1, 2, flags=SYN), b"", OUR_IP, OUR_IP), OUR_IP)
    box.settle()
    heard = [sock.recv(), sock.recv()]
    resets = [received.data[33] for received in heard if received is not None]
    assert resets == [SYN, RST | ACK]
    box.assert_every_packet_is_accounted_for()
