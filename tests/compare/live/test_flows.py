"""Which packets are taken for one flow."""

from dataclasses import replace

import pytest

from pystack.compare.live.flows import Flows, error_at, key_of
from pystack.compare.points import framed
from pystack.compare.records import Hop
from pystack.explain.words import packet_of
from pystack.wire import icmp
from pystack.wire.ethernet import ETH_P_ARP, header
from pystack.wire.ipv4 import IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6
from tests.compare.live.made import ipv6

UP = "10.0.0.1.4000 > 10.0.0.5.80: Flags [S], seq 1, win 1000, length 0"
DOWN = "10.0.0.5.80 > 10.0.0.1.4000: Flags [S.], seq 1, ack 2, win 1000, length 0"
TRANSLATED = "192.0.2.1.4711 > 10.0.0.5.80: Flags [S], seq 1, win 1000, length 0"
BACK = "10.0.0.5.80 > 192.0.2.1.4711: Flags [S.], seq 1, ack 2, win 1000, length 0"


def hop(words: str) -> Hop:
    data = packet_of(words).payload
    return Hop(0, 1, "ip", "PREROUTING", -450, None, None, None, "eth0", None, None, None, 0, data)


def flows() -> Flows[object]:
    return Flows(lambda first: object())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (UP, DOWN),
        (
            "10.0.0.1 > 10.0.0.5: ICMP echo request, id 7, seq 1, length 16",
            "10.0.0.5 > 10.0.0.1: ICMP echo reply, id 7, seq 9, length 16",
        ),
        ("10.0.0.1.53 > 10.0.0.5.99: UDP, length 4", "10.0.0.5.99 > 10.0.0.1.53: UDP, length 70"),
    ],
)
def test_an_answer_is_of_the_flow_of_its_question(one: str, other: str) -> None:
    assert key_of(framed(hop(one))) == key_of(framed(hop(other)))


@pytest.mark.parametrize("other", ["10.0.0.1.4001 > 10.0.0.5.80: UDP, length 0", TRANSLATED])
def test_others_are_of_another(other: str) -> None:
    assert key_of(framed(hop(UP))) != key_of(framed(hop(other)))


def test_an_error_is_of_the_flow_that_it_is_about() -> None:
    quoted = hop(UP).data
    error = icmp.build(icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH, 0, 0, quoted)
    packet = bytearray(packet_of("10.0.0.9 > 10.0.0.1: ICMP echo request, id 1, seq 1").payload[:20] + error)
    assert key_of(framed(replace(hop(UP), data=bytes(packet)))) == key_of(framed(hop(UP)))


def test_a_packet_and_the_answer_to_what_it_was_translated_to_are_one_flow() -> None:
    known = flows()
    flow = known.of([hop(UP), hop(TRANSLATED)])
    assert known.of([hop(BACK), hop(DOWN)]) is flow
    assert known.of([hop(BACK)]) is flow
    assert known.of([hop("10.0.0.9.1 > 10.0.0.5.2: UDP, length 0")]) is not flow


def test_of_fragments_the_first_one_tells_wherever_it_stands() -> None:
    whole = hop("10.0.0.1.4000 > 10.0.0.5.53: UDP, length 3000")
    packet = whole.data
    first = replace(whole, data=packet[:6] + b"\x20\0" + packet[8:1500])
    rest = replace(whole, data=packet[:6] + b"\0\xb9" + packet[8:20] + packet[1500:])
    known = flows()
    flow = known.of([rest, first, rest])
    assert known.of([hop("10.0.0.5.53 > 10.0.0.1.4000: UDP, length 3")]) is flow


def test_flows_of_ipv6_are_told_apart_as_well() -> None:
    asked = ipv6(IPPROTO_UDP, 1, 5, b"\x0f\xa0\0\x35\0\x08\0\0")
    said = ipv6(IPPROTO_UDP, 5, 1, b"\0\x35\x0f\xa0\0\x08\0\0")
    other = ipv6(IPPROTO_UDP, 1, 5, b"\x0f\xa1\0\x35\0\x08\0\0")
    too_big = ipv6(IPPROTO_ICMPV6, 9, 1, b"\x02\0\0\0\0\0\x05\0" + asked[14:])
    assert key_of(asked) == key_of(said) == key_of(too_big) != key_of(other)
    assert error_at(asked) is None
    assert error_at(too_big) == 14 + 40 + 8


def test_a_question_by_arp_and_its_answer_are_one_flow() -> None:
    def arp(operation: int, sender: bytes, target: bytes) -> bytes:
        fixed = bytes.fromhex("0001080006040000")[:-1] + bytes([operation])
        return header(bytes(6), bytes(6), ETH_P_ARP) + fixed + bytes(6) + sender + bytes(6) + target

    assert key_of(arp(1, b"\x0a\0\0\1", b"\x0a\0\0\5")) == key_of(arp(2, b"\x0a\0\0\5", b"\x0a\0\0\1"))


@pytest.mark.parametrize("size", range(0, 60, 7))
def test_frames_of_any_length_have_a_flow(size: int) -> None:
    for kind in ("0800", "86dd", "0806", "8100", "9000"):
        assert isinstance(key_of((bytes(12) + bytes.fromhex(kind) + bytes(60))[:size]), bytes)
