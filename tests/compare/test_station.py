"""Somebody behind a port who answers ARP and echo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.compare.scenario import Station
from pystack.compare.station import Stations, answers

MAC = bytes.fromhex("ba ec 24 5c 80 3a")
ASKER = bytes.fromhex("02 00 00 00 00 01")
VM = Station("vm1", "tap1", MAC, (0xAC100A0B, 0xAC100A0C))  # 172.16.10.11 and .12
BROADCAST = b"\xff" * 6

# Written by hand: who has 172.16.10.11? tell 172.16.10.1
WHO_HAS = (
    BROADCAST + ASKER + bytes.fromhex("0806 0001 0800 06 04 0001 020000000001 ac100a01 000000000000 ac100a0b")
)
IS_AT = ASKER + MAC + bytes.fromhex("0806 0001 0800 06 04 0002 baec245c803a ac100a0b 020000000001 ac100a01")

# 172.16.10.1 > 172.16.10.11: echo request, id 7, seq 1, "hi"; TTL 64, TOS 0x10, IP ID 0x1234
PING = (
    MAC
    + ASKER
    + bytes.fromhex("0800 4510 001e 1234 0000 40 01 fc6e ac100a01 ac100a0b 0800 8f8e 0007 0001 6869")
)
PONG = (
    ASKER
    + MAC
    + bytes.fromhex("0800 4510 001e 0000 0000 40 01 0ea3 ac100a0b ac100a01 0000 978e 0007 0001 6869")
)


def test_who_has_is_answered_to_him_who_asked() -> None:
    assert answers(VM, WHO_HAS) == [IS_AT]


def test_a_question_to_the_station_alone_is_answered_too() -> None:
    assert answers(VM, MAC + WHO_HAS[6:]) == [IS_AT]


def test_padding_behind_a_question_is_not_repeated() -> None:
    assert answers(VM, WHO_HAS + bytes(18)) == [IS_AT]


def test_a_probe_from_nobody_is_answered() -> None:
    probe = WHO_HAS[:28] + bytes(4) + WHO_HAS[32:]
    assert answers(VM, probe) == [IS_AT[:38] + bytes(4)]


def test_every_address_is_answered_for() -> None:
    assert answers(VM, WHO_HAS[:-1] + b"\x0c") == [IS_AT[:31] + b"\x0c" + IS_AT[32:]]


def test_a_ping_is_answered_with_its_own_words() -> None:
    assert answers(VM, PING) == [PONG]


def test_padding_behind_a_ping_is_not_repeated() -> None:
    assert answers(VM, PING + bytes(20)) == [PONG]


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (WHO_HAS[:-1] + b"\x0d", "asks for somebody else"),
        (bytes.fromhex("02000000bb01") + WHO_HAS[6:], "goes to another station"),
        (WHO_HAS[:20] + b"\x00\x02" + WHO_HAS[22:], "is an answer"),
        (WHO_HAS[:-1], "ends too soon"),
        (WHO_HAS[:22] + BROADCAST + WHO_HAS[28:], "would have everybody answered"),
        (BROADCAST + PING[6:], "pings everybody"),
        (PING[:6] + b"\x03" + PING[7:], "comes from a group"),
        (PING[:33] + b"\x0d" + PING[34:], "has a wrong IP checksum, as its address was changed"),
        (PING[:-1] + b"x", "has a wrong ICMP checksum"),
        (PING[:20] + b"\x20\x00\x40\x01\xdc\x6e" + PING[26:], "is a fragment"),
        (PONG, "is not for this station"),
        (MAC + ASKER + PONG[12:], "is an answer"),
        (b"", "is nothing"),
        (MAC, "is no frame"),
    ],
)
def test_nothing_is_said_to_what_is_no_question(frame: bytes, why: str) -> None:
    assert answers(VM, frame) == [], why


def test_stations_answer_behind_their_own_port_in_the_order_of_the_frames() -> None:
    other = Station("vm2", "tap2", bytes.fromhex("02000000bb02"), (0xAC100A0B,))
    stations = Stations([VM, other])
    assert stations.answers([("tap1", PING), ("tap3", PING), ("tap1", WHO_HAS)]) == [
        ("tap1", PONG),
        ("tap1", IS_AT),
    ]
    assert [port for port, _ in stations.answers([("tap2", WHO_HAS), ("tap1", WHO_HAS)])] == ["tap2", "tap1"]


def test_no_stations_are_nobody() -> None:
    assert not Stations([])
    assert Stations([]).answers([("tap1", WHO_HAS)]) == []


@given(st.binary(max_size=80), st.sampled_from([b"", WHO_HAS[:14], PING[:14], PING[:34]]))
def test_any_frame_is_survived_and_no_answer_is_answered(noise: bytes, head: bytes) -> None:
    for answer in answers(VM, head + noise):
        assert answers(VM, answer) == []
