"""Raw IPv4 sockets: what `ping` opens."""

import pytest

from pystack.drop import SOCKET_RCVBUFF
from pystack.errors import (
    EACCES,
    EADDRNOTAVAIL,
    EDESTADDRREQ,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENODEV,
    ENOPROTOOPT,
    NetError,
)
from pystack.sock.errors import IcmpError
from pystack.sock.inet import IP_PMTUDISC_DO, IP_PMTUDISC_DONT
from pystack.sock.raw import RawSocket
from pystack.sock.receive_queue import DEFAULT_RCVBUF
from pystack.wire import icmp
from pystack.wire.ipv4 import IP_DF
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    OUR_IP,
    OUR_MAC,
    OUR_MAC2,
    arp_reply,
    arp_request,
    datagram,
    echo_frame,
    ip,
    packet_frame,
    parsed_ip,
)

ECHO = bytes.fromhex("0800f7fd00010001")


class Host(Box):
    """eth0 10.0.0.1/24 and 10.0.0.3/24 with Alice, eth1 10.0.1.1/24."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24", "10.0.0.3/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.send(self.eth0, arp_request())
        self.sent(self.eth0)

    def sock(self, protocol: int = 1) -> RawSocket:
        return self.ns.raw.open(protocol)

    def refusal(self, sock: RawSocket, payload: bytes, to: str) -> int:
        with pytest.raises(NetError) as error:
            sock.send_to(payload, ip(to))
        return error.value.number


# -- out -----------------------------------------------------------------------------------------------------


def test_a_ping_leaves_with_df_a_default_ttl_and_the_right_source() -> None:
    box = Host()
    box.sock().send_to(ECHO, ALICE_IP)
    header = parsed_ip(box.sent(box.eth0)[0])
    assert (header.saddr, header.ttl, header.frag_off, header.tos) == (OUR_IP, 64, IP_DF, 0)
    snmp = box.ns.snmp.Icmp
    assert (snmp.OutMsgs, snmp.OutEchos) == (1, 1)


def test_what_a_user_sets_is_sent() -> None:
    box = Host()
    sock = box.sock()
    sock.ttl, sock.tos, sock.pmtudisc = 9, 0x10, IP_PMTUDISC_DONT
    sock.bind(ip("10.0.0.3"))
    sock.send_to(ECHO, ALICE_IP)
    header = parsed_ip(box.sent(box.eth0)[0])
    assert (header.saddr, header.ttl, header.frag_off, header.tos) == (ip("10.0.0.3"), 9, 0, 0x10)


def test_a_bound_device_is_the_way_out_and_chooses_the_source() -> None:
    box = Host()
    sock = box.sock()
    sock.bind_to_device("eth1")
    box.send(box.eth1, arp_request(ip("10.0.1.1"), spa=ip("8.8.8.8")))
    sock.send_to(ECHO, ip("8.8.8.8"))
    box.send(box.eth1, arp_reply(spa=ip("8.8.8.8"), tpa=ip("10.0.1.1"), to=OUR_MAC2))
    frames = [frame for frame in box.sent(box.eth1) if frame[12:14] == b"\x08\x00"]
    assert parsed_ip(frames[0]).saddr == ip("10.0.1.1")
    sock.bind_to_device("")
    assert box.refusal(sock, ECHO, "8.8.8.8") == ENETUNREACH


def test_a_device_that_is_not_there_cannot_be_bound_to() -> None:
    with pytest.raises(NetError) as error:
        Host().sock().bind_to_device("eth9")
    assert error.value.number == ENODEV


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("10.0.0.1", True),
        ("127.0.0.5", True),
        ("0.0.0.0", True),
        ("224.0.0.1", True),
        ("10.0.0.2", False),
        ("8.8.8.8", False),
    ],
)
def test_only_addresses_of_ours_can_be_bound_to(address: str, good: bool) -> None:
    sock = Host().sock()
    if good:
        sock.bind(ip(address))
        assert sock.rcv_saddr == ip(address)
        return
    with pytest.raises(NetError) as error:
        sock.bind(ip(address))
    assert error.value.number == EADDRNOTAVAIL


def test_the_loopback_address_does_not_leave_the_host() -> None:
    """Measured: `ping -I 127.0.0.1 foreign` fails with EINVAL."""
    box = Host()
    sock = box.sock()
    sock.bind(ip("127.0.0.1"))
    assert box.refusal(sock, ECHO, "10.0.0.2") == EINVAL


@pytest.mark.parametrize("address", ["224.0.0.1", "10.0.0.255"])
def test_a_socket_bound_to_many_listens_there_and_speaks_as_the_device(address: str) -> None:
    """Linux: net/ipv4/raw.c raw_bind()"""
    box = Host()
    sock = box.sock(99)
    sock.bind(ip(address))
    sock.send_to(b"", ALICE_IP)
    assert parsed_ip(box.sent(box.eth0)[0]).saddr == OUR_IP
    for destination in ("10.0.0.1", address):
        box.send(box.eth0, packet_frame(datagram(b"hello", 99, dst=ip(destination))))
    received = sock.recv()
    assert received is not None
    assert received.data[16:20] == ip(address).to_bytes(4, "big")
    assert sock.recv() is None


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255"])
def test_a_broadcast_needs_permission(destination: str) -> None:
    box = Host()
    sock = box.sock()
    sock.bind(OUR_IP)
    assert box.refusal(sock, ECHO, destination) == EACCES
    sock.broadcast = True
    sock.send_to(ECHO, ip(destination))
    assert len(box.sent(box.eth0)) == 1


@pytest.mark.parametrize("size", [65516, 70000])
def test_what_no_packet_can_hold_is_refused(size: int) -> None:
    box = Host()
    assert box.refusal(box.sock(), bytes(size), "10.0.0.2") == EMSGSIZE


def test_what_does_not_fit_the_link_is_cut_or_refused_as_the_socket_wants_it() -> None:
    box = Host()
    sock = box.sock()
    sock.send_to(ECHO + bytes(1600), ALICE_IP)
    headers = [parsed_ip(frame) for frame in box.sent(box.eth0)]
    assert [header.frag_off & ~0x1FFF for header in headers] == [0x2000, 0]
    sock.pmtudisc = IP_PMTUDISC_DO
    assert box.refusal(sock, ECHO + bytes(1600), "10.0.0.2") == EMSGSIZE
    sock.pmtudisc = IP_PMTUDISC_DONT
    sock.send_to(ECHO + bytes(1600), ALICE_IP)
    assert len(box.sent(box.eth0)) == 2


def test_the_way_can_be_asked_without_sending() -> None:
    box = Host()
    route, flow = box.sock().route_to(ALICE_IP)
    assert (route.dev, flow.saddr) == (box.eth0, OUR_IP)
    assert box.sent(box.eth0) == []


# -- in ------------------------------------------------------------------------------------------------------


def test_a_socket_gets_whole_packets_of_its_protocol_with_when_and_where() -> None:
    box = Host()
    box.host.clock.set(5.0)
    sock, other = box.sock(99), box.sock(98)
    packet = datagram(b"hello", 99, ttl=33)
    box.send(box.eth0, packet_frame(packet))
    received = sock.recv()
    assert received is not None
    assert (received.data, received.saddr, received.ttl) == (packet, ALICE_IP, 33)
    assert (received.ifindex, received.stamp) == (box.eth0.ifindex, 5.0)
    assert sock.recv() is None
    assert other.recv() is None


def test_every_socket_that_wants_a_packet_gets_its_own_copy() -> None:
    box = Host()
    socks = [box.sock(99) for _ in range(3)]
    box.send(box.eth0, packet_frame(datagram(b"hello", 99)))
    assert all(sock.recv() is not None for sock in socks)
    assert box.host.outcomes.cloned == box.host.outcomes.delivered == 3
    box.assert_every_packet_is_accounted_for()


@pytest.mark.parametrize(
    ("bound", "connected", "device", "wants"),
    [
        ("", "", "", True),
        ("10.0.0.1", "", "", True),
        ("10.0.0.3", "", "", False),
        ("", "10.0.0.2", "", True),
        ("", "10.0.0.9", "", False),
        ("", "", "eth0", True),
        ("", "", "eth1", False),
        ("10.0.0.1", "10.0.0.2", "eth0", True),
    ],
)
def test_a_socket_wants_only_what_it_is_bound_and_connected_to(
    bound: str, connected: str, device: str, wants: bool
) -> None:
    box = Host()
    sock = box.sock(99)
    if bound:
        sock.bind(ip(bound))
    sock.daddr = ip(connected) if connected else 0
    sock.bind_to_device(device)
    box.send(box.eth0, packet_frame(datagram(b"hello", 99)))
    assert (sock.recv() is not None) is wants
    box.assert_every_packet_is_accounted_for()


@pytest.mark.parametrize(("device", "wants"), [("eth0", True), ("lo", False), ("", True)])
def test_a_looped_packet_was_received_by_the_device_that_owns_its_address(device: str, wants: bool) -> None:
    """Measured: a socket bound to lo does not get what goes to the address of another device."""
    box = Host()
    sock = box.sock(99)
    sock.bind_to_device(device)
    box.sock(99).send_to(b"hello", OUR_IP)
    box.settle()
    received = sock.recv()
    assert (received is not None) is wants
    assert received is None or received.ifindex == box.eth0.ifindex


def test_a_closed_socket_gets_nothing() -> None:
    box = Host()
    sock = box.sock(99)
    sock.close()
    sock.close()
    box.send(box.eth0, packet_frame(datagram(b"hello", 99)))
    assert sock.recv() is None


def test_whoever_waits_is_woken_for_packets_and_errors() -> None:
    box = Host()
    sock = box.sock()
    woken: list[str] = []
    sock.on_event = lambda: woken.append("!")
    box.send(box.eth0, echo_frame())
    assert woken == ["!"]
    unreachable = IcmpError(3, 1, 0, ALICE_IP, datagram(ECHO))
    sock.icmp_error(unreachable)
    assert woken == ["!"]
    sock.recverr = True
    sock.icmp_error(unreachable)
    assert woken == ["!", "!"]


def test_a_full_buffer_drops_until_it_is_read() -> None:
    """As Linux: a packet is taken while anything is left, so the last one may reach beyond."""
    box = Host()
    sock = box.sock(99)
    sock.queue.limit = 2001
    for _ in range(5):
        box.send(box.eth0, packet_frame(datagram(bytes(212), 99)))
    assert box.host.outcomes.dropped == {SOCKET_RCVBUFF: 2}
    assert sock.recv() is not None
    box.send(box.eth0, packet_frame(datagram(bytes(212), 99)))
    assert box.host.outcomes.dropped == {SOCKET_RCVBUFF: 2}
    box.assert_every_packet_is_accounted_for()


def test_a_flood_holds_no_more_than_the_default_buffer() -> None:
    box = Host()
    sock = box.sock(99)
    for _ in range(400):
        box.send(box.eth0, packet_frame(datagram(bytes(1400), 99)))
    held = 0
    while (received := sock.recv()) is not None:
        held += len(received.data)
    assert held < DEFAULT_RCVBUF
    box.assert_every_packet_is_accounted_for()


def test_only_the_last_errors_are_kept() -> None:
    sock = Host().sock()
    sock.recverr = True
    for number in range(100):
        sock.icmp_error(IcmpError(11, 0, number, ALICE_IP, datagram(ECHO)))
    first = sock.recv_error()
    assert first is not None
    assert first.info == 36


@pytest.mark.parametrize(
    ("message", "wants"),
    [
        (ECHO, False),
        (bytes.fromhex("0000ffff00000000"), True),
        (bytes.fromhex("2a00d5ff00000000"), True),
        (b"\x08", False),
    ],
    ids=["filtered", "another", "a type that has no bit", "cut"],
)
def test_a_filter_keeps_types_of_icmp_away(message: bytes, wants: bool) -> None:
    """Linux: net/ipv4/raw.c icmp_filter()"""
    box = Host()
    sock = box.sock()
    sock.icmp_filter = 1 << 8
    box.send(box.eth0, packet_frame(datagram(message)))
    assert (sock.recv() is not None) is wants
    box.assert_every_packet_is_accounted_for()


@pytest.mark.parametrize(
    ("type_", "code", "errno"), [(3, 2, ENOPROTOOPT), (3, 1, 0), (11, 0, 0), (5, 1, 0), (3, 4, EMSGSIZE)]
)
def test_a_connected_socket_hears_of_hard_errors_only(type_: int, code: int, errno: int) -> None:
    """Linux: net/ipv4/raw.c raw_err()"""
    box = Host()
    sock, stranger = box.sock(99), box.sock(99)
    sock.connect(ALICE_IP)
    quote = datagram(b"12345678", 99, src=OUR_IP, dst=ALICE_IP)
    box.send(box.eth0, packet_frame(datagram(icmp.build(type_, code, 0, 1000, quote))))
    assert stranger.errors.pending == 0
    if errno:
        with pytest.raises(NetError) as error:
            sock.recv()
        assert error.value.number == errno
    assert sock.recv() is None


def test_a_connected_socket_needs_no_destination_and_is_not_bound_again() -> None:
    box = Host()
    sock = box.sock(99)
    with pytest.raises(NetError) as error:
        sock.send_to(b"x")
    assert error.value.number == EDESTADDRREQ
    sock.connect(ALICE_IP)
    sock.send_to(b"x")
    assert parsed_ip(box.sent(box.eth0)[0]).daddr == ALICE_IP
    with pytest.raises(NetError) as error:
        sock.bind(OUR_IP)
    assert error.value.number == EINVAL
