"""TCP numbers relative to those that a stack chose: there, back, and with the sums that belong to them."""

import pytest

from pystack.compare.records import Frame
from pystack.compare.relative import FirstNumbers, relative_records
from pystack.wire import icmp, tcp
from pystack.wire.checksum import transport_sum, verifies
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp_options import build
from tests.frames import datagram, ip, packet_frame

US, PEER = ip("10.1.0.1"), ip("10.1.0.7")
MAC = bytes.fromhex("020000000001")
ISN = 0xFFFFFF00


def frame(ours: bool, flags: int, seq: int, ack: int, options: bytes = b"") -> bytes:
    saddr, daddr = (US, PEER) if ours else (PEER, US)
    ports = (53, 4000) if ours else (4000, 53)
    segment = tcp.build(
        tcp.TcpHeader(*ports, seq=seq, ack=ack, flags=flags, options=options), b"", saddr, daddr
    )
    return packet_frame(datagram(segment, IPPROTO_TCP, src=saddr, dst=daddr), MAC)


def header(data: bytes) -> tcp.TcpHeader:
    parsed = tcp.parse(data[34:])
    assert isinstance(parsed, tcp.TcpHeader)
    return parsed


def holds(data: bytes) -> bool:
    saddr, daddr = (int.from_bytes(data[at : at + 4], "big") for at in (26, 30))
    return transport_sum(saddr, daddr, IPPROTO_TCP, data[34:]) == 0xFFFF


def met() -> FirstNumbers:
    numbers = FirstNumbers()
    numbers.note(frame(True, tcp.SYN | tcp.ACK, ISN, 1001, build(7777, 0, [])))
    return numbers


def test_what_a_peer_acknowledges_counts_from_the_first_number() -> None:
    said = met().absolute(frame(False, tcp.ACK, 1001, 300))
    assert header(said).ack == ISN + 300 - (1 << 32)
    assert header(said).seq == 1001
    assert holds(said)


def test_blocks_and_echoes_of_timestamps_count_too() -> None:
    said = met().absolute(frame(False, tcp.ACK, 1001, 1, build(5, 0, [(10, 20)])))
    assert tcp.parse(said[34:])
    assert header(said).options[8:12] == (7777).to_bytes(4, "big")
    assert header(said).options[16:20] == (ISN + 10 & 0xFFFFFFFF).to_bytes(4, "big")
    assert holds(said)


def test_timestamps_count_from_what_opened_the_connection_not_from_an_ack_since() -> None:
    numbers = met()
    numbers.note(frame(True, tcp.ACK, ISN + 1 & 0xFFFFFFFF, 1001, build(7778, 0, [])))
    said = numbers.absolute(frame(False, tcp.ACK, 1001, 1, build(5, 0, [])))
    assert header(said).options[8:12] == (7777).to_bytes(4, "big")


def test_a_wrong_sum_stays_wrong() -> None:
    wrong = frame(False, tcp.ACK, 1001, 300)
    wrong = wrong[:50] + b"\x12\x34" + wrong[52:]
    said = met().absolute(wrong)
    assert header(said).ack == ISN + 300 - (1 << 32)
    assert said[50:52] == b"\x12\x34"


def test_an_icmp_error_quotes_the_number_that_was_sent() -> None:
    quote = frame(True, tcp.ACK, 5, 0)[14:42]
    message = icmp.build(icmp.ICMP_DEST_UNREACH, 1, 0, 0, quote)
    said = met().absolute(packet_frame(datagram(message, src=PEER, dst=US), MAC))
    assert said[66:70] == (ISN + 5 & 0xFFFFFFFF).to_bytes(4, "big")
    assert verifies(said[34:])


def test_of_an_unknown_connection_nothing_changes() -> None:
    said = frame(False, tcp.ACK, 1001, 300)
    assert FirstNumbers().absolute(said) == said


@pytest.mark.parametrize("isn", [0, 5, ISN, 0x80000000])
def test_two_stacks_that_chose_other_numbers_yield_the_same(isn: int) -> None:
    def records(first: int) -> list[Frame]:
        after = first + 1 & 0xFFFFFFFF
        return [
            Frame(1, "tap1", "in", frame(False, tcp.SYN, 1000, 0)),
            Frame(1, "tap1", "out", frame(True, tcp.SYN | tcp.ACK, first, 1001)),
            Frame(2, "tap1", "in", frame(False, tcp.ACK, 1001, after)),
            Frame(3, "tap1", "out", frame(True, tcp.RST, after, 0)),
        ]

    assert relative_records(records(isn)) == relative_records(records(77))


def test_a_reset_with_a_number_that_the_peer_made_up_keeps_it() -> None:
    made_up = Frame(3, "tap1", "out", frame(True, tcp.RST, 0x40000000, 0))
    begun = Frame(1, "tap1", "out", frame(True, tcp.SYN | tcp.ACK, ISN, 1001))
    assert relative_records([begun, made_up])[1] == made_up
