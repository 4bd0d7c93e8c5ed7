"""IPv6 that crosses a bridge is translated, and adds up afterwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.tuples import Tuple, inverted
from pystack.netfilter.nat.manip import End, translate_ipv6_at
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC, NatRange
from pystack.wire import ipv6, udp
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv6 import Ipv6Header
from tests import bridge6
from tests.box import Box
from tests.bridge6 import ALICE, BOB, NETWORK, Bridge6, packet

SNAT = "ip6tables -t nat -A POSTROUTING -m physdev --physdev-in left -j SNAT --to-source "
TCP = bytes.fromhex("03e8005000000001000000005002040000000000")
ECHO = bytes.fromhex("8000000003e80001") + b"ping"
BODIES = {6: TCP, 17: bridge6.udp(sport=1000), 58: ECHO, 99: b"whatever"}
CHOOSER = Box().ns.tables6.nat.chooser
addresses = st.integers(0, (1 << 128) - 1)


def adds_up(octets: bytes) -> bool:
    header, found = ipv6.parse(octets, 0), ipv6.find_transport(octets, 0)
    assert isinstance(header, Ipv6Header)
    assert found is not None
    body = octets[found.offset :]
    return transport_sum(header.saddr, header.daddr, found.protocol, body) == 0xFFFF


def source_of(octets: bytes) -> int:
    return int.from_bytes(octets[8:24], "big")


@given(addresses, addresses, addresses, st.integers(0, 0xFFFF), st.sampled_from((MANIP_SRC, MANIP_DST)))
@pytest.mark.parametrize("protocol", [6, 17, 58])
def test_a_translated_packet_adds_up_and_can_be_translated_back(
    protocol: int, old: int, peer: int, new: int, port: int, manip: int
) -> None:
    ends = (old, peer) if manip == MANIP_SRC else (peer, old)
    before = packet(BODIES[protocol], protocol, *ends)
    own = 1000 if protocol == 58 or manip == MANIP_SRC else int.from_bytes(BODIES[protocol][2:4], "big")
    data = bytearray(before)
    assert translate_ipv6_at(data, 0, End(protocol, manip, new, port))
    assert adds_up(bytes(data))
    assert translate_ipv6_at(data, 0, End(protocol, manip, old, own))
    assert adds_up(bytes(data))
    assert bytes(data[:42]) == before[:42]


@given(addresses, addresses, addresses, st.sampled_from((MANIP_SRC, MANIP_DST)))
@pytest.mark.parametrize("protocol", [6, 17, 58])
def test_a_sum_that_is_owed_follows_the_address_alone(
    protocol: int, old: int, peer: int, new: int, manip: int
) -> None:
    ends = (old, peer) if manip == MANIP_SRC else (peer, old)
    at, body = 40 + bridge6.CHECK_AT[protocol], BODIES[protocol]
    data = bytearray(packet(body, protocol, *ends, summed=False))
    data[at : at + 2] = transport_sum(*ends, protocol, b"").to_bytes(2, "big")
    assert translate_ipv6_at(data, 0, End(protocol, manip, new, 7), partial=True)
    owed = int.from_bytes(data[at : at + 2], "big")
    assert owed % 0xFFFF == (new + peer + protocol) % 0xFFFF


def test_where_the_transport_header_is_not_found_only_the_address_changes() -> None:
    (later,) = bridge6.fragments(packet(bytes(40), 99), 16)[1:]
    data = bytearray(later)
    assert translate_ipv6_at(data, 0, End(17, MANIP_SRC, 5, 5))
    assert (source_of(bytes(data)), bytes(data[40:])) == (5, later[40:])
    assert not translate_ipv6_at(data[:39], 0, End(17, MANIP_SRC, 5, 5))


@pytest.mark.parametrize("protocol", sorted(BODIES))
def test_the_source_becomes_the_one_that_the_rule_names(protocol: int) -> None:
    bridge = Bridge6(SNAT + "2001:db8::5\n")
    body = BODIES[protocol]
    (out,) = bridge.send(packet(body, protocol))
    assert source_of(out) == NETWORK | 5
    assert protocol not in bridge6.CHECK_AT or adds_up(out)


def test_ports_alone_are_translated_in_both_directions() -> None:
    rule = "ip6tables -t nat -A PREROUTING -p udp --dport 53 -j DNAT --to-destination :5353\n"
    bridge = Bridge6(rule)
    (out,) = bridge.send(packet(bridge6.udp(), 17))
    assert (udp.HEADER.unpack_from(out, 40)[1], adds_up(out)) == (5353, True)
    (back,) = bridge.send(packet(bridge6.udp(sport=5353, dport=1024), 17, BOB, ALICE), back=True)
    assert (udp.HEADER.unpack_from(back, 40)[0], adds_up(back)) == (53, True)


def test_who_gets_another_destination_has_no_way() -> None:
    rule = "ip6tables -t nat -A PREROUTING -p udp --dport 53 -j DNAT --to-destination 2001:db8::dd\n"
    bridge = Bridge6(rule)
    assert bridge.send(packet(bridge6.udp(), 17)) == []
    assert bridge.send(packet(bridge6.udp(dport=54), 17)) != []


@pytest.mark.parametrize("target", ["POSTROUTING -j MASQUERADE", "PREROUTING -j REDIRECT"])
def test_a_host_without_ipv6_addresses_lends_none(target: str) -> None:
    bridge = Bridge6(f"ip6tables -t nat -A {target}\n")
    assert bridge.send(packet(bridge6.udp(), 17)) == []


def test_the_network_changes_and_the_hosts_part_stays() -> None:
    bridge = Bridge6("ip6tables -t nat -A POSTROUTING -j NETMAP --to 2001:db8:5:6::/64\n")
    (out,) = bridge.send(packet(bridge6.udp(), 17))
    assert source_of(out) == 0x20010DB800050006 << 64 | 0xA


def test_of_two_echoes_with_one_id_the_second_gets_another() -> None:
    bridge = Bridge6(SNAT + "2001:db8::5\n")
    (first,) = bridge.send(packet(ECHO, 58))
    (second,) = bridge.send(packet(ECHO, 58, NETWORK | 0xC))
    assert first[44:46] == ECHO[4:6] != second[44:46]
    assert adds_up(second)


def test_an_error_is_translated_outside_and_inside() -> None:
    rule = "ip6tables -t nat -A PREROUTING -p udp --dport 53 -j DNAT --to-destination :5353\n"
    bridge = Bridge6(rule)
    (sent,) = bridge.send(packet(bridge6.udp(), 17))
    (told,) = bridge.send(packet(bytes((1, 4)) + bytes(6) + sent, 58, BOB, ALICE), back=True)
    assert adds_up(told)
    assert told[48:] == packet(bridge6.udp(), 17)


def test_an_error_with_a_wrong_sum_is_not_translated() -> None:
    rule = "ip6tables -t nat -A PREROUTING -p udp --dport 53 -j DNAT --to-destination :5353\n"
    bridge = Bridge6(rule + "sysctl -w net.netfilter.nf_conntrack_checksum=0\n")
    (sent,) = bridge.send(packet(bridge6.udp(), 17))
    wrong = packet(bytes((1, 4, 1, 2)) + bytes(4) + sent, 58, BOB, ALICE, summed=False)
    assert bridge.send(wrong, back=True) == []


@given(addresses, addresses, st.booleans(), st.sampled_from((MANIP_SRC, MANIP_DST)))
def test_an_address_is_chosen_out_of_the_range(saddr: int, daddr: int, persistent: bool, manip: int) -> None:
    low, high = NETWORK | 0x100, NETWORK | 5 << 96 | 0x1FF
    wanted = NatRange((low, high), persistent=persistent)
    flow = Tuple(10, 17, saddr, daddr, 5, 6)
    conn = Conn(flow.key, inverted(flow.key) or b"")
    chosen = CHOOSER.choose(conn, flow, wanted, manip)
    assert low <= (chosen.saddr if manip == MANIP_SRC else chosen.daddr) <= high
    assert chosen == CHOOSER.choose(conn, flow, wanted, manip)
