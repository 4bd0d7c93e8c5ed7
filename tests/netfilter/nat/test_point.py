"""What becomes of packets at the hooks of nat."""

from __future__ import annotations

from pystack.applets import virtual
from pystack.netfilter.conntrack.info import (
    IPS_DST_NAT_DONE,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
)
from pystack.wire import icmp, ipv4
from pystack.wire.checksum import verifies
from pystack.wire.ipv4 import IPPROTO_ICMP, Ipv4Header
from pystack.wire.tcp import ACK, SYN
from pystack.wire.virtio import NEEDS_CSUM, Offload
from tests.frames import datagram, ip
from tests.netfilter.nat.router import (
    CLIENT,
    OTHER,
    OUTSIDE,
    SERVER,
    NatRouter,
    ends,
    tcp_packet,
    udp_packet,
)

MASQUERADE = "POSTROUTING -o out0 -j MASQUERADE"
FORWARDED = "PREROUTING -i out0 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80"


def test_answers_find_back_though_only_one_chain_of_nat_was_ever_used() -> None:
    router = NatRouter(MASQUERADE)
    assert ends(router.send(0, udp_packet(CLIENT, 1000, SERVER, 53))) == (OUTSIDE, 1000, SERVER, 53)
    assert ends(router.send(1, udp_packet(SERVER, 53, OUTSIDE, 1000))) == (SERVER, 53, CLIENT, 1000)


def test_a_rule_is_asked_once_for_a_connection() -> None:
    router = NatRouter(MASQUERADE)
    for _ in range(3):
        router.send(0, udp_packet(CLIENT, 1000, SERVER, 53))
        router.send(1, udp_packet(SERVER, 53, OUTSIDE, 1000))
    listed = virtual.run(["iptables", "-t", "nat", "-nvL", "POSTROUTING"], router.box.host).out
    assert listed.splitlines()[-1].split()[:3] == ["1", "32", "MASQUERADE"]


def test_a_connection_that_no_rule_is_about_is_noted_as_done() -> None:
    router = NatRouter("POSTROUTING -s 10.99.0.0/16 -j MASQUERADE")
    packet = udp_packet(CLIENT, 1000, SERVER, 53)
    assert ends(router.send(0, packet)) == ends(packet)
    (conn,) = router.connections
    assert conn.status & IPS_SRC_NAT_DONE
    assert conn.status & IPS_DST_NAT_DONE
    assert not conn.status & IPS_SRC_NAT


def test_two_clients_of_one_server_can_be_told_apart() -> None:
    router = NatRouter(MASQUERADE)
    router.send(0, udp_packet(CLIENT, 1000, SERVER, 53))
    _, port, _, _ = ends(router.send(0, udp_packet(OTHER, 1000, SERVER, 53)))
    assert port != 1000
    assert ends(router.send(1, udp_packet(SERVER, 53, OUTSIDE, port)))[2:] == (OTHER, 1000)
    assert ends(router.send(1, udp_packet(SERVER, 53, OUTSIDE, 1000)))[2:] == (CLIENT, 1000)


def test_what_is_invalid_is_not_translated() -> None:
    router = NatRouter(MASQUERADE)
    stray = tcp_packet(CLIENT, 1000, SERVER, 80, SYN | ACK)
    assert ends(router.send(0, stray)) == ends(stray)
    assert router.connections == []


def test_a_forwarded_port_is_answered_in_its_name() -> None:
    router = NatRouter(FORWARDED)
    assert ends(router.send(1, tcp_packet(SERVER, 1000, OUTSIDE, 8080))) == (SERVER, 1000, CLIENT, 80)
    answer = tcp_packet(CLIENT, 80, SERVER, 1000, SYN | ACK, seq=9, ack=2)
    assert ends(router.send(0, answer)) == (OUTSIDE, 8080, SERVER, 1000)


def test_a_large_packet_whose_sum_is_owed_is_translated_whole() -> None:
    router = NatRouter(MASQUERADE)
    owed = bytearray(tcp_packet(CLIENT, 1000, SERVER, 80))
    owed[36:38] = b"\x12\x34"
    went = router.send(0, bytes(owed), Offload(NEEDS_CSUM, csum_start=34, csum_offset=16))
    assert ends(went) == (OUTSIDE, 1000, SERVER, 80)
    difference = sum(int.from_bytes(address, "big") for address in (b"\x0a\x02", b"\x00\x01"))
    difference -= sum(int.from_bytes(address, "big") for address in (b"\x0a\x01", b"\x00\x02"))
    assert went is not None
    assert int.from_bytes(went[36:38], "big") == 0x1234 + difference


def test_an_error_quotes_what_its_reader_has_sent() -> None:
    router = NatRouter(MASQUERADE)
    went = router.send(0, udp_packet(CLIENT, 1000, SERVER, 53))
    assert went is not None
    message = icmp.build(icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, 0, 0, went)
    error = datagram(message, IPPROTO_ICMP, src=ip(SERVER), dst=ip(OUTSIDE))
    told = router.send(1, error)
    assert told is not None
    head = ipv4.parse(told, 0)
    assert isinstance(head, Ipv4Header)
    assert (head.saddr, head.daddr) == (ip(SERVER), ip(CLIENT))
    assert verifies(told[20:])
    assert ends(told[28:]) == (CLIENT, 1000, SERVER, 53)


def test_an_error_with_a_wrong_sum_is_dropped_rather_than_mended() -> None:
    router = NatRouter(MASQUERADE, more="sysctl -w net.netfilter.nf_conntrack_checksum=0\n")
    went = router.send(0, udp_packet(CLIENT, 1000, SERVER, 53))
    assert went is not None
    message = bytearray(icmp.build(icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, 0, 0, went))
    message[2] ^= 1
    error = datagram(bytes(message), IPPROTO_ICMP, src=ip(SERVER), dst=ip(OUTSIDE))
    assert router.send(1, error) is None


def test_masqueraded_connections_end_with_their_address() -> None:
    router = NatRouter(MASQUERADE)
    router.send(0, udp_packet(CLIENT, 1000, SERVER, 53))
    virtual.run(["ip", "addr", "del", "10.2.0.1/24", "dev", "out0"], router.box.host)
    assert router.connections == []


def test_masqueraded_connections_end_with_their_device_and_others_live_on() -> None:
    router = NatRouter(
        "POSTROUTING -p udp --dport 53 -j MASQUERADE", "POSTROUTING -j SNAT --to-source 10.2.0.1"
    )
    router.send(0, udp_packet(CLIENT, 1000, SERVER, 53))
    router.send(0, udp_packet(CLIENT, 1000, SERVER, 54))
    virtual.run(["ip", "link", "set", "out0", "down"], router.box.host)
    assert [conn.tuple(0).dport for conn in router.connections] == [54]


def test_the_table_forgets_the_source_of_a_connection_that_ends() -> None:
    router = NatRouter(MASQUERADE)
    router.send(0, udp_packet(CLIENT, 1000, SERVER, 53))
    router.send(0, udp_packet(CLIENT, 1000, "10.2.0.3", 53))
    table = router.box.ns.conntrack.context.table
    first, second = router.connections
    assert set(table.of_source(first.original)) == {first, second}
    router.box.ns.conntrack.context.kill(first)
    assert list(table.of_source(second.original)) == [second]
    router.box.ns.conntrack.flush()
    assert list(table.of_source(second.original)) == []
