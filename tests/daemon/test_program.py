"""Programs on the sockets of a daemon: what no honest client would send, and how they end."""

import errno
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pystack.daemon import protocol
from pystack.daemon.program import MAX_WAITING
from pystack.daemon.protocol import Decoder, Request
from pystack.daemon.socket_calls import (
    BEGIN,
    ENDS,
    NUMBER,
    OPTION,
    Answer,
    Operation,
    decode_answer,
    encode_answer,
    encode_call,
)
from pystack.daemon.socket_link import SocketLink
from tests.daemon.running import PATIENCE, Daemon, daemon
from tests.daemon.scripts import running_script, script
from tests.drivers.programs import HouseElsewhere

LISTEN = """
import trio

async def main():
    await trio.open_tcp_listeners(80, host="127.0.0.1")
    print("ready", flush=True)
    try:
        await trio.sleep_forever()
    finally:
        print("end", flush=True)

trio.run(main)
"""
OUTLIVE = """
import sys, trio

async def main():
    (listener,) = await trio.open_tcp_listeners(80, host="127.0.0.1")
    print("ready", flush=True)
    try:
        await listener.accept()
    except OSError as error:
        sys.exit(f"mine: {error.strerror}")

trio.run(main)
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HouseElsewhere]:
    with HouseElsewhere(tmp_path_factory.mktemp("house")) as here:
        yield here


class Visitor:
    """A program that is spelled out call by call."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self.connection = connection
        self.decoder = Decoder()
        self.frames: list[protocol.Frame] = []
        connection.sendall(protocol.encode_request(Request(["exec"])))
        assert self.answer() == Answer(0, 0, b"")

    def call(self, number: int, sock: int, operation: int, body: bytes = b"") -> None:
        self.connection.sendall(protocol.encode(protocol.CALL, encode_call(number, sock, operation, body)))  # type: ignore[arg-type]

    def call_for_ever(self) -> None:
        while True:
            self.call(1, 7, Operation.NAME)

    def frame(self) -> protocol.Frame | None:
        while not self.frames:
            octets = self.connection.recv(65536)
            if not octets:
                return None
            self.frames = self.decoder.feed(octets)
        return self.frames.pop(0)

    def answer(self) -> Answer:
        frame = self.frame()
        assert frame is not None
        assert frame.kind == protocol.ANSWER, frame
        return decode_answer(frame.payload)


def test_a_call_on_a_socket_that_is_not_there_fails_alone(house: HouseElsewhere) -> None:
    with house.visitor() as connection:
        visitor = Visitor(connection)
        for operation in Operation:
            if operation not in (Operation.OPEN, Operation.CLOSE, Operation.CANCEL):
                visitor.call(1, 9, operation, bytes(16))
                assert visitor.answer() == Answer(1, errno.EBADF, b"")


def test_a_stream_knows_no_destination_and_a_datagram_socket_no_listening(house: HouseElsewhere) -> None:
    with house.visitor() as connection:
        visitor = Visitor(connection)
        visitor.call(1, 1, Operation.OPEN, NUMBER.pack(socket.SOCK_STREAM))
        visitor.call(2, 2, Operation.OPEN, NUMBER.pack(socket.SOCK_DGRAM))
        visitor.call(3, 1, Operation.SEND_TO, ENDS.pack(0x7F000001, 9) + b"x")
        visitor.call(4, 2, Operation.LISTEN, NUMBER.pack(1))
        visitor.call(5, 1, Operation.SET_OPTION, OPTION.pack(socket.SOL_SOCKET, socket.SO_LINGER) + b"x")
        assert [visitor.answer().errno for _ in range(5)] == [
            0,
            0,
            errno.EISCONN,
            errno.EOPNOTSUPP,
            errno.EINVAL,
        ]


def test_there_is_an_end_to_the_sockets_of_one_program(
    house: HouseElsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pystack.daemon.program.MAX_SOCKETS", 20)
    with house.visitor() as connection:
        visitor = Visitor(connection)
        for number in range(21):
            visitor.call(1, number, Operation.OPEN, NUMBER.pack(socket.SOCK_DGRAM))
            assert visitor.answer().errno == (errno.EMFILE if number == 20 else 0)


def test_there_is_an_end_to_the_calls_that_wait_for_one_socket(house: HouseElsewhere) -> None:
    with house.visitor() as connection:
        visitor = Visitor(connection)
        visitor.call(1, 1, Operation.OPEN, NUMBER.pack(socket.SOCK_DGRAM))
        for number in range(2, 2 + MAX_WAITING + 1):
            visitor.call(number, 1, Operation.RECV, NUMBER.pack(10))
        assert [visitor.answer() for _ in range(2)] == [
            Answer(1, 0, b""),
            Answer(2 + MAX_WAITING, errno.ENOBUFS, b""),
        ]
        visitor.call(0, 1, Operation.CLOSE)
        assert [visitor.answer() for _ in range(MAX_WAITING)] == [
            Answer(number, errno.EBADF, b"") for number in range(2, 2 + MAX_WAITING)
        ]


def test_a_socket_of_no_kind_that_we_have_is_refused(house: HouseElsewhere) -> None:
    with house.visitor() as connection:
        visitor = Visitor(connection)
        visitor.call(1, 1, Operation.OPEN, NUMBER.pack(socket.SOCK_RAW))
        assert visitor.answer() == Answer(1, errno.EPROTONOSUPPORT, b"")


def test_a_call_that_waits_can_be_cancelled_however_soon(house: HouseElsewhere) -> None:
    with house.visitor() as connection:
        visitor = Visitor(connection)
        visitor.call(1, 1, Operation.OPEN, NUMBER.pack(socket.SOCK_DGRAM))
        assert visitor.answer().errno == 0
        for _ in range(50):
            call = protocol.encode(protocol.CALL, encode_call(2, 1, Operation.RECV, NUMBER.pack(10)))
            cancel = protocol.encode(protocol.CALL, encode_call(0, 1, Operation.CANCEL, NUMBER.pack(2)))
            connection.sendall(call + cancel)
            assert visitor.answer() == Answer(2, errno.ECANCELED, b"")


@pytest.mark.parametrize(
    ("operation", "body"),
    [(99, b""), (Operation.BIND, b"short"), (Operation.RECV, b""), (Operation.OPEN, b"\0\0\0\1")],
)
def test_what_is_no_call_ends_the_program_and_is_named(
    house: HouseElsewhere, operation: int, body: bytes
) -> None:
    with house.visitor() as connection:
        visitor = Visitor(connection)
        visitor.call(1, 1, Operation.OPEN, NUMBER.pack(socket.SOCK_DGRAM))
        visitor.answer()
        if operation == Operation.RECV:  # it is looked at when there is something to receive
            visitor.call(2, 1, Operation.BIND, ENDS.pack(0x7F000001, 5000))
            visitor.call(3, 1, Operation.SEND_TO, ENDS.pack(0x7F000001, 5000))
            assert [visitor.answer().errno for _ in range(2)] == [0, 0]
        visitor.call(4, 1, operation, body)
        ended = [visitor.frame() for _ in range(3)]
        assert [frame.kind for frame in ended if frame] == [protocol.ERR, protocol.RC]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(Operation), st.binary(max_size=12)),
        min_size=1,
        max_size=30,
    )
)
def test_whatever_is_called_the_house_stands(
    house: HouseElsewhere, calls: list[tuple[int, Operation, bytes]]
) -> None:
    with house.visitor() as connection:
        visitor = Visitor(connection)
        try:
            for number, (sock, operation, body) in enumerate(calls):
                visitor.call(number, sock, operation, body)
        except OSError:  # it had enough
            pass
    with house.visitor() as connection:
        visitor = Visitor(connection)
        visitor.call(1, 1, Operation.OPEN, NUMBER.pack(socket.SOCK_STREAM))
        assert visitor.answer() == Answer(1, 0, b"")


def test_a_program_that_does_not_read_its_answers_holds_little(house: HouseElsewhere) -> None:
    """It is not listened to until it does; the others do not notice."""
    with house.visitor() as silent:
        visitor = Visitor(silent)
        silent.settimeout(0.1)
        with pytest.raises(TimeoutError):
            visitor.call_for_ever()
        with house.visitor() as connection:
            Visitor(connection)


@pytest.mark.trio
async def test_who_gives_up_does_not_wait_for_a_daemon_that_hangs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pystack.daemon.socket_link.PATIENCE", 0.05)
    ours, its = socket.socketpair()
    with ours, its, trio.fail_after(PATIENCE):
        its.send(protocol.encode(protocol.ANSWER, encode_answer(BEGIN, 0)))
        link = SocketLink(ours)
        async with link.alive():
            with trio.move_on_after(0.01) as scope:
                await link.wait(1, Operation.RECV, NUMBER.pack(10))
            assert scope.cancelled_caught
            assert link.is_gone
    assert capsys.readouterr().err == "pystack: the daemon does not answer\n"


def begin(running: Daemon, folder: Path, text: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return running_script("-S", str(running.socket), "exec", script(folder, text))


def lo_daemon_config(folder: Path) -> str:
    path = folder / "m.toml"
    path.write_text('name = "m"\nsetup_text = "ip link set lo up; ip netns add b"\n')
    return str(path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_daemon_closes_what_an_ended_program_had(tmp_path: Path, number: int) -> None:
    with daemon(tmp_path, "-c", lo_daemon_config(tmp_path)) as running:
        with begin(running, tmp_path, LISTEN) as program:
            assert "127.0.0.1:80" in running.run("ss", "-Hltn").out
            program.send_signal(number)
            out, err = program.communicate(timeout=PATIENCE)
            if number == signal.SIGINT:
                assert (program.returncode, out, err) == (130, "end\n", "")
        assert running.run("ss", "-Hltn").out == ""


def test_a_program_hears_that_the_daemon_or_its_stack_is_gone(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", lo_daemon_config(tmp_path)) as running:
        for word, why in (
            ("reload", "a reload replaced the stack in which this ran"),
            ("stop", "the daemon is gone"),
        ):
            with begin(running, tmp_path, OUTLIVE) as program:
                assert running.run(word).rc == 0
                _, err = program.communicate(timeout=PATIENCE)
                told = f"pystack: {why}\nmine: Network dropped connection on reset\n"
                assert (program.returncode, err) == (1, told)


def test_a_program_is_let_in_by_name(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", lo_daemon_config(tmp_path)) as running:
        text = (
            "import trio\nasync def main():\n    await trio.open_tcp_stream('127.0.0.1', 80)\ntrio.run(main)"
        )
        path = script(tmp_path, text)
        inside = running.run("-n", "b", "exec", path)
        assert "Network is unreachable" in inside.err  # its lo is down
        assert running.run("-n", "c", "exec", path).err == ("pystack: there is no namespace c (known: b)\n")
        assert "one stack is enough" in running.run("exec", "-c", "x.toml", path).err
