"""Tuples are octets cut out of packets, and read as numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.netfilter.conntrack.tuples import (
    Tuple,
    in_zone,
    inverted,
    is_key,
    of_ipv6_packet,
    of_packet,
    of_whole,
    read,
    without_zone,
)
from tests import bridge6
from tests.netfilter.conntrack import talk

LEFT, RIGHT = talk.ADDRESSES
U16 = st.integers(0, 0xFFFF)


@given(st.sampled_from((6, 17, 47, 132, 99)), st.integers(0, 0xFFFFFFFF), U16, U16, U16)
def test_what_is_written_into_a_key_is_read_out_of_it(
    protocol: int, address: int, sport: int, dport: int, zone: int
) -> None:
    flow = Tuple(2, protocol, address, LEFT, sport, dport, zone)
    assert read(flow.key) == flow
    assert read(without_zone(flow.key)) == flow._replace(zone=0)


def test_a_key_of_ipv6_has_room_for_its_addresses() -> None:
    flow = Tuple(10, 6, 1 << 127, 1, 1000, 80)
    assert read(flow.key) == flow
    assert read(inverted(flow.key) or b"") == Tuple(10, 6, 1, 1 << 127, 80, 1000)


def test_the_key_of_a_packet_is_that_of_its_numbers() -> None:
    _, packet = talk.query(0, 5, 6)
    assert of_packet(packet, 0, 20, 17) == Tuple(2, 17, LEFT, RIGHT, 5, 6).key


def test_answers_have_ends_and_ports_turned_round_and_the_same_zone() -> None:
    key = Tuple(2, 6, LEFT, RIGHT, 1000, 80, 5).key
    assert inverted(key) == Tuple(2, 6, RIGHT, LEFT, 80, 1000, 5).key


@pytest.mark.parametrize(("asked", "answered"), [(8, 0), (13, 14), (15, 16), (17, 18)])
def test_icmp_queries_and_answers_are_each_others_inverse(asked: int, answered: int) -> None:
    query, answer = Tuple(2, 1, LEFT, RIGHT, 7, asked << 8), Tuple(2, 1, RIGHT, LEFT, 7, answered << 8)
    assert inverted(query.key) == answer.key
    assert inverted(answer.key) == query.key


def test_nothing_answers_an_icmp_error() -> None:
    assert inverted(Tuple(2, 1, LEFT, RIGHT, 0, 3 << 8).key) is None


def test_a_transport_header_that_is_cut_off_has_no_key() -> None:
    _, packet = talk.query(0, 5, 6)
    assert of_packet(packet[:23], 0, 20, 17) is None
    assert of_packet(talk.ping()[1][:27], 0, 20, 1) is None


def test_a_protocol_without_ports_is_told_by_its_addresses() -> None:
    assert of_packet(talk.bare(99)[1], 0, 20, 99) == Tuple(2, 99, LEFT, RIGHT).key


def test_a_quoted_packet_has_the_key_that_it_had_unless_it_was_a_later_fragment() -> None:
    _, packet = talk.query(0, 5, 6)
    assert of_whole(packet[:28], 0, is_ipv6=False) == Tuple(2, 17, LEFT, RIGHT, 5, 6).key
    assert of_whole(packet[:6] + b"\0\1" + packet[8:28], 0, is_ipv6=False) is None
    assert of_whole(packet[:19], 0, is_ipv6=False) is None


def test_the_default_zone_takes_no_room() -> None:
    key = Tuple(2, 6, LEFT, RIGHT, 1, 2).key
    assert in_zone(key, 0) == key
    assert len(in_zone(key, 1)) == len(key) + 2


def test_octets_of_a_stranger_are_a_key_only_if_they_are_as_long_as_their_family_says() -> None:
    ipv4, ipv6 = bytes((2, 6)) + bytes(12), bytes((10, 6)) + bytes(36)
    assert [is_key(key) for key in (ipv4, ipv4 + b"\0\5", ipv6, ipv6 + b"\0\5")] == [True] * 4
    strange = (b"", ipv4[:-1], ipv4 + b"\0", bytes((3, 6)) + bytes(12), ipv6[:14])
    assert not any(map(is_key, strange))


def test_the_key_of_an_ipv6_packet_is_found_behind_its_extension_headers() -> None:
    bare = bridge6.packet(bridge6.udp(sport=5, dport=6), 17)
    options = bytes.fromhex("1100010400000000")
    behind = bridge6.packet(options + bare[40:], 60)
    key = Tuple(10, 17, bridge6.ALICE, bridge6.BOB, 5, 6).key
    assert of_whole(bare, 0, is_ipv6=True) == of_whole(behind, 0, is_ipv6=True) == key
    assert of_ipv6_packet(behind, 0, 48, 17) == key
    assert of_whole(behind[:51], 0, is_ipv6=True) is None
    assert of_whole(bare[:39], 0, is_ipv6=True) is None


def test_a_later_fragment_of_ipv6_has_no_key_but_the_first_one_has() -> None:
    first, later = bridge6.fragments(bridge6.packet(bridge6.udp(bytes(40), 5, 6), 17), 16)
    assert of_whole(first, 0, is_ipv6=True) == Tuple(10, 17, bridge6.ALICE, bridge6.BOB, 5, 6).key
    assert of_whole(later, 0, is_ipv6=True) is None


@pytest.mark.parametrize(("asked", "answered"), [(128, 129), (139, 140)])
def test_icmpv6_queries_and_answers_are_each_others_inverse(asked: int, answered: int) -> None:
    query, answer = Tuple(10, 58, 1, 2, 7, asked << 8), Tuple(10, 58, 2, 1, 7, answered << 8)
    assert inverted(query.key) == answer.key
    assert inverted(answer.key) == query.key
    assert inverted(Tuple(10, 58, 1, 2, 7, 1 << 8).key) is None
