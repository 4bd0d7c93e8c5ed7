"""setsockopt(): what is taken, what is refused. The kernel's own answers: test_sockets_against_kernel.py"""

import pytest

from pystack.errors import EADDRNOTAVAIL, EINVAL, NetError, NotModelled
from pystack.sock.options import (
    FLAGS,
    NUMBERS,
    RMEM_MAX,
    set_ip_options,
    set_multicast_if,
    setsockopt,
)
from pystack.sock.udp import UdpSocket
from tests.box import Box
from tests.frames import ALICE_IP, OUR_IP, OUR_MAC, OUR_MAC2, arp_request, ip


class Host(Box):
    """eth0 10.0.0.1/24 with Alice, eth1 10.0.1.1/24."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.send(self.eth0, arp_request())

    def sock(self) -> UdpSocket:
        return self.ns.udp.open()


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize(("value", "kept"), [(0, False), (1, True), (-1, True), (7, True)])
def test_of_a_flag_only_zero_or_not_counts(name: str, value: int, kept: bool) -> None:
    sock = Host().sock()
    setsockopt(sock, name, value)
    assert getattr(sock, FLAGS[name]) is kept


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_taken_within_its_range_only(name: str) -> None:
    sock, option = Host().sock(), NUMBERS[name]
    for value in (option.low, option.high):
        setsockopt(sock, name, value)
        assert getattr(sock, option.attribute) == value
    wrong = [option.high + 1, option.low - 1 if option.default is None else -2]
    for value in wrong:
        with pytest.raises(NetError) as error:
            setsockopt(sock, name, value)
        assert error.value.number == EINVAL


@pytest.mark.parametrize(("name", "default"), [("IP_TTL", 0), ("IP_MULTICAST_TTL", 1)])
def test_minus_one_means_the_default(name: str, default: int) -> None:
    sock = Host().sock()
    setsockopt(sock, name, 9)
    setsockopt(sock, name, -1)
    assert getattr(sock, NUMBERS[name].attribute) == default


@pytest.mark.parametrize(
    ("asked", "limit"), [(0, 2304), (5000, 10_000), (RMEM_MAX + 1, 2 * RMEM_MAX), (-1, 2 * RMEM_MAX)]
)
def test_a_receive_buffer_is_doubled_within_bounds(asked: int, limit: int) -> None:
    sock = Host().sock()
    setsockopt(sock, "SO_RCVBUF", asked)
    assert sock.queue.limit == limit


def test_an_option_may_change_the_way() -> None:
    sock = Host().sock()
    sock.connect(ALICE_IP, 53)
    way = sock.way_to_peer()
    setsockopt(sock, "SO_MARK", 7)
    assert sock.way_to_peer() is not way
    assert sock.mark == 7


def test_what_is_not_modelled_is_refused_by_name() -> None:
    with pytest.raises(NotModelled, match="IP_UNICAST_IF is not modelled"):
        setsockopt(Host().sock(), "IP_UNICAST_IF", 1)


def test_the_device_of_groups_is_named_by_an_address_or_an_index() -> None:
    box = Host()
    sock = box.sock()
    set_multicast_if(sock, ip("10.0.1.1"))
    assert (sock.mc_index, sock.mc_addr) == (box.eth1.ifindex, ip("10.0.1.1"))
    set_multicast_if(sock, ifindex=box.eth0.ifindex)
    assert (sock.mc_index, sock.mc_addr) == (box.eth0.ifindex, 0)
    set_multicast_if(sock)
    assert (sock.mc_index, sock.mc_addr) == (0, 0)


@pytest.mark.parametrize(
    ("address", "bound", "errno"), [("9.9.9.9", "", EADDRNOTAVAIL), ("10.0.0.1", "eth1", EINVAL)]
)
def test_the_device_of_groups_must_be_there_and_not_another_than_the_sockets(
    address: str, bound: str, errno: int
) -> None:
    sock = Host().sock()
    sock.bind_to_device(bound)
    with pytest.raises(NetError) as error:
        set_multicast_if(sock, ip(address))
    assert error.value.number == errno


def test_options_of_ipv4_are_in_every_packet_and_name_us() -> None:
    box = Host()
    sock = box.sock()
    set_ip_options(sock, bytes((7, 7, 4)) + bytes(4))
    box.sent(box.eth0)
    sock.send_to(b"hello", (ALICE_IP, 53))
    (frame,) = box.sent(box.eth0)
    assert frame[14] == 0x47
    assert frame[34:42] == bytes((7, 7, 8)) + OUR_IP.to_bytes(4, "big") + b"\0"
    assert frame[44:46] == (53).to_bytes(2, "big")
    set_ip_options(sock, b"")
    sock.send_to(b"hello", (ALICE_IP, 53))
    assert box.sent(box.eth0)[0][14] == 0x45


def test_options_that_make_no_sense_or_name_a_way_are_refused() -> None:
    sock = Host().sock()
    with pytest.raises(NetError) as error:
        set_ip_options(sock, bytes((7, 99, 4)))
    assert error.value.number == EINVAL
    with pytest.raises(NotModelled, match="a source route in IP_OPTIONS"):
        set_ip_options(sock, bytes((131, 7, 4, 10, 0, 0, 2)))
