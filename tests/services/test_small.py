"""Echo, discard and daytime over UDP and TCP: what they say, and to whom they do not."""

import pytest

from pystack.services.small import SERVICES, start
from pystack.services.stream_server import MOST_CONNECTIONS, PATIENCE
from pystack.sock.tcp import SHUT_WR, TcpSocket
from tests.frames import ip
from tests.sock.tcp_link import ADDRESSES, Link

NOON = 1_795_176_000.0  # Fri Nov 20 12:00:00 2026
THERE = ip(ADDRESSES[1])


def served(name: str, **chances: float) -> Link:
    """`right` has the service, `left` asks."""
    link = Link(**chances)  # type: ignore[arg-type]
    link.right.host.clock.wall = NOON
    start(link.right.ns, SERVICES[name])
    return link


def connect(link: Link, name: str) -> TcpSocket:
    sock = link.left.ns.tcp.open()
    sock.connect(THERE, SERVICES[name].port)
    link.run(1.0)
    return sock


def ask(link: Link, name: str, data: bytes, sport: int = 0, to: int = THERE) -> list[tuple[bytes, int]]:
    """What comes back for a datagram, and from where."""
    sock = link.left.ns.udp.open()
    sock.broadcast = True
    sock.bind(port=sport)
    sock.send_to(data, (to, SERVICES[name].port))
    link.run(2.0)
    answers = []
    while (received := sock.recv()) is not None:
        answers.append((received.data, received.saddr))
    return answers


def whole(sock: TcpSocket, link: Link, seconds: float = 1.0) -> bytes:
    """All that the service says until it hangs up."""
    heard = bytearray()

    def is_over() -> bool:
        while data := sock.recv():
            heard.extend(data)
        return data == b""

    link.run(seconds, is_over)
    assert is_over()
    return bytes(heard)


@pytest.mark.parametrize(
    ("name", "answers"),
    [("echo", [b"hello"]), ("discard", []), ("daytime", [b"Fri Nov 20 12:00:00 2026\r\n"])],
)
def test_a_datagram_is_answered_from_where_it_was_sent_to(name: str, answers: list[bytes]) -> None:
    assert ask(served(name), name, b"hello") == [(answer, THERE) for answer in answers]


@pytest.mark.parametrize(
    "how", [{"sport": 7}, {"sport": 1023}, {"to": ip("10.0.0.255")}, {"to": ip("255.255.255.255")}]
)
def test_nobody_is_set_upon_another_by_an_echo(how: dict[str, int]) -> None:
    link = served("echo")
    link.left.route("255.255.255.255/32", link.ports[0])
    assert ask(link, "echo", b"hello", **how) == []
    assert link.right.ns.snmp.Udp.InDatagrams == 1


def test_a_line_comes_back_and_the_end_too() -> None:
    link = served("echo")
    sock = connect(link, "echo")
    sock.send(b"hello\n")
    link.run(1.0)
    assert sock.recv() == b"hello\n"
    sock.shut_down(SHUT_WR)
    assert whole(sock, link) == b""


def test_much_comes_back_whole_over_a_bad_line() -> None:
    link = served("echo", loss=0.02, reordered=0.05)
    sock, data, sent, back = connect(link, "echo"), bytes(range(256)) * 2000, 0, bytearray()

    def is_back() -> bool:
        nonlocal sent
        sent += sock.send(data[sent:]) if sent < len(data) else 0
        while part := sock.recv():
            back.extend(part)
        return len(back) == len(data)

    link.run(300.0, is_back)
    assert bytes(back) == data


def test_what_is_discarded_is_taken_and_nothing_comes_back() -> None:
    link = served("discard")
    sock, left = connect(link, "discard"), 500_000

    def is_gone() -> bool:
        nonlocal left
        left -= sock.send(bytes(min(left, 65_536))) if left else 0
        return not left and not sock.write_queued

    link.run(60.0, is_gone)
    assert is_gone()
    assert sock.recv() is None


def test_the_time_is_told_and_the_line_hung_up() -> None:
    link = served("daytime")
    assert whole(connect(link, "daytime"), link) == b"Fri Nov 20 12:00:00 2026\r\n"


def test_a_client_that_says_nothing_is_hung_up_on() -> None:
    link = served("discard")
    sock = connect(link, "discard")
    link.run(PATIENCE / 2)
    sock.send(b"still here")
    link.run(PATIENCE - 1)
    assert sock.recv() is None
    assert whole(sock, link, seconds=2.0) == b""


def test_a_client_that_reads_nothing_is_not_read_from_and_hung_up_on() -> None:
    link = served("echo")
    sock, taken = connect(link, "echo"), 0

    def push() -> bool:
        nonlocal taken
        taken += sock.send(bytes(65_536))
        return False

    link.run(30.0, push)
    arrived = taken - sock.write_queued
    link.run(5.0, push)
    assert taken - sock.write_queued == arrived
    sock.close()
    link.run(PATIENCE + 1)
    assert all(other.is_orphan for other in link.right.ns.tcp if isinstance(other, TcpSocket) and other.daddr)


def test_there_is_an_end_to_the_connections_that_are_served() -> None:
    link = served("echo")
    socks = [link.left.ns.tcp.open() for _ in range(MOST_CONNECTIONS + 3)]
    for sock in socks:
        sock.connect(THERE, SERVICES["echo"].port)
        link.run(0.1)
    link.run(1.0)
    assert [sock.recv() for sock in socks] == [None] * MOST_CONNECTIONS + [b""] * 3
    for sock in socks:
        sock.close()
    link.run(1.0)
    again = connect(link, "echo")
    again.send(b"hello")
    link.run(1.0)
    assert again.recv() == b"hello"
