"""The control socket: commands run through it, and no client can do harm to anything but its connection."""

import signal
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pystack.daemon import protocol
from pystack.daemon.connection import Connection
from pystack.daemon.control import MAX_CLIENTS, ControlServer
from pystack.daemon.protocol import Request
from tests.daemon.guest import open_house

pytestmark = pytest.mark.trio
PATIENCE = 20  # seconds, after which a test that hangs is a test that failed


async def until_no_client(server: ControlServer) -> None:
    while server.clients:
        await trio.lowlevel.checkpoint()


async def test_a_command_prints_and_ends_with_its_exit_code(tmp_path: Path) -> None:
    async with open_house(tmp_path, "p1") as house:
        assert await house.run("echo", "hello") == (0, "hello\n", "")
        rc, out, err = await house.run("sh", "-c", "echo a; false; echo b")
        assert (rc, out) == (1, "a\n")
        assert "-c:1: false: exit code 1" in err


async def test_a_command_acts_on_the_stack_that_runs(tmp_path: Path) -> None:
    async with open_house(tmp_path, "p1") as house:
        assert (await house.run("ip", "link", "add", "d0", "type", "dummy"))[0] == 0
        assert "d0" in house.stack.host.init.devices


async def test_a_command_runs_in_the_namespace_that_was_asked_for(tmp_path: Path) -> None:
    async with open_house(tmp_path, setup="ip netns add b") as house:
        assert (await house.run("ip", "link", "add", "d0", "type", "dummy", ns="b"))[0] == 0
        assert "d0" in house.stack.host.namespaces["b"].devices
        assert "d0" not in house.stack.host.init.devices


async def test_what_is_unknown_is_refused_by_name(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        rc, out, err = await house.run("frobnicate")
        assert (rc, out) == (2, "")
        assert err.startswith("pystack: frobnicate is not modelled (known: ")


async def test_waiting_takes_real_time_and_ends(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        async with open_house(tmp_path) as house:
            began = trio.current_time()
            assert await house.run("sleep", "0.05") == (0, "", "")
            assert trio.current_time() - began >= 0.05


async def test_standard_input_is_sent_when_it_is_asked_for_and_not_before(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        await guest.ask("cat")
        for typed in (b"one\n", b"two\n", b""):
            frame = await guest.frame()
            assert frame == (protocol.IN, b"")
            await guest.send(protocol.IN, typed)
        assert await guest.outcome() == (0, "one\ntwo\n", "")


async def test_standard_input_that_nobody_asked_for_ends_the_connection(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        await guest.ask("sleep", "1000")
        await guest.send(protocol.IN, b"unasked")
        assert await guest.frame() is None


async def test_a_file_is_read_by_the_client(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        await guest.ask("cat", "some/file")
        frame = await guest.frame()
        assert frame is not None
        message = protocol.decode_file(frame.payload)
        assert (message.operation, message.octets) == (protocol.READ, b"some/file")
        for octets in (b"its ", b"content", b""):
            await guest.send_file(protocol.DATA, message.number, octets)
        assert await guest.outcome() == (0, "its content", "")


async def test_files_that_a_pattern_finds_are_looked_for_by_the_client(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        await guest.ask("nft", 'include "/d/*.nft"')
        answers = {
            (protocol.FIND, b"/d/*.nft"): b"/d/a.nft\n/d/b.nft/\n",
            (protocol.READ, b"/d/a.nft"): b"list tabel\n",
        }
        while answers:
            frame = await guest.frame()
            assert frame is not None
            message = protocol.decode_file(frame.payload)
            answer = answers.pop((message.operation, message.octets), None)
            if answer is None:  # names of services and the like
                await guest.send_file(protocol.REFUSED, message.number, b"No such file or directory")
                continue
            for octets in (answer, b""):
                await guest.send_file(protocol.DATA, message.number, octets)
        code, _, said = await guest.outcome()
        assert code == 1
        assert "/d/a.nft:1:6-10: Error: syntax error, unexpected string" in said


async def test_a_file_that_the_client_cannot_read_is_refused_in_the_tools_words(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        await guest.ask("cat", "/none")
        frame = await guest.frame()
        assert frame is not None
        number = protocol.decode_file(frame.payload).number
        await guest.send_file(protocol.REFUSED, number, b"No such file or directory")
        assert await guest.outcome() == (1, "", "cat: /none: No such file or directory\n")


async def test_a_file_is_written_by_the_client(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        await guest.ask("sh", "-c", "echo hello > there")
        written = b""
        while frame := await guest.frame():
            if frame.kind == protocol.RC:
                break
            message = protocol.decode_file(frame.payload)
            if message.operation == protocol.WRITE:
                assert message.octets == b"there"
                await guest.send_file(protocol.OPENED, message.number)
            else:
                written += message.octets
                closed = not message.octets
        assert written == b"hello\n"
        assert closed


async def test_a_signal_ends_a_command_that_waits(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        await guest.ask("sleep", "1000")
        await guest.send(protocol.SIGNAL, bytes([signal.SIGINT]))
        assert await guest.outcome() == (130, "", "")


async def test_a_signal_overtakes_a_question_for_input_which_stays_open(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        request = Request(["sh"], tty=True)
        await guest.stream.send_all(protocol.encode_request(request))
        assert await guest.frame() == (protocol.OUT, b"# ")
        assert await guest.frame() == (protocol.IN, b"")
        await guest.send(protocol.SIGNAL, bytes([signal.SIGINT]))
        assert await guest.frame() == (protocol.OUT, b"\n# ")
        await guest.send(protocol.IN, b"echo still here\n")
        assert await guest.frame() == (protocol.OUT, b"still here\n# ")


async def test_a_client_that_hangs_up_ends_its_command(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        async with open_house(tmp_path) as house:
            guest = await house.guest()
            await guest.ask("sh", "-c", "echo begun; sleep 1000")
            assert await guest.frame() == (protocol.OUT, b"begun\n")
            while not len(house.stack.host.timers):
                await trio.lowlevel.checkpoint()
            await guest.stream.aclose()
            await until_no_client(house.server)
            assert not len(house.stack.host.timers), "its alarm is off"


async def test_output_of_many_small_pieces_takes_few_frames(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        async with open_house(tmp_path) as house:
            guest = await house.guest()
            await guest.ask("sh", "-c", "ip link; " * 100)
            frames = 0
            while (frame := await guest.frame()) is not None and frame.kind == protocol.OUT:
                frames += 1
            assert frame == (protocol.RC, b"\0")
            assert frames == 1


async def test_a_client_that_does_not_read_waits_and_costs_no_memory(tmp_path: Path) -> None:
    sent = 0

    async def print_without_end(client: Connection, request: Request) -> int:
        nonlocal sent
        if request.argv == ["echo"]:
            return 0
        while True:
            await client.send(protocol.OUT, bytes(protocol.MAX_PAYLOAD))
            sent += 1

    with trio.fail_after(PATIENCE):
        async with open_house(tmp_path, serve=print_without_end) as house:
            guest = await house.guest()
            await guest.ask("yes")
            await trio.testing.wait_all_tasks_blocked(0.05)
            stopped_at = sent
            assert stopped_at < 64, "the socket's own buffers, and nothing behind them"
            assert await house.run("echo") == (0, "", ""), "others are served meanwhile"
            assert await guest.frame() is not None
            assert sent - stopped_at <= 1
            await guest.stream.aclose()
            await until_no_client(house.server)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=100), max_size=5), st.booleans())
async def test_garbage_costs_its_own_connection_and_nothing_else(
    tmp_path: Path, pieces: list[bytes], with_request: bool
) -> None:
    (tmp_path / "s").unlink(missing_ok=True)
    with trio.fail_after(PATIENCE):
        async with open_house(tmp_path) as house:
            guest = await house.guest()
            if with_request:
                await guest.ask("sleep", "1000")
            try:
                for piece in pieces:
                    await guest.stream.send_all(piece)
            except trio.BrokenResourceError:
                pass
            assert await house.run("echo", "fine") == (0, "fine\n", "")
            await guest.stream.aclose()
            await until_no_client(house.server)


@pytest.mark.parametrize(
    "first",
    [
        protocol.encode(protocol.OUT, b"x"),
        protocol.encode(protocol.REQUEST, b"nonsense"),
        protocol.HEADER.pack(protocol.REQUEST, 1 << 30),
        protocol.HEADER.pack(99, 0),
    ],
)
async def test_a_first_frame_that_is_no_request_ends_the_connection(tmp_path: Path, first: bytes) -> None:
    with trio.fail_after(PATIENCE):
        async with open_house(tmp_path) as house:
            guest = await house.guest()
            await guest.stream.send_all(first)
            try:
                assert await guest.frame() is None
            except trio.BrokenResourceError:
                pass  # closed with some of our octets unread


async def test_a_client_that_says_nothing_is_sent_away_in_the_end(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_house(tmp_path) as house:
        guest = await house.guest()
        assert await guest.frame() is None
        assert trio.current_time() >= 10


async def test_a_fault_of_ours_is_confessed_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(client: Connection, request: Request) -> int:
        raise ZeroDivisionError(request.argv[0])

    async with open_house(tmp_path, serve=fail) as house:
        for _ in range(2):
            rc, out, err = await house.run("ip", "link")
            assert (rc, out) == (1, "")
            assert err == "pystack: a fault of ours; the daemon's log has the details\n"
    assert "ZeroDivisionError" in caplog.text


async def test_there_are_only_so_many_clients(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        async with open_house(tmp_path) as house:
            guests = []
            for _ in range(MAX_CLIENTS):
                guest = await house.guest()
                await guest.ask("sh", "-c", "echo; sleep 1000")
                assert await guest.frame() == (protocol.OUT, b"\n")
                guests.append(guest)
            one_too_many = await house.guest()
            assert await one_too_many.outcome() == (
                1,
                "",
                "pystack: the daemon has 128 clients already, and takes no more\n",
            )
            for guest in guests:
                await guest.stream.aclose()
            await until_no_client(house.server)
            assert await house.run("echo", "room") == (0, "room\n", "")


async def test_a_command_that_waits_for_the_stack_wakes_with_the_packet(tmp_path: Path) -> None:
    setup = "ip address add 10.0.0.1/24 dev p1; ip link set p1 up"
    with trio.fail_after(PATIENCE):
        async with open_house(tmp_path, "p1", setup=setup) as house:
            guest = await house.guest()
            await guest.ask("arping", "-c", "1", "-I", "p1", "10.0.0.2")
            while not (asked := house.sent("p1")):
                await trio.lowlevel.checkpoint()
            asker = asked[0][6:12]
            answer = bytes.fromhex("0806 0001 0800 0604 0002 020000000022 0a000002")
            house.push(
                "p1", asker + bytes.fromhex("020000000022") + answer + asker + bytes.fromhex("0a000001")
            )
            rc, out, _ = await guest.outcome()
            assert rc == 0
            assert "reply from 10.0.0.2 [02:00:00:00:00:22]" in out
