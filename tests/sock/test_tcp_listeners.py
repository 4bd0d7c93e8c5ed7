"""Who a SYN is for, and who may listen where."""

import pytest

from pystack.errors import EADDRINUSE, EADDRNOTAVAIL, EINVAL, EISCONN, NetError
from pystack.sock.lookup import Endpoints
from pystack.sock.tcp import TcpSocket
from pystack.sock.tcp_sockopt import setsockopt
from pystack.sock.tcp_states import TcpState
from tests.box import Box
from tests.frames import ALICE_IP, OUR_IP, OUR_MAC, OUR_MAC2, ip

PORT = 80


class Host:
    """eth0 10.0.0.1/24 and eth1 10.0.1.1/24."""

    def __init__(self) -> None:
        self.box = Box()
        self.eth0 = self.box.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.box.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.table = self.box.ns.tcp

    def listener(self, address: int = 0, *, device: str = "", reuseport: bool = False) -> TcpSocket:
        sock = self.table.open()
        sock.bind_to_device(device)
        sock.reuse, sock.reuseport = True, reuseport
        sock.bind(address, PORT)
        sock.listen(5)
        return sock

    def whose(self, *, device: int = 0, sport: int = 1000, daddr: int = OUR_IP) -> object:
        ifindex = device or self.eth0.ifindex
        return self.table.tcp.listeners.find(Endpoints(ALICE_IP, sport, daddr, PORT, ifindex))


def refusal(sock: TcpSocket, address: int, port: int) -> int:
    with pytest.raises(NetError) as refused:
        sock.bind(address, port)
    return refused.value.number


def test_who_is_bound_to_the_address_goes_before_who_is_bound_to_none() -> None:
    host = Host()
    bound, anybody = host.listener(OUR_IP), None
    assert host.whose() is bound
    assert host.whose(daddr=ip("10.0.1.1")) is anybody


def test_a_device_decides_between_two() -> None:
    host = Host()
    first, second = host.listener(device="eth0"), host.listener(device="eth1")
    assert host.whose(device=host.eth0.ifindex) is first
    assert host.whose(device=host.eth1.ifindex) is second


def test_of_a_group_each_flow_has_its_own() -> None:
    host = Host()
    group = {host.listener(reuseport=True) for _ in range(4)}
    chosen = [host.whose(sport=number) for number in range(1000, 1200)]
    assert set(chosen) == group
    assert chosen == [host.whose(sport=number) for number in range(1000, 1200)]


def test_two_may_bind_but_only_one_may_listen() -> None:
    host = Host()
    first, second = host.table.open(), host.table.open()
    for sock in (first, second):
        setsockopt(sock, "SO_REUSEADDR", 1)
        sock.bind(0, PORT)
    first.listen(1)
    with pytest.raises(NetError) as refused:
        second.listen(1)
    assert refused.value.number == EADDRINUSE
    assert second.state is TcpState.CLOSE


def test_without_reuse_a_port_is_one_sockets() -> None:
    host = Host()
    host.table.open().bind(0, PORT)
    assert refusal(host.table.open(), OUR_IP, PORT) == EADDRINUSE
    assert refusal(host.table.open(), ip("8.8.8.8"), PORT) == EADDRNOTAVAIL


def test_the_same_port_is_free_in_another_namespace() -> None:
    host = Host()
    host.table.open().bind(0, PORT)
    host.box.host.add_netns("other").tcp.open().bind(0, PORT)


def test_bind_is_for_once() -> None:
    host = Host()
    sock = host.table.open()
    sock.bind(0, PORT)
    assert refusal(sock, 0, 81) == EINVAL


def test_drawn_ports_of_bind_and_of_connect_are_of_different_parity() -> None:
    host = Host()
    bound, connected = host.table.open(), host.table.open()
    bound.bind()
    connected.connect(ALICE_IP, 7)
    low, high = host.table.context.sysctl.ip_local_port_range
    assert low <= bound.num <= high
    assert low <= connected.num <= high
    assert ((bound.num - low) % 2, (connected.num - low) % 2) == (1, 0)


def test_connect_says_when_no_port_is_left() -> None:
    host = Host()
    host.box.sysctl("net.ipv4.ip_local_port_range", "40000 40003")
    for _ in range(4):
        host.table.open().connect(ALICE_IP, 7)
    host.table.open().connect(ALICE_IP, 8)
    with pytest.raises(NetError) as refused:
        host.table.open().connect(ALICE_IP, 7)
    assert refused.value.number == EADDRNOTAVAIL


def test_a_reserved_port_is_not_drawn() -> None:
    host = Host()
    host.box.sysctl("net.ipv4.ip_local_port_range", "40000 40001")
    host.box.sysctl("net.ipv4.ip_local_reserved_ports", "40000")
    sock = host.table.open()
    sock.connect(ALICE_IP, 7)
    assert sock.num == 40001


def test_explain_tells_of_the_connection_and_of_every_listener() -> None:
    host = Host()
    host.listener(device="eth1")
    mine = host.listener(device="eth0")
    at = Endpoints(ALICE_IP, 1000, OUR_IP, PORT, host.eth0.ifindex)
    connection, judged = host.table.explain(at)
    assert connection is None
    assert [(candidate.socket is mine, bool(candidate.reason)) for candidate in judged] == [
        (False, True),
        (True, False),
    ]


def test_a_namespace_that_goes_takes_its_connections_along() -> None:
    host = Host()
    other = host.box.host.add_netns("other")
    other.devices.set_up(other.loopback)
    listener = other.tcp.open()
    listener.bind(0, PORT)
    listener.listen(5)
    client, waiting = other.tcp.open(), other.tcp.open()
    client.connect(ip("127.0.0.1"), PORT)
    host.box.settle()
    waiting.connect(ip("127.0.0.1"), 81)
    assert client.state is TcpState.ESTABLISHED
    host.box.host.del_netns("other")
    host.box.settle()
    assert {sock.state for sock in (client, waiting, listener)} == {TcpState.CLOSE}
    assert not other.tcp.tcp.connections
    host.box.assert_every_packet_is_accounted_for()


def test_a_listener_does_not_connect() -> None:
    host = Host()
    with pytest.raises(NetError) as refused:
        host.listener().connect(ALICE_IP, 7)
    assert refused.value.number == EISCONN
