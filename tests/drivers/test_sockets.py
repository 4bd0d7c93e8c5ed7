"""Programs of trio's own style, on pystack's sockets: of a stack beside them, and of a daemon."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from pystack.netns import Netns
from tests.drivers.programs import HouseElsewhere, Site, beside

pytestmark = pytest.mark.trio

PORT = 8000


@pytest.fixture(params=["beside", "daemon"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "beside":
        yield beside
        return
    with HouseElsewhere(tmp_path) as house:
        yield house.program


async def until_none_is_left(netns: Netns) -> None:
    """A daemon hears a little later of what has no answer."""
    while list(netns.tcp):  # noqa: ASYNC110 - there is nobody to tell us
        await trio.sleep(0.001)


async def echo(stream: trio.SocketStream) -> None:
    async for chunk in stream:
        await stream.send_all(chunk)


@asynccontextmanager
async def echo_server() -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_tcp, echo, PORT)
        yield
        nursery.cancel_scope.cancel()


async def read_all(stream: trio.SocketStream) -> bytes:
    return b"".join([chunk async for chunk in stream])


async def test_an_echo_server_and_its_client_meet(stack: Site) -> None:
    sent = bytes(range(256)) * 8000
    async with stack(), echo_server(), trio.open_nursery() as nursery:
        client = await trio.open_tcp_stream("127.0.0.1", PORT)

        async def say() -> None:
            await client.send_all(sent)
            await client.send_eof()

        nursery.start_soon(say)
        assert await read_all(client) == sent
        await client.aclose()


async def test_a_hundred_clients_are_served_at_once(stack: Site) -> None:
    async def ask(number: int) -> None:
        async with await trio.open_tcp_stream("localhost", PORT) as client:
            await client.send_all(b"%d" % number)
            await client.send_eof()
            answers.append(await read_all(client))

    answers: list[bytes] = []
    async with stack(), echo_server(), trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(ask, number)
    assert sorted(answers) == sorted(b"%d" % number for number in range(100))


async def test_a_connection_that_is_given_up_leaves_nothing_half_open(stack: Site) -> None:
    async with stack() as netns:
        with trio.move_on_after(0.05) as scope:
            await trio.open_tcp_stream("10.0.0.9", PORT)
        assert scope.cancelled_caught
        await until_none_is_left(netns)


async def test_a_cancelled_server_leaves_no_listener(stack: Site) -> None:
    async with stack() as netns:
        async with echo_server():
            assert len(list(netns.tcp)) == 1
        await until_none_is_left(netns)


async def test_a_cancelled_read_loses_nothing(stack: Site) -> None:
    async with stack(), echo_server(), await trio.open_tcp_stream("127.0.0.1", PORT) as client:
        with trio.move_on_after(0.01):
            await client.receive_some()
        await client.send_all(b"hello")
        assert await client.receive_some() == b"hello"


async def test_a_socket_says_whether_there_is_something_to_read(stack: Site) -> None:
    async with stack(), echo_server(), await trio.open_tcp_stream("127.0.0.1", PORT) as client:
        sock = client.socket
        assert not sock.is_readable()
        await client.send_all(b"hello")
        while not sock.is_readable():  # noqa: ASYNC110 - that it may be asked at any time is what is shown
            await trio.sleep(0.001)
        assert await client.receive_some() == b"hello"


async def test_a_refusal_is_an_error_of_the_systems(stack: Site) -> None:
    async with stack():
        sock = trio.socket.socket()
        with pytest.raises(ConnectionRefusedError):
            await sock.connect(("127.0.0.1", PORT))


async def test_a_port_that_is_taken_is_refused(stack: Site) -> None:
    async with stack(), echo_server():
        other = trio.socket.socket()
        with pytest.raises(OSError, match="Address already in use"):
            await other.bind(("0.0.0.0", PORT))


async def test_who_waits_on_a_socket_hears_that_it_was_closed(stack: Site) -> None:
    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await client.receive_some()
        heard.append(True)

    heard: list[bool] = []
    async with stack(), echo_server():
        client = await trio.open_tcp_stream("127.0.0.1", PORT)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked(0.01)
            await client.aclose()
    assert heard == [True]


async def test_datagrams_go_both_ways(stack: Site) -> None:
    async with stack():
        server = trio.socket.socket(type=socket.SOCK_DGRAM)
        client = trio.socket.socket(type=socket.SOCK_DGRAM)
        await server.bind(("127.0.0.1", 53))
        await client.connect(("127.0.0.1", 53))
        await client.send(b"question")
        question, sender = await server.recvfrom(100)
        await server.sendto(b"answer", sender)
        assert (question, await client.recv(3)) == (b"question", b"ans")
        await client.send(b"more")
        buffer = bytearray(b"------")
        assert await server.recvfrom_into(buffer, 3) == (3, sender)
        assert buffer == b"mor---"


async def test_options_are_set_by_their_numbers(stack: Site) -> None:
    async with stack():
        sock = trio.socket.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        with pytest.raises(OSError, match="Protocol not available"):
            sock.setsockopt(socket.SOL_SOCKET, 9999, 1)


async def test_another_family_is_not_supported(stack: Site) -> None:
    async with stack():
        with pytest.raises(OSError, match="Address family not supported"):
            trio.socket.socket(socket.AF_INET6)
