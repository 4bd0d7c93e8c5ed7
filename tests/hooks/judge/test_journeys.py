"""A packet is known again at its next hook, whatever rules have done to it in between."""

import pytest

from pystack.explain.words import packet_of
from pystack.hooks.judge.journeys import Journeys
from pystack.hooks.judge.packets import packet_of as queued_packet
from pystack.hooks.queue.packet import Queued
from pystack.l2.port import PortDevice
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_P_IP

TCP = "10.0.0.5.4000 > 10.2.0.6.80: Flags [S], seq 7, win 100, length 0"
PACKETS = {
    "tcp": (TCP, TCP.replace("seq 7", "seq 8")),
    "udp": ("10.0.0.5.4000 > 10.2.0.6.53: UDP, length 4", "10.0.0.5.4001 > 10.2.0.6.53: UDP, length 4"),
    "icmp": (
        "10.0.0.5 > 10.2.0.6: ICMP echo request, id 3, seq 1, length 16",
        "10.0.0.5 > 10.2.0.6: ICMP echo request, id 3, seq 2, length 16",
    ),
}


def seen(octets: bytes) -> Packet:
    queued = Queued(1, ETH_P_IP, 0, 1, 0, 0, 0, 0, octets, len(octets))
    pkt = queued_packet(queued, PortDevice("eth0", bytes(6)))
    assert pkt is not None
    pkt.ctinfo = 5
    return pkt


def routed(octets: bytes) -> bytes:
    """Another TTL, TOS and sum."""
    return octets[:1] + b"\x10" + octets[2:8] + b"\x07" + octets[9:10] + b"\xab\xcd" + octets[12:]


@pytest.mark.parametrize(("words", "others"), PACKETS.values(), ids=PACKETS)
def test_it_is_known_by_what_its_sender_said(words: str, others: str) -> None:
    journeys = Journeys(with_destination=True)
    octets = packet_of(words).payload
    journeys.note(seen(octets))
    found = journeys.find(routed(octets))
    assert found is not None
    assert found.ctinfo == 5
    assert journeys.find(packet_of(others).payload) is None


def test_where_the_kernel_translates_another_destination_is_the_same_packet() -> None:
    octets = packet_of(TCP).payload
    elsewhere = octets[:16] + bytes([10, 9, 9, 9]) + octets[20:22] + b"\x1f\x90" + octets[24:]
    known = {}
    for with_destination in (False, True):
        journeys = Journeys(with_destination=with_destination)
        journeys.note(seen(octets))
        known[with_destination] = journeys.find(elsewhere) is not None
    assert known == {False: True, True: False}


def test_only_the_latest_are_remembered() -> None:
    journeys = Journeys(with_destination=True, most=2)
    packets = [packet_of(TCP.replace("seq 7", f"seq {number}")).payload for number in range(3)]
    for octets in packets:
        journeys.note(seen(octets))
    assert [journeys.find(octets) is not None for octets in packets] == [False, True, True]
