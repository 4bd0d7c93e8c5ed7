"""Answers that need no IP path: to whom, with what, and to what there is none."""

import pytest

from pystack.netfilter.reject_packets import reset, reset_ipv6, unreachable, unreachable_ipv6
from pystack.wire import icmp, ipv4, ipv6, tcp, udp
from pystack.wire.checksum import transport_sum, verifies
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.ipv6 import Ipv6Header
from pystack.wire.tcp import TcpHeader
from tests.bridge6 import ALICE as ALICE6
from tests.bridge6 import BOB as BOB6
from tests.bridge6 import packet as packet6
from tests.bridge6 import udp as udp6
from tests.frames import ALICE_IP, BOB_IP, datagram

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58


def from_alice(body: bytes, protocol: int, *, frag_off: int = 0) -> bytes:
    return datagram(body, protocol, src=ALICE_IP, dst=BOB_IP, frag_off=frag_off)


def hello() -> bytes:
    return udp.build(5, 6, b"hello", ALICE_IP, BOB_IP)


def syn(flags: int = tcp.SYN, payload: bytes = b"") -> bytes:
    return tcp.build(TcpHeader(1000, 22, seq=7, ack=9, flags=flags), payload, ALICE_IP, BOB_IP)


def answer_to(packet: bytes) -> bytes | None:
    return unreachable(packet, 13, 64, vouched=False)


def test_the_sender_is_told_what_could_not_be_delivered() -> None:
    refused = from_alice(hello(), UDP)
    answer = answer_to(refused)
    assert answer is not None
    header = ipv4.parse(answer, 0)
    assert isinstance(header, Ipv4Header)
    assert (header.saddr, header.daddr, header.ttl, header.protocol) == (BOB_IP, ALICE_IP, 64, ICMP)
    assert answer[20:22] == bytes((icmp.ICMP_DEST_UNREACH, 13))
    assert verifies(answer[20:])
    assert answer[28:] == refused


def test_no_more_is_quoted_than_fits_into_576_octets() -> None:
    answer = answer_to(from_alice(udp.build(5, 6, bytes(900), ALICE_IP, BOB_IP), UDP))
    assert answer is not None
    assert len(answer) == 20 + 8 + 536


@pytest.mark.parametrize(
    "packet",
    [
        from_alice(hello()[:-1] + b"x", UDP),
        from_alice(hello(), UDP, frag_off=1),
        from_alice(icmp.build(icmp.ICMP_DEST_UNREACH, 1, 0, 0, b"quoted"), ICMP),
        from_alice(hello(), UDP)[:-1],
        from_alice(hello(), UDP)[:19],
        b"\x44" + from_alice(hello(), UDP)[1:],
        b"\x65" + from_alice(hello(), UDP)[1:],
    ],
    ids=["wrong sum", "later fragment", "an error", "cut off", "no header", "short header", "version 6"],
)
def test_to_some_packets_there_is_no_answer(packet: bytes) -> None:
    assert answer_to(packet) is None


def test_a_datagram_without_a_sum_is_answered() -> None:
    body = bytearray(hello())
    body[6:8] = bytes(2)
    assert answer_to(from_alice(bytes(body), UDP)) is not None


def test_what_a_device_vouches_for_is_not_summed() -> None:
    assert unreachable(from_alice(hello()[:-1] + b"x", UDP), 3, 64, vouched=True) is not None


@pytest.mark.parametrize(
    ("segment", "seq", "ack", "flags"),
    [
        (syn(), 0, 8, tcp.RST | tcp.ACK),
        (syn(tcp.ACK, b"data"), 9, 0, tcp.RST),
        (syn(tcp.SYN | tcp.FIN, b"data"), 0, 13, tcp.RST | tcp.ACK),
    ],
)
def test_a_segment_is_reset(segment: bytes, seq: int, ack: int, flags: int) -> None:
    answer = reset(from_alice(segment, TCP), 64, vouched=False)
    assert answer is not None
    parsed = tcp.parse(answer[20:])
    assert isinstance(parsed, TcpHeader)
    assert (parsed.sport, parsed.dport, parsed.seq, parsed.ack, parsed.flags) == (22, 1000, seq, ack, flags)
    assert transport_sum(BOB_IP, ALICE_IP, TCP, answer[20:]) == 0xFFFF


@pytest.mark.parametrize("packet", [from_alice(syn(tcp.RST), TCP), from_alice(hello(), UDP)])
def test_resets_and_what_is_no_segment_are_not_reset(packet: bytes) -> None:
    assert reset(packet, 64, vouched=False) is None


def test_padding_behind_a_segment_makes_its_sum_wrong() -> None:
    assert reset(from_alice(syn(), TCP) + bytes(6), 64, vouched=False) is None


# --- IPv6 ---------------------------------------------------------------------------------------------------


def test_the_sender_is_told_in_ipv6() -> None:
    refused = packet6(udp6(), UDP)
    answer = unreachable_ipv6(refused, 1, 64, vouched=False)
    assert answer is not None
    header = ipv6.parse(answer, 0)
    assert isinstance(header, Ipv6Header)
    assert (header.saddr, header.daddr, header.next_header) == (BOB6, ALICE6, ICMPV6)
    assert answer[40:42] == bytes((1, 1))
    assert transport_sum(BOB6, ALICE6, ICMPV6, answer[40:]) == 0xFFFF
    assert answer[48:] == refused


def test_a_segment_of_ipv6_is_reset() -> None:
    body = tcp.build(TcpHeader(1000, 22, seq=7, flags=tcp.SYN), b"", ALICE6, BOB6)
    answer = reset_ipv6(packet6(body, TCP), 64, vouched=False)
    assert answer is not None
    assert transport_sum(BOB6, ALICE6, TCP, answer[40:]) == 0xFFFF
    assert answer[53] == tcp.RST | tcp.ACK


@pytest.mark.parametrize(
    "packet",
    [
        packet6(bytes((1, 4, 0, 0, 0, 0, 0, 0)), ICMPV6),
        packet6(udp6(), UDP)[:-1] + b"x",
        packet6(udp6(), UDP)[:-1],
        packet6(udp6(), UDP)[:39],
    ],
    ids=["an error", "wrong sum", "cut off", "no header"],
)
def test_to_some_packets_of_ipv6_there_is_no_answer(packet: bytes) -> None:
    assert unreachable_ipv6(packet, 1, 64, vouched=False) is None
    assert reset_ipv6(packet, 64, vouched=False) is None
