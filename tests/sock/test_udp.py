"""UDP sockets: what a program says to them, what it hears, and when a call fails."""

from collections.abc import Callable

import pytest

from pystack.errors import (
    EACCES,
    EADDRINUSE,
    EADDRNOTAVAIL,
    ECONNREFUSED,
    EDESTADDRREQ,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENODEV,
    EPROTO,
    NetError,
)
from pystack.sock.errors import ORIGIN_ICMP, ORIGIN_LOCAL
from pystack.sock.inet import (
    IP_PMTUDISC_DO,
    IP_PMTUDISC_DONT,
    IP_PMTUDISC_OMIT,
    IP_PMTUDISC_PROBE,
    IP_PMTUDISC_WANT,
    PacketInfo,
)
from pystack.sock.udp import UdpSocket
from pystack.wire import icmp, udp
from pystack.wire.checksum import transport_sum
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IP_DF, IPPROTO_UDP
from pystack.wire.virtio import GSO_UDP_L4, NEEDS_CSUM, Offload
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    OUR_IP,
    OUR_MAC,
    OUR_MAC2,
    arp_request,
    datagram,
    ip,
    packet_frame,
    parsed_ip,
    udp_packet,
)

GROUP = ip("239.1.1.1")


class Host(Box):
    """eth0 10.0.0.1/24 and 10.0.0.3/24 with Alice, eth1 10.0.1.1/24."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24", "10.0.0.3/24")
        self.eth0.features = 0
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.send(self.eth0, arp_request())
        self.sent(self.eth0)

    def sock(self, address: str = "0.0.0.0", port: int = 0, **options: object) -> UdpSocket:
        sock = self.ns.udp.open()
        for name, value in options.items():
            setattr(sock, name, value)
        if port:
            sock.bind(ip(address), port)
        return sock

    def hear(self, payload: bytes = b"hello", **fields: int) -> None:
        self.send(self.eth0, packet_frame(udp_packet(payload, **fields)))
        self.assert_every_packet_is_accounted_for()

    def fail(self, type_: int, code: int, *, about: bytes, info: int = 0) -> None:
        """A router complains about a packet of ours."""
        message = icmp.build(type_, code, 0, info, about)
        self.send(self.eth0, packet_frame(datagram(message, src=ip("10.0.0.9"))))


def refusal(call: Callable[[], object]) -> int:
    with pytest.raises(NetError) as error:
        call()
    return error.value.number


def heard(sock: UdpSocket) -> list[bytes]:
    found = []
    while (received := sock.recv()) is not None:
        found.append(received.data)
    return found


# -- out -----------------------------------------------------------------------------------------------------


def test_a_datagram_leaves_with_a_drawn_port_the_routes_source_and_a_checksum() -> None:
    box = Host()
    sock = box.sock()
    sock.send_to(b"hello", (ALICE_IP, 53))
    (frame,) = box.sent(box.eth0)
    header = parsed_ip(frame)
    assert (header.saddr, header.daddr, header.ttl, header.frag_off) == (OUR_IP, ALICE_IP, 64, IP_DF)
    assert udp.HEADER.unpack_from(frame, 34)[:3] == (sock.num, 53, 13)
    assert 32768 <= sock.num <= 60999
    assert transport_sum(OUR_IP, ALICE_IP, IPPROTO_UDP, frame[34:]) == 0xFFFF
    assert box.ns.snmp.Udp.OutDatagrams == 1


def test_a_device_that_finishes_checksums_is_left_that_work() -> None:
    box = Host()
    box.eth0.features = 1
    box.sock().send_to(b"hello", (ALICE_IP, 53))
    ((_, offload),) = box.eth0.tx
    assert (offload.needs_checksum, offload.csum_start, offload.csum_offset) == (True, 34, 6)


def test_what_a_user_sets_is_sent() -> None:
    box = Host()
    sock = box.sock("10.0.0.3", 4000, ttl=9, tos=0x10, pmtudisc=IP_PMTUDISC_DONT)
    sock.send_to(b"", (ALICE_IP, 53))
    (frame,) = box.sent(box.eth0)
    header = parsed_ip(frame)
    assert (header.saddr, header.ttl, header.tos, header.frag_off) == (ip("10.0.0.3"), 9, 0x10, 0)
    assert frame[34:36] == (4000).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("destination", "port", "errno"),
    [
        ("8.8.8.8", 53, ENETUNREACH),
        ("10.0.0.255", 53, EACCES),
        ("10.0.0.2", 0, EINVAL),
        ("10.6.0.1", 53, EINVAL),
    ],
)
def test_where_nothing_can_go_the_call_fails(destination: str, port: int, errno: int) -> None:
    box = Host()
    box.route("10.6.0.0/16", type_=6)
    sock = box.sock()
    assert refusal(lambda: sock.send_to(b"", (ip(destination), port))) == errno
    assert box.ns.snmp.Ip.OutNoRoutes == (errno == ENETUNREACH)


def test_without_a_peer_a_destination_must_be_given() -> None:
    assert refusal(lambda: Host().sock().send_to(b"")) == EDESTADDRREQ


@pytest.mark.parametrize("length", [65_508, 65_536])
def test_what_no_packet_can_hold_is_refused(length: int) -> None:
    sock = Host().sock()
    assert refusal(lambda: sock.send_to(bytes(length), (ALICE_IP, 53))) == EMSGSIZE


@pytest.mark.parametrize(
    ("discovery", "pieces"),
    [
        (IP_PMTUDISC_DONT, 2),
        (IP_PMTUDISC_WANT, 2),
        (IP_PMTUDISC_OMIT, 2),
        (IP_PMTUDISC_DO, 0),
        (IP_PMTUDISC_PROBE, 0),
    ],
)
def test_a_long_datagram_is_cut_or_refused_as_the_socket_wants_it(discovery: int, pieces: int) -> None:
    box = Host()
    sock = box.sock(pmtudisc=discovery, recverr=True)
    if pieces:
        sock.send_to(bytes(2000), (ALICE_IP, 53))
    else:
        assert refusal(lambda: sock.send_to(bytes(2000), (ALICE_IP, 53))) == EMSGSIZE
        error = sock.recv_error()
        assert error is not None
        assert (error.origin, error.errno, error.info, error.daddr) == (
            ORIGIN_LOCAL,
            EMSGSIZE,
            1500,
            ALICE_IP,
        )
    assert len(box.sent(box.eth0)) == pieces


def test_who_must_not_be_cut_and_has_no_peer_needs_no_identification() -> None:
    """Linux: include/net/ip.h ip_select_ident_segs()"""
    box = Host()
    sock = box.sock(pmtudisc=IP_PMTUDISC_DO)
    sock.send_to(b"", (ALICE_IP, 53))
    sock.connect(ALICE_IP, 53)
    sock.send_to(b"")
    sock.send_to(b"")
    first, second, third = (parsed_ip(frame).id for frame in box.sent(box.eth0))
    assert (first, third) == (0, (second + 1) & 0xFFFF)


def test_a_connected_socket_keeps_its_source_and_follows_the_routes() -> None:
    """KERNEL.md section 4: it moves to the new device with the old address."""
    box = Host()
    box.route("9.9.9.9/32", box.eth0)
    sock = box.sock()
    sock.connect(ip("9.9.9.9"), 53)
    assert (sock.saddr, sock.way_to_peer()[0].dev) == (OUR_IP, box.eth0)
    box.route("9.9.9.9/32", box.eth1, metric=0, src="10.0.1.1", table=255)
    route, flow = sock.way_to_peer()
    assert (flow.saddr, route.dev) == (OUR_IP, box.eth1)


def test_the_way_of_a_connected_socket_is_asked_for_once() -> None:
    box = Host()
    sock = box.sock()
    sock.connect(ALICE_IP, 53)
    way = sock.way_to_peer()
    assert sock.way_to_peer() is way
    box.ns.ipv4.fib.changed()
    assert sock.way_to_peer() is not way


def test_source_and_device_can_be_chosen_for_one_datagram() -> None:
    box = Host()
    sock = box.sock("0.0.0.0", 4000)
    sock.connect(ALICE_IP, 53)
    sock.send_to(b"", info=PacketInfo(spec_dst=ip("10.0.0.3")))
    assert parsed_ip(box.sent(box.eth0)[0]).saddr == ip("10.0.0.3")
    sock.send_to(b"", (ip("8.8.8.8"), 53), PacketInfo(ifindex=box.eth1.ifindex))
    assert box.sent(box.eth1)[0][12:14] == b"\x08\x06", "it asks there for who is on no link"
    assert refusal(lambda: sock.send_to(b"", info=PacketInfo(spec_dst=ip("9.9.9.9")))) == ENETUNREACH
    assert refusal(lambda: sock.send_to(b"", info=PacketInfo(ifindex=99))) == ENODEV


# -- bind and connect ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "good"),
    [("0.0.0.0", True), ("10.0.0.3", True), ("239.1.1.1", True), ("10.0.0.255", True), ("8.8.8.8", False)],
)
def test_only_addresses_of_ours_can_be_bound_to(address: str, good: bool) -> None:
    sock = Host().sock()
    if good:
        sock.bind(ip(address), 53)
        assert (sock.rcv_saddr, sock.num) == (ip(address), 53)
    else:
        assert refusal(lambda: sock.bind(ip(address), 53)) == EADDRNOTAVAIL


@pytest.mark.parametrize("option", ["freebind", "transparent"])
def test_others_addresses_can_be_bound_to_if_asked_for(option: str) -> None:
    box = Host()
    assert box.sock("8.8.8.8", 53, **{option: True}).rcv_saddr == ip("8.8.8.8")
    box.sysctl("net.ipv4.ip_nonlocal_bind", "1")
    assert box.sock("8.8.4.4", 53).rcv_saddr == ip("8.8.4.4")


def test_a_socket_is_bound_once() -> None:
    sock = Host().sock("0.0.0.0", 53)
    assert refusal(lambda: sock.bind(0, 54)) == EINVAL
    assert sock.num == 53


def test_a_bind_that_fails_leaves_nothing() -> None:
    box = Host()
    box.sock("10.0.0.1", 53)
    sock = box.sock()
    assert refusal(lambda: sock.bind(OUR_IP, 53)) == EADDRINUSE
    assert (sock.rcv_saddr, sock.saddr, sock.num) == (0, 0, 0)


def test_connect_fixes_the_source_and_disconnect_frees_what_was_not_asked_for() -> None:
    box = Host()
    sock, bound = box.sock(), box.sock("10.0.0.3", 4000)
    for each in (sock, bound):
        each.connect(ALICE_IP, 53)
    assert (sock.rcv_saddr, bound.rcv_saddr) == (OUR_IP, ip("10.0.0.3"))
    for each in (sock, bound):
        each.disconnect()
    assert (sock.rcv_saddr, sock.num) == (0, 0)
    assert (bound.rcv_saddr, bound.num) == (ip("10.0.0.3"), 4000)


def test_a_device_that_is_not_there_cannot_be_bound_to() -> None:
    assert refusal(lambda: Host().sock().bind_to_device("eth9")) == ENODEV


# -- in ------------------------------------------------------------------------------------------------------


def test_a_socket_tells_who_spoke_by_which_device_and_how_far_away() -> None:
    box = Host()
    box.host.clock.set(7.0)
    sock = box.sock("0.0.0.0", 53)
    packet = datagram(udp_packet(b"hello")[20:], IPPROTO_UDP, ttl=33, tos=4)
    box.send(box.eth0, packet_frame(packet))
    received = sock.recv()
    assert received is not None
    assert (received.data, received.saddr, received.sport) == (b"hello", ALICE_IP, 1000)
    assert (received.daddr, received.ifindex, received.ttl, received.tos) == (OUR_IP, box.eth0.ifindex, 33, 4)
    assert received.stamp == 7.0
    assert sock.recv() is None
    assert box.ns.snmp.Udp.InDatagrams == 1


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255", "224.0.0.1"])
def test_who_speaks_to_many_is_to_be_answered_from_one_address(destination: str) -> None:
    """Linux: net/ipv4/fib_frontend.c fib_compute_spec_dst()"""
    box = Host()
    sock = box.sock("0.0.0.0", 53)
    box.send(box.eth0, packet_frame(udp_packet(dst=ip(destination)), BROADCAST))
    received = sock.recv()
    assert received is not None
    assert (received.daddr, received.spec_dst) == (ip(destination), OUR_IP)


def test_peeking_leaves_it_there_and_counts_nothing() -> None:
    box = Host()
    sock = box.sock("0.0.0.0", 53)
    box.hear()
    assert sock.peek() is sock.peek() is not None
    assert box.ns.snmp.Udp.InDatagrams == 0
    assert heard(sock) == [b"hello"]


def test_a_long_datagram_is_checked_when_it_is_read() -> None:
    """Linux: net/ipv4/udp.c udp_recvmsg()"""
    box = Host()
    sock = box.sock("0.0.0.0", 53)
    broken = bytearray(udp_packet(bytes(100)))
    broken[-1] ^= 1
    box.send(box.eth0, packet_frame(bytes(broken)))
    box.hear(bytes(101))
    assert box.ns.snmp.Udp.InCsumErrors == 0
    assert heard(sock) == [bytes(101)]
    stats = box.ns.snmp.Udp
    assert (stats.InDatagrams, stats.InErrors, stats.InCsumErrors) == (1, 1, 1)


def test_a_full_buffer_drops_and_counts() -> None:
    """Measured: 256 datagrams of 100 octets fit the default buffer."""
    box = Host()
    sock = box.sock("0.0.0.0", 53)
    for _ in range(300):
        box.hear(bytes(100))
    stats = box.ns.snmp.Udp
    assert (stats.RcvbufErrors, stats.InErrors, sock.queue.dropped) == (44, 44, 44)
    assert box.drops() == {"SOCKET_RCVBUFF": 44}
    assert len(heard(sock)) == 256


def test_one_datagram_always_fits() -> None:
    box = Host()
    sock = box.sock("0.0.0.0", 53)
    sock.queue.limit = 1
    box.hear(bytes(1000))
    box.hear(bytes(1000))
    assert len(heard(sock)) == 1


def test_a_large_segment_is_as_many_datagrams_as_it_was_made_of() -> None:
    box = Host()
    sock = box.sock("0.0.0.0", 53)
    offload = Offload(NEEDS_CSUM, GSO_UDP_L4, hdr_len=42, gso_size=100, csum_start=34, csum_offset=6)
    box.send(box.eth0, packet_frame(udp_packet(bytes(250))), offload)
    assert [len(data) for data in heard(sock)] == [100, 100, 50]
    box.assert_every_packet_is_accounted_for()


@pytest.mark.parametrize(("device", "hears"), [("eth0", True), ("lo", False), ("", True)])
def test_a_looped_datagram_was_received_by_the_device_that_owns_its_address(device: str, hears: bool) -> None:
    """KERNEL.md fact 3."""
    box = Host()
    sock = box.sock()
    sock.bind_to_device(device)
    sock.bind(0, 53)
    box.sock().send_to(b"hello", (OUR_IP, 53))
    box.settle()
    received = sock.recv()
    assert (received is not None) is hears
    assert received is None or received.ifindex == box.eth0.ifindex


def test_a_broadcast_is_heard_by_everybody_who_listens() -> None:
    box = Host()
    socks = [box.sock("0.0.0.0", 53, reuse=True) for _ in range(3)]
    socks.append(box.sock("10.0.0.255", 53, reuse=True))
    deaf = box.sock("10.0.0.1", 53, reuse=True)
    box.send(box.eth0, packet_frame(udp_packet(dst=ip("10.0.0.255")), BROADCAST))
    assert [heard(sock) for sock in socks] == [[b"hello"]] * 4
    assert heard(deaf) == []
    box.assert_every_packet_is_accounted_for()


def test_a_group_is_heard_by_members_and_unless_told_otherwise_by_all() -> None:
    box = Host()
    member, guest, purist = (box.sock("0.0.0.0", 53, reuse=True) for _ in range(3))
    member.memberships.join(GROUP, OUR_IP)
    purist.mc_all = False
    box.send(box.eth0, packet_frame(udp_packet(dst=GROUP), BROADCAST))
    assert [heard(sock) for sock in (member, guest, purist)] == [[b"hello"], [b"hello"], []]


@pytest.mark.parametrize(("loops", "copies"), [(True, 1), (False, 0)])
def test_what_is_sent_to_a_group_of_ours_comes_back_if_wanted(loops: bool, copies: int) -> None:
    box = Host()
    member = box.sock("0.0.0.0", 53)
    member.memberships.join(GROUP, OUR_IP)
    sender = box.sock(mc_loop=loops, mc_index=box.eth0.ifindex, mc_ttl=7)
    sender.send_to(b"all", (GROUP, 53))
    box.settle()
    assert heard(member) == [b"all"] * copies
    (frame,) = [frame for frame in box.sent(box.eth0) if frame[23] == IPPROTO_UDP]
    assert parsed_ip(frame).ttl == 7


def test_a_closed_socket_hears_nothing_and_its_port_is_free() -> None:
    box = Host()
    box.sock("0.0.0.0", 53).close()
    box.hear()
    assert box.ns.snmp.Udp.NoPorts == 1
    box.sock("0.0.0.0", 53)


# -- errors --------------------------------------------------------------------------------------------------


def test_a_refusal_reaches_a_connected_socket_with_its_next_call() -> None:
    box = Host()
    sock = box.sock()
    woken: list[int] = []
    sock.on_event = lambda: woken.append(1)
    sock.connect(ip("127.0.0.1"), 9)
    sock.send_to(b"x")
    box.settle()
    assert woken == [1]
    assert refusal(lambda: sock.send_to(b"x")) == ECONNREFUSED
    assert sock.recv() is None, "an error is told once"


@pytest.mark.parametrize(
    ("type_", "code", "connected", "errno"),
    [
        (3, 3, True, ECONNREFUSED),
        (3, 3, False, 0),
        (3, 1, True, 0),
        (3, 13, True, EHOSTUNREACH),
        (11, 0, True, 0),
        (12, 0, True, EPROTO),
        (4, 0, True, 0),
        (3, 4, True, EMSGSIZE),
    ],
)
def test_without_an_error_queue_only_hard_errors_reach_connected_sockets(
    type_: int, code: int, connected: bool, errno: int
) -> None:
    """Linux: net/ipv4/udp.c __udp4_lib_err()"""
    box = Host()
    sock = box.sock("10.0.0.1", 4000)
    if connected:
        sock.connect(ALICE_IP, 53)
    about = udp_packet(b"", src=OUR_IP, dst=ALICE_IP, sport=4000, dport=53)
    box.fail(type_, code, about=about, info=1000)
    assert sock.errors.pending == errno


def test_an_error_queue_tells_everything_even_to_who_is_not_connected() -> None:
    box = Host()
    sock = box.sock("10.0.0.1", 4000, recverr=True)
    about = udp_packet(b"", src=OUR_IP, dst=ALICE_IP, sport=4000, dport=53)
    box.fail(11, 0, about=about)
    box.fail(3, 3, about=about)
    errors = [sock.recv_error(), sock.recv_error()]
    told = [(error.errno, error.origin, error.offender) for error in errors if error is not None]
    assert told == [(EHOSTUNREACH, ORIGIN_ICMP, ip("10.0.0.9")), (ECONNREFUSED, ORIGIN_ICMP, ip("10.0.0.9"))]
    assert sock.recv_error() is None
    assert sock.recv() is None, "what was read from the queue pends no more"


def test_an_error_about_nobodys_datagram_is_counted() -> None:
    box = Host()
    box.fail(3, 3, about=udp_packet(b"", src=OUR_IP, dst=ALICE_IP, sport=4000, dport=53))
    assert box.ns.snmp.Icmp.InErrors == 1
