"""Packets that came in: checked, counted, and delivered or refused."""

import pytest

from pystack.counters import IpExtStats, IpStats
from pystack.l3.fib_types import RTN_UNREACHABLE
from pystack.l3.ip_input import IpInput
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.checksum import checksum
from pystack.wire.ethernet import BROADCAST
from pystack.wire.virtio import NEEDS_CSUM, Offload
from tests.alice import BoxWithAlice
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    BOB_MAC,
    OUR_IP,
    OUR_MAC,
    OUR_MAC2,
    datagram,
    echo_frame,
    ip,
    packet_frame,
    parsed_icmp,
)

GROUP_MAC = bytes.fromhex("01005e000001")


def patched(frame: bytes, at: int, octets: bytes) -> bytes:
    """Other octets in the IPv4 header, its checksum made to fit."""
    data = bytearray(frame)
    data[14 + at : 14 + at + len(octets)] = octets
    data[24:26] = b"\0\0"
    data[24:26] = checksum(data[14 : 14 + max(data[14] & 15, 5) * 4]).to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("frame", "reason", "counters"),
    [
        (echo_frame()[:33], "IP_INHDR", {"Ip.InHdrErrors"}),
        (patched(echo_frame(), 0, b"\x65"), "IP_INHDR", {"Ip.InHdrErrors"}),
        (patched(echo_frame(), 0, b"\x44"), "IP_INHDR", {"Ip.InHdrErrors"}),
        (patched(echo_frame(), 0, b"\x4f"), "IP_INHDR", {"Ip.InHdrErrors"}),
        (patched(echo_frame(), 2, b"\x00\x13"), "IP_INHDR", {"Ip.InHdrErrors"}),
        (echo_frame()[:-1], "PKT_TOO_SMALL", {"IpExt.InTruncatedPkts"}),
        (patched(echo_frame(), 2, b"\xff\xff"), "PKT_TOO_SMALL", {"IpExt.InTruncatedPkts"}),
        (
            echo_frame()[:24] + b"\xde\xad" + echo_frame()[26:],
            "IP_CSUM",
            {"Ip.InHdrErrors", "IpExt.InCsumErrors"},
        ),
        (echo_frame(to=BOB_MAC), "OTHERHOST", set()),
    ],
    ids=["short", "version", "ihl 4", "ihl 15", "length 19", "cut", "length 65535", "checksum", "not for us"],
)
def test_a_packet_that_is_not_what_it_says_is_dropped_and_counted(
    frame: bytes, reason: str, counters: set[str]
) -> None:
    """Linux: net/ipv4/ip_input.c ip_rcv_core()"""
    box = BoxWithAlice()
    before = counted(box)
    assert box.exchange(frame) == []
    names = {reason_.name for reason_ in box.host.outcomes.dropped}
    assert names == {reason}
    risen = {name for name, value in counted(box).items() if value != before[name]}
    always = set() if reason == "OTHERHOST" else {"Ip.InReceives", "IpExt.InOctets"}
    assert risen - {"IpExt.InNoECTPkts"} == counters | always


def counted(box: Box) -> dict[str, int]:
    snmp = box.ns.snmp
    ip_counts = {f"Ip.{name}": getattr(snmp.Ip, name) for name in IpStats.__slots__}
    return ip_counts | {f"IpExt.{name}": getattr(snmp.IpExt, name) for name in IpExtStats.__slots__}


def test_padding_behind_a_packet_is_cut_off() -> None:
    (answer,) = BoxWithAlice().exchange(echo_frame(payload=b"abc") + b"padding")
    assert parsed_icmp(answer)[3] == b"abc"
    assert len(answer) == len(echo_frame(payload=b"abc"))


def test_padding_of_a_shared_frame_stays_with_the_others() -> None:
    """A flood delivers one buffer to many: cutting must not reach them."""
    box = BoxWithAlice()
    frame = bytearray(echo_frame() + bytes(18))
    kept = bytes(frame)
    box.send(box.eth0, frame)
    assert bytes(frame) == kept


@pytest.mark.parametrize(
    ("source", "destination", "drop"),
    [
        ("127.0.0.1", "10.0.0.1", "IP_LOCALNET"),
        ("224.0.0.9", "10.0.0.1", "IP_INVALID_SOURCE"),
        ("255.255.255.255", "10.0.0.1", "IP_INVALID_SOURCE"),
        ("10.0.0.1", "10.0.0.1", "IP_LOCAL_SOURCE"),
        ("0.0.0.0", "10.0.0.1", "IP_INVALID_SOURCE"),
        ("10.0.0.2", "127.0.0.1", "IP_LOCALNET"),
        ("10.0.0.2", "8.8.8.8", "IP_INADDRERRORS"),
        ("10.0.0.2", "224.0.0.9", "NOT_A_MEMBER"),
    ],
)
def test_a_packet_that_can_not_be_routed_ends_in_silence(source: str, destination: str, drop: str) -> None:
    box = BoxWithAlice()
    assert box.exchange(echo_frame(src=ip(source), dst=ip(destination))) == []
    assert box.drops() == {drop: 1}


def test_a_packet_that_came_the_wrong_way_is_the_filters() -> None:
    box = BoxWithAlice()
    box.port("eth1", OUR_MAC2, "10.0.1.1/24")
    box.sysctl("net.ipv4.conf.eth0.rp_filter", "1")
    assert box.exchange(echo_frame(src=ip("10.0.1.9"))) == []
    assert box.drops() == {"IP_RPFILTER": 1}


def test_an_address_of_another_device_is_ours() -> None:
    """The weak host model."""
    box = BoxWithAlice()
    box.dummy("d0", "10.7.0.1/24")
    assert len(box.exchange(echo_frame(dst=ip("10.7.0.1")))) == 1


@pytest.mark.parametrize(
    ("destination", "to", "casts"),
    [
        ("10.0.0.1", OUR_MAC, (0, 0)),
        ("10.0.0.1", BROADCAST, (0, 0)),
        ("10.0.0.255", BROADCAST, (0, 1)),
        ("10.0.0.255", OUR_MAC, (0, 1)),
        ("255.255.255.255", BROADCAST, (0, 1)),
        ("224.0.0.1", GROUP_MAC, (1, 0)),
    ],
)
def test_packets_to_many_are_counted_by_their_route(
    destination: str, to: bytes, casts: tuple[int, int]
) -> None:
    box = BoxWithAlice()
    box.exchange(echo_frame(dst=ip(destination), to=to))
    ext = box.ns.snmp.IpExt
    assert (ext.InMcastPkts, ext.InBcastPkts) == casts
    assert (ext.InMcastOctets, ext.InBcastOctets) == (32 * casts[0], 32 * casts[1])


@pytest.mark.parametrize(("to", "answers"), [(OUR_MAC, 1), (BROADCAST, 0), (GROUP_MAC, 0)])
def test_unicast_in_a_group_frame_can_be_shut_out(to: bytes, answers: int) -> None:
    """RFC 1122 3.3.6"""
    box = BoxWithAlice()
    assert len(box.exchange(echo_frame(to=to))) == 1
    box.sysctl("net.ipv4.conf.eth0.drop_unicast_in_l2_multicast", "1")
    assert len(box.exchange(echo_frame(to=to))) == answers
    assert box.drops()["UNICAST_IN_L2_MULTICAST"] == 1 - answers


# -- delivery ------------------------------------------------------------------------------------------------


def test_a_raw_socket_gets_its_copy_beside_the_protocol() -> None:
    box = BoxWithAlice()
    sock = box.ns.raw.open(1)
    assert len(box.exchange(echo_frame())) == 1
    received = sock.recv()
    assert received is not None
    assert received.data == echo_frame()[14:]
    assert box.ns.snmp.Ip.InDelivers == 1


def test_a_raw_socket_is_enough_for_a_protocol_that_nobody_else_speaks() -> None:
    box = BoxWithAlice()
    sock = box.ns.raw.open(99)
    assert box.exchange(packet_frame(datagram(b"hello", 99))) == []
    assert sock.recv() is not None
    assert box.ns.snmp.Ip.InDelivers == 1
    assert box.drops() == {}


def test_an_offload_that_owes_the_checksum_is_believed() -> None:
    box = BoxWithAlice()
    frame = bytearray(echo_frame())
    frame[36:38] = b"\0\0"
    box.send(box.eth0, frame, Offload(NEEDS_CSUM, csum_start=34, csum_offset=2))
    assert box.drops() == {}
    assert len(box.sent(box.eth0)) == 1


# -- fragments -----------------------------------------------------------------------------------------------


def pieces(payload: bytes, cut: int, ident: int = 77) -> list[bytes]:
    """An echo request in two frames."""
    message = icmp.build(icmp.ICMP_ECHO, 0, 1, 1, payload)
    first = datagram(message[:cut], id=ident, frag_off=0x2000)
    second = datagram(message[cut:], id=ident, frag_off=cut // 8)
    return [packet_frame(first), packet_frame(second)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_fragments_are_put_together_in_any_order(order: tuple[int, int]) -> None:
    box = BoxWithAlice()
    frames = pieces(bytes(range(200)), 80)
    assert box.exchange(frames[order[0]]) == []
    (answer,) = box.exchange(frames[order[1]])
    assert parsed_icmp(answer)[3] == bytes(range(200))
    snmp = box.ns.snmp.Ip
    assert (snmp.ReasmReqds, snmp.ReasmOKs, snmp.InDelivers) == (2, 1, 1)


def test_a_fragment_that_stays_alone_ends_after_thirty_seconds_and_is_told() -> None:
    box = BoxWithAlice()
    first = pieces(bytes(200), 80)[0]
    box.exchange(first)
    box.advance(29.9)
    assert box.sent(box.eth0) == []
    box.advance(0.2)
    (answer,) = [frame for frame in box.sent(box.eth0) if frame[12:14] == b"\x08\x00"]
    assert parsed_icmp(answer)[:2] == (icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_FRAGTIME)
    snmp = box.ns.snmp.Ip
    assert (snmp.ReasmTimeout, snmp.ReasmFails) == (1, 1)
    box.assert_every_packet_is_accounted_for()


def test_a_later_fragment_that_stays_alone_ends_in_silence() -> None:
    box = BoxWithAlice()
    box.exchange(pieces(bytes(200), 80)[1])
    box.advance(31)
    assert [frame for frame in box.sent(box.eth0) if frame[12:14] == b"\x08\x00"] == []
    assert box.ns.snmp.Ip.ReasmFails == 1
    box.assert_every_packet_is_accounted_for()


# -- what cannot happen on the way, and is accounted for all the same ----------------------------------------


def test_a_packet_that_lost_its_header_or_route_is_dropped_and_not_lost() -> None:
    box = BoxWithAlice()
    path: IpInput = box.ns.ipv4.input
    box.host.outcomes.received += 3
    for step in (path.ip_rcv_finish, path.ip_local_deliver_finish, path.ip_error):
        step(Packet(echo_frame(), box.eth0))
    assert sum(box.drops().values()) == 3
    box.assert_every_packet_is_accounted_for()


def test_an_unreachable_route_is_told_only_by_a_router() -> None:
    box = BoxWithAlice()
    box.route("10.5.0.0/16", type_=RTN_UNREACHABLE)
    assert box.exchange(echo_frame(dst=ip("10.5.0.1"))) == []
    box.forward()
    (answer,) = box.exchange(echo_frame(dst=ip("10.5.0.1")))
    assert parsed_icmp(answer)[:2] == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH)
    assert box.drops() == {"IP_INADDRERRORS": 1, "IP_UNREACHABLE": 1}
    assert (ip("10.0.0.1"), ip("10.0.0.2")) == (OUR_IP, ALICE_IP)
