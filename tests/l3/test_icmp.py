"""ICMP: questions answered, errors sent and received, and all of it counted."""

from collections.abc import Callable

import pytest

from pystack.counters import IcmpStats
from pystack.l2.port import PortDevice
from pystack.l3.fib_types import RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNREACHABLE
from pystack.wire import icmp
from pystack.wire.checksum import checksum
from pystack.wire.ethernet import BROADCAST
from tests.alice import BoxWithAlice
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    ALICE_MAC,
    BOB_IP,
    OUR_IP,
    OUR_MAC,
    OUR_MAC2,
    arp_request,
    datagram,
    echo_frame,
    echo_message,
    ip,
    packet_frame,
    parsed_icmp,
    parsed_ip,
    udp_packet,
)


class Host(BoxWithAlice):
    def counted(self) -> dict[str, int]:
        stats = self.ns.snmp.Icmp
        return {name: value for name in IcmpStats.__slots__ if (value := getattr(stats, name))}


def message_frame(type_: int, code: int = 0, payload: bytes = b"", first: int = 0, second: int = 0) -> bytes:
    return packet_frame(datagram(icmp.build(type_, code, first, second, payload)))


# -- echo ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 2, 31, 56, 1472])
def test_an_echo_comes_back_whole(length: int) -> None:
    box = Host()
    payload = bytes(range(256)) * 6
    (frame,) = box.exchange(echo_frame(payload=payload[:length]))
    assert frame[:14] == ALICE_MAC + OUR_MAC + b"\x08\x00"
    assert parsed_icmp(frame) == (icmp.ICMP_ECHOREPLY, 0, 0x00070001, payload[:length])
    header = parsed_ip(frame)
    assert (header.saddr, header.daddr, header.ttl, header.frag_off) == (OUR_IP, ALICE_IP, 64, 0)
    assert header.id != 0


@pytest.mark.parametrize("length", [0, 3, 64])
def test_an_answer_of_nothing_but_zeros_carries_the_sum_of_zeros(length: int) -> None:
    box = Host()
    (frame,) = box.exchange(message_frame(icmp.ICMP_ECHO, payload=bytes(length)))
    assert frame[34:] == bytes(icmp.HEADER_LENGTH + length)


@pytest.mark.parametrize("tos", [0, 0x10, 0xB8, 0xFF])
def test_an_answer_keeps_the_type_of_service(tos: int) -> None:
    assert parsed_ip(Host().exchange(echo_frame(tos=tos))[0]).tos == tos


def test_an_answer_comes_from_the_address_that_was_asked() -> None:
    box = Host()
    box.address(box.eth0, "10.0.0.8/24")
    box.dummy("d0", "10.7.0.1/24")
    for asked in ("10.0.0.8", "10.7.0.1"):
        assert parsed_ip(box.exchange(echo_frame(dst=ip(asked)))[0]).saddr == ip(asked)


def test_the_ttl_of_answers_can_be_set() -> None:
    box = Host()
    box.sysctl("net.ipv4.ip_default_ttl", "7")
    assert parsed_ip(box.exchange(echo_frame())[0]).ttl == 7


def test_an_echo_may_be_ignored_by_order() -> None:
    box = Host()
    box.sysctl("net.ipv4.icmp_echo_ignore_all", "1")
    assert box.exchange(echo_frame()) == []
    assert box.counted() == {"InMsgs": 1, "InEchos": 1}


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255", "224.0.0.1"])
def test_an_echo_to_many_is_ignored_and_counted_as_an_error(destination: str) -> None:
    box = Host()
    assert box.exchange(echo_frame(dst=ip(destination), to=BROADCAST)) == []
    assert box.counted() == {"InMsgs": 1, "InErrors": 1, "InEchos": 1}
    assert box.drops() == {"ICMP_REFUSED": 1}


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255", "224.0.0.1"])
def test_an_echo_to_many_is_answered_by_the_primary_address_where_that_is_wanted(destination: str) -> None:
    box = Host()
    box.address(box.eth0, "10.0.0.8/24")
    box.sysctl("net.ipv4.icmp_echo_ignore_broadcasts", "0")
    (frame,) = box.exchange(echo_frame(dst=ip(destination), to=BROADCAST))
    assert (parsed_ip(frame).saddr, parsed_ip(frame).daddr) == (OUR_IP, ALICE_IP)


def test_an_answer_may_be_limited() -> None:
    box = Host()
    box.sysctl("net.ipv4.icmp_ratemask", "1")
    answers = [box.exchange(echo_frame()) for _ in range(10)]
    assert sum(map(len, answers)) == 6
    assert box.counted()["OutRateLimitHost"] == 4


def test_answers_to_all_may_be_limited() -> None:
    box = Host()
    box.sysctl("net.ipv4.icmp_ratemask", "1")
    box.sysctl("net.ipv4.icmp_ratelimit", "0")
    assert sum(len(box.exchange(echo_frame())) for _ in range(60)) == 50
    assert box.counted()["OutRateLimitGlobal"] == 10


def test_an_answer_without_a_way_back_is_not_sent() -> None:
    box = Host()
    assert box.exchange(echo_frame(src=ip("10.200.0.1"))) == []
    assert box.counted() == {"InMsgs": 1, "InEchos": 1}


# -- timestamps ----------------------------------------------------------------------------------------------


def test_a_timestamp_is_answered_with_the_milliseconds_since_midnight() -> None:
    box = Host()
    box.host.clock.wall = 3 * 86400 + 3723.5
    (frame,) = box.exchange(
        message_frame(icmp.ICMP_TIMESTAMP, payload=b"\0\0\0\x2a" + bytes(8), first=3, second=9)
    )
    now = (3_723_500).to_bytes(4, "big")
    assert parsed_icmp(frame) == (icmp.ICMP_TIMESTAMPREPLY, 0, 0x00030009, b"\0\0\0\x2a" + now + now)


@pytest.mark.parametrize(("length", "answered"), [(3, False), (4, True), (12, True), (40, True)])
def test_a_timestamp_needs_only_the_first_of_its_times(length: int, answered: bool) -> None:
    box = Host()
    assert bool(box.exchange(message_frame(icmp.ICMP_TIMESTAMP, payload=bytes(length)))) is answered
    assert bool(box.counted().get("InErrors", 0)) is not answered


# -- what is wrong -------------------------------------------------------------------------------------------


def test_a_wrong_checksum_is_dropped_and_counted() -> None:
    box = Host()
    frame = bytearray(echo_frame())
    frame[-1] ^= 1
    assert box.exchange(bytes(frame)) == []
    assert box.drops() == {"ICMP_CSUM": 1}
    assert box.counted() == {"InMsgs": 1, "InErrors": 1, "InCsumErrors": 1}


def test_a_message_shorter_than_its_header_is_dropped() -> None:
    box = Host()
    short = b"\x08\x00\xf7\xff"
    assert checksum(short) == 0
    assert box.exchange(packet_frame(datagram(short))) == []
    assert box.counted() == {"InMsgs": 1, "InErrors": 1}


@pytest.mark.parametrize("type_", [19, 41, 44, 255])
def test_an_unknown_type_is_an_error(type_: int) -> None:
    box = Host()
    assert box.exchange(message_frame(type_)) == []
    assert box.counted() == {"InMsgs": 1, "InErrors": 1}
    assert box.ns.snmp.IcmpMsg == {f"InType{type_}": 1}


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        (0, "InEchoReps"),
        (1, None),
        (9, None),
        (10, None),
        (17, "InAddrMasks"),
        (18, "InAddrMaskReps"),
        (42, None),
        (43, None),
    ],
)
def test_what_asks_for_nothing_is_counted_and_ends(type_: int, name: str | None) -> None:
    box = Host()
    assert box.exchange(message_frame(type_)) == []
    assert box.counted() == {"InMsgs": 1} | ({name: 1} if name else {})


# -- errors we send ------------------------------------------------------------------------------------------


class Router(Host):
    """Also eth1 10.0.1.1/24, and forwarding."""

    def __init__(self) -> None:
        super().__init__()
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.forward()


def quoted(frame: bytes) -> tuple[int, int, int, bytes]:
    """Type, code, the rest of the header, and the packet that the error is about."""
    header = parsed_ip(frame)
    assert (header.tos & 0xE0, header.frag_off, header.ttl) == (0xC0, 0, 64)
    return parsed_icmp(frame)


def test_a_packet_whose_time_is_up_is_told_to_its_sender() -> None:
    box = Router()
    frame = echo_frame(dst=BOB_IP, ttl=1)
    (answer,) = box.exchange(frame)
    assert quoted(answer) == (icmp.ICMP_TIME_EXCEEDED, 0, 0, frame[14:])
    assert (parsed_ip(answer).saddr, parsed_ip(answer).daddr) == (OUR_IP, ALICE_IP)
    assert box.counted() == {"OutMsgs": 1, "OutTimeExcds": 1}
    assert box.drops() == {"IP_TTL": 1}


@pytest.mark.parametrize(
    ("kind", "code"),
    [(None, 0), (RTN_UNREACHABLE, 1), (RTN_PROHIBIT, 13)],
    ids=["none", "unreachable", "prohibit"],
)
def test_a_destination_without_a_way_is_unreachable(kind: int | None, code: int) -> None:
    box = Router()
    if kind is not None:
        box.route("10.5.0.0/16", type_=kind)
    (answer,) = box.exchange(echo_frame(dst=ip("10.5.0.1")))
    assert quoted(answer)[:2] == (icmp.ICMP_DEST_UNREACH, code)


def test_a_blackhole_says_nothing() -> None:
    box = Router()
    box.route("10.5.0.0/16", type_=RTN_BLACKHOLE)
    assert box.exchange(echo_frame(dst=ip("10.5.0.1"))) == []
    assert box.drops() == {"IP_UNREACHABLE": 1}


def test_a_host_that_does_not_forward_says_nothing() -> None:
    box = Host()
    assert box.exchange(echo_frame(dst=ip("10.5.0.1"))) == []
    assert box.drops() == {"IP_INADDRERRORS": 1}
    assert box.ns.snmp.Ip.InAddrErrors == 1


def test_of_a_burst_without_a_way_only_two_are_told() -> None:
    box = Router()
    answers = [box.exchange(echo_frame(dst=ip("10.5.0.1"))) for _ in range(12)]
    assert sum(map(len, answers)) == 2
    assert box.ns.snmp.IpExt.InNoRoutes == 12


def test_a_burst_whose_time_is_up_is_told_six_times() -> None:
    box = Router()
    assert sum(len(box.exchange(echo_frame(dst=BOB_IP, ttl=1))) for _ in range(12)) == 6
    assert box.counted()["OutRateLimitHost"] == 6


def test_a_port_that_nobody_listens_on_is_unreachable() -> None:
    box = Host()
    (answer,) = box.exchange(packet_frame(udp_packet()))
    assert quoted(answer) == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, 0, udp_packet())
    assert box.ns.snmp.Udp.NoPorts == 1


def test_a_protocol_that_nobody_speaks_is_unreachable() -> None:
    box = Host()
    (answer,) = box.exchange(packet_frame(datagram(b"x" * 20, 99)))
    assert quoted(answer)[:2] == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_PROT_UNREACH)
    assert box.ns.snmp.Ip.InUnknownProtos == 1


def test_an_error_quotes_up_to_576_octets() -> None:
    (answer,) = Host().exchange(packet_frame(datagram(bytes(1400), 99)))
    assert len(answer) - 14 == 576
    assert len(quoted(answer)[3]) == 548


def test_an_error_keeps_within_a_small_mtu() -> None:
    box = Host()
    box.ns.devices.set_mtu(box.eth0, 100)
    (answer,) = box.exchange(packet_frame(datagram(bytes(80), 99)))
    assert len(answer) - 14 == 100


@pytest.mark.parametrize(("tos", "answered"), [(0x00, 0xC0), (0x10, 0xD0), (0xE1, 0xC0), (0xFF, 0xDE)])
def test_an_error_has_the_precedence_of_control(tos: int, answered: int) -> None:
    box = Host()
    (answer,) = box.exchange(packet_frame(datagram(b"x" * 20, 99, tos=tos)))
    assert parsed_ip(answer).tos == answered


def test_an_error_about_a_packet_to_us_comes_from_the_address_it_was_for() -> None:
    box = Host()
    box.address(box.eth0, "10.0.0.8/24")
    (answer,) = box.exchange(packet_frame(datagram(b"x" * 20, 99, dst=ip("10.0.0.8"))))
    assert parsed_ip(answer).saddr == ip("10.0.0.8")


@pytest.mark.parametrize(("inbound", "source"), [(0, "10.0.1.1"), (1, "10.0.0.1")])
def test_an_error_about_another_comes_from_the_way_back_or_from_the_inbound_device(
    inbound: int, source: str
) -> None:
    """Measured: 50.0.0.5 came in by one device, and the way back to it is the other."""
    box = Router()
    box.route("50.0.0.0/8", via="10.0.1.2")
    box.sysctl("net.ipv4.icmp_errors_use_inbound_ifaddr", str(inbound))
    box.send(box.eth1, arp_request(ip("10.0.1.1"), spa=BOB_IP, to=OUR_MAC2))
    box.sent(box.eth1)
    box.send(box.eth0, echo_frame(src=ip("50.0.0.5"), dst=BOB_IP, ttl=1))
    (answer,) = box.sent(box.eth1)
    assert parsed_ip(answer).saddr == ip(source)


def test_a_host_without_any_address_speaks_as_the_dummy_address() -> None:
    """RFC 7600: 192.0.0.8"""
    box = Box()
    dev = box.port("eth0", OUR_MAC)
    box.ns.ipv4.addresses.flush(box.ns.loopback)
    box.forward()
    box.route("10.0.0.0/24", dev, scope=253)
    box.send(dev, arp_request(ip("10.0.0.99")))
    box.send(dev, echo_frame(dst=ip("8.8.8.8"), src=ALICE_IP))
    box.sent(dev)
    box.send(dev, echo_frame(dst=ip("8.8.8.8")))
    neigh = box.ns.ipv4.neighbours.lookup(dev, ALICE_IP)
    assert neigh is not None
    neigh.set(ALICE_MAC, 2)
    frames = box.sent(dev)
    assert {parsed_ip(frame).saddr for frame in frames if frame[12:14] == b"\x08\x00"} == {ip("192.0.0.8")}


@pytest.mark.parametrize(
    "frame",
    [
        echo_frame(dst=BOB_IP, ttl=1, to=BROADCAST),
        echo_frame(dst=BOB_IP, ttl=1, frag_off=1),
        packet_frame(datagram(icmp.build(icmp.ICMP_DEST_UNREACH, 1, 0, 0, bytes(28)), dst=BOB_IP, ttl=1)),
        packet_frame(datagram(icmp.build(icmp.ICMP_REDIRECT, 1, 0, 0, bytes(28)), dst=BOB_IP, ttl=1)),
        packet_frame(datagram(icmp.build(77, 0, 0, 0, b""), dst=BOB_IP, ttl=1)),
        packet_frame(datagram(b"", 1, dst=BOB_IP, ttl=1)),
        packet_frame(datagram(b"x" * 20, 99, dst=ip("10.0.0.255")), BROADCAST),
    ],
    ids=["link broadcast", "later fragment", "error", "redirect", "unknown type", "no type", "broadcast"],
)
def test_no_error_answers_what_may_not_be_answered(frame: bytes) -> None:
    """RFC 1122 3.2.2"""
    assert Router().exchange(frame) == []


def test_an_answer_may_be_answered_by_an_error() -> None:
    """An echo reply is no error."""
    frame = packet_frame(datagram(icmp.build(icmp.ICMP_ECHOREPLY, 0, 1, 1, b""), dst=BOB_IP, ttl=1))
    assert len(Router().exchange(frame)) == 1


# -- errors we receive ---------------------------------------------------------------------------------------


def our_packet(payload: bytes = b"\x08\x00\xf7\xfd\x00\x01\x00\x01") -> bytes:
    """What a raw socket of ours had sent to Bob."""
    return datagram(payload, src=OUR_IP, dst=BOB_IP)


Change = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    ("type_", "code", "first", "second", "errno", "info"),
    [
        (3, 0, 0, 0, 101, 0),
        (3, 1, 0, 0, 113, 0),
        (3, 2, 0, 0, 92, 0),
        (3, 3, 0, 0, 111, 0),
        (3, 4, 0, 1400, 90, 1400),
        (3, 5, 0, 0, 95, 0),
        (3, 6, 0, 0, 101, 0),
        (3, 7, 0, 0, 112, 0),
        (3, 8, 0, 0, 64, 0),
        (3, 9, 0, 0, 101, 0),
        (3, 10, 0, 0, 113, 0),
        (3, 11, 0, 0, 101, 0),
        (3, 12, 0, 0, 113, 0),
        (3, 13, 0, 0, 113, 0),
        (3, 15, 0, 0, 113, 0),
        (11, 0, 0x1234, 0x5678, 113, 0),
        (12, 0, 0x1400, 0, 71, 0x14),
    ],
)
def test_an_error_reaches_the_socket_that_sent(
    type_: int, code: int, first: int, second: int, errno: int, info: int
) -> None:
    box = Host()
    sock = box.ns.raw.open(1)
    sock.recverr = True
    box.exchange(message_frame(type_, code, our_packet(), first, second))
    error = sock.recv_error()
    assert error is not None
    assert (error.errno, error.type, error.code, error.info) == (errno, type_, code, info)
    assert (error.offender, error.quote) == (ALICE_IP, our_packet())
    assert sock.recv_error() is None


@pytest.mark.parametrize(
    ("frame", "errors"),
    [
        (message_frame(3, 1, our_packet()[:19]), 1),
        (message_frame(3, 1, our_packet()[:27]), 1),
        (message_frame(3, 1, b"\x44" + our_packet()[1:]), 1),
        (message_frame(3, 16, our_packet()), 0),
        (message_frame(11, 1, our_packet()), 0),
        (message_frame(4, 0, our_packet()), 0),
        (message_frame(5, 1, our_packet()), 0),
        (message_frame(5, 1, our_packet()[:19]), 1),
    ],
    ids=[
        "no header",
        "no ports",
        "mangled",
        "odd code",
        "reassembly",
        "quench",
        "redirect",
        "short redirect",
    ],
)
def test_an_error_that_says_nothing_to_a_socket_reaches_none(frame: bytes, errors: int) -> None:
    box = Host()
    sock = box.ns.raw.open(1)
    sock.recverr = True
    box.exchange(frame)
    assert sock.recv_error() is None
    assert box.counted().get("InErrors", 0) == errors


def test_an_error_reaches_only_sockets_of_that_protocol_and_address() -> None:
    box = Host()
    other, bound, connected = box.ns.raw.open(17), box.ns.raw.open(1), box.ns.raw.open(1)
    bound.bind(ip("127.0.0.1"))
    connected.daddr = ALICE_IP
    for sock in (other, bound, connected):
        sock.recverr = True
    box.exchange(message_frame(3, 1, our_packet()))
    assert [sock.recv_error() for sock in (other, bound, connected)] == [None] * 3


def test_a_socket_that_did_not_ask_for_errors_gets_none() -> None:
    box = Host()
    sock = box.ns.raw.open(1)
    box.exchange(message_frame(3, 1, our_packet()))
    assert sock.recv_error() is None


def test_echo_messages_of_the_helper_are_what_they_say() -> None:
    assert echo_message(b"")[:2] == b"\x08\x00"
    assert isinstance(Host().eth0, PortDevice)


def test_errors_to_all_peers_together_are_limited_too() -> None:
    box = Router()
    box.sysctl("net.ipv4.icmp_ratelimit", "0")
    assert sum(len(box.exchange(echo_frame(dst=BOB_IP, ttl=1))) for _ in range(60)) == 50
    assert box.counted()["OutRateLimitGlobal"] == 10


def test_an_error_that_would_have_room_for_no_header_is_not_sent() -> None:
    box = Host()
    box.ns.devices.set_mtu(box.eth0, 68)
    box.eth0.mtu = 48  # a TAP refuses less than 68; a tunnel may have it
    assert box.exchange(packet_frame(datagram(bytes(20), 99))) == []


def test_an_error_is_not_sent_without_a_way_back() -> None:
    assert Host().exchange(packet_frame(datagram(bytes(20), 99, src=ip("10.200.0.1")))) == []


def test_an_answer_to_many_without_a_way_back_begins_with_an_address_of_the_device() -> None:
    box = Host()
    box.sysctl("net.ipv4.icmp_echo_ignore_broadcasts", "0")
    assert box.exchange(echo_frame(src=ip("10.200.0.1"), dst=ip("10.0.0.255"), to=BROADCAST)) == []
    assert box.exchange(echo_frame(src=0, dst=ip("224.0.0.1"), to=BROADCAST)) == []
    assert box.counted()["InEchos"] == 2
