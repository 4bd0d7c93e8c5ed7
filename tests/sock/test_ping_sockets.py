"""Ping sockets: the kernel keeps their identifier and hands them the answers."""

import pytest

from pystack.drop import SOCKET_RCVBUFF
from pystack.errors import (
    EACCES,
    EADDRINUSE,
    EADDRNOTAVAIL,
    ECONNREFUSED,
    EDESTADDRREQ,
    EINVAL,
    EMSGSIZE,
    EREMOTEIO,
    NetError,
)
from pystack.sock.ping import PingSocket
from pystack.wire import icmp
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    OUR_IP,
    OUR_MAC,
    arp_request,
    datagram,
    echo_message,
    ip,
    packet_frame,
    parsed_icmp,
)


class Host(Box):
    """eth0 10.0.0.1/24 and 10.0.0.3/24 with Alice; our group may ping."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24", "10.0.0.3/24")
        self.send(self.eth0, arp_request())
        self.sent(self.eth0)
        self.sysctl("net.ipv4.ping_group_range", "0 0")

    def sock(self) -> PingSocket:
        return self.ns.ping.open()

    def answer(self, ident: int, payload: bytes = b"pong", to: str = "10.0.0.1") -> None:
        message = icmp.build(icmp.ICMP_ECHOREPLY, 0, ident, 1, payload)
        self.send(self.eth0, packet_frame(datagram(message, dst=ip(to))))
        self.assert_every_packet_is_accounted_for()


def refusal(box: Host, message: bytes) -> int:
    with pytest.raises(NetError) as error:
        box.sock().send_to(message, ALICE_IP)
    return error.value.number


@pytest.mark.parametrize(("span", "gid", "good"), [("1 0", 0, False), ("5 9", 7, True), ("5 9", 10, False)])
def test_only_groups_in_the_range_may_have_one(span: str, gid: int, good: bool) -> None:
    box = Host()
    box.sysctl("net.ipv4.ping_group_range", span)
    if good:
        assert box.ns.ping.open(gid).num == 0
        return
    with pytest.raises(NetError) as error:
        box.ns.ping.open(gid)
    assert error.value.number == EACCES


def test_the_identifier_is_the_kernels_and_the_checksum_too() -> None:
    box = Host()
    sock = box.sock()
    sock.send_to(echo_message(b"ping", ident=777, sequence=5), ALICE_IP)
    (frame,) = box.sent(box.eth0)
    type_, code, rest, payload = parsed_icmp(frame)
    assert (type_, code, rest, payload) == (icmp.ICMP_ECHO, 0, sock.num << 16 | 5, b"ping")
    assert box.ns.snmp.Icmp.OutEchos == 1


@pytest.mark.parametrize(
    ("message", "errno"),
    [
        (b"\0" * 8, EINVAL),
        (b"\x08\x01" + bytes(6), EINVAL),
        (b"\x08\0", EINVAL),
        (b"\x08\0" + bytes(65534), EMSGSIZE),
    ],
    ids=["a reply", "a code", "cut", "too long"],
)
def test_only_echo_requests_may_be_sent(message: bytes, errno: int) -> None:
    assert refusal(Host(), message) == errno


def test_without_a_peer_a_destination_must_be_given() -> None:
    sock = Host().sock()
    with pytest.raises(NetError) as error:
        sock.send_to(echo_message())
    assert error.value.number == EDESTADDRREQ
    sock.connect(ALICE_IP)
    sock.send_to(echo_message())


def test_answers_reach_the_socket_of_their_identifier() -> None:
    box = Host()
    first, second = box.sock(), box.sock()
    first.bind(0, 77)
    second.bind(OUR_IP, 78)
    for ident, to in ((77, "10.0.0.3"), (78, "10.0.0.3"), (78, "10.0.0.1"), (79, "10.0.0.1")):
        box.answer(ident, to=to)
    received = first.recv(), second.recv()
    assert [None if each is None else (each.data[8:], each.ttl) for each in received] == [(b"pong", 64)] * 2
    assert first.recv() is second.recv() is None


def test_identifiers_are_drawn_one_after_the_other_and_not_twice() -> None:
    box = Host()
    socks = [box.sock() for _ in range(3)]
    socks[0].bind(0, 2)
    for sock in socks[1:]:
        sock.bind()
    assert [sock.num for sock in socks] == [2, 1, 3]
    other = box.sock()
    with pytest.raises(NetError) as error:
        other.bind(0, 3)
    assert error.value.number == EADDRINUSE
    socks[2].close()
    other.bind(0, 3)


@pytest.mark.parametrize("address", ["8.8.8.8", "224.0.0.1", "10.0.0.255"])
def test_only_our_own_addresses_can_be_bound_to(address: str) -> None:
    with pytest.raises(NetError) as error:
        Host().sock().bind(ip(address))
    assert error.value.number == EADDRNOTAVAIL


def test_a_socket_is_bound_once() -> None:
    sock = Host().sock()
    sock.bind(0, 5)
    with pytest.raises(NetError) as error:
        sock.bind(0, 6)
    assert error.value.number == EINVAL


def test_a_full_buffer_drops() -> None:
    box = Host()
    sock = box.sock()
    sock.bind(0, 77)
    sock.queue.limit = 1
    box.answer(77)
    box.answer(77)
    assert box.host.outcomes.dropped[SOCKET_RCVBUFF] == 1


@pytest.mark.parametrize(
    ("type_", "code", "errno"), [(3, 3, ECONNREFUSED), (icmp.ICMP_REDIRECT, 1, EREMOTEIO), (4, 0, EREMOTEIO)]
)
def test_errors_and_advice_reach_the_error_queue(type_: int, code: int, errno: int) -> None:
    box = Host()
    sock = box.sock()
    sock.bind(OUR_IP, 77)
    sock.recverr = True
    request = datagram(echo_message(ident=77), src=OUR_IP, dst=ALICE_IP)
    message = icmp.build(type_, code, 0, 0, request)
    box.send(box.eth0, packet_frame(datagram(message)))
    error = sock.recv_error()
    assert error is not None
    assert (error.errno, error.type, error.code, error.quote) == (errno, type_, code, request)
