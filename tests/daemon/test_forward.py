"""`pystack forward`: programs of the kernel's and programs on pystack reach each other."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.running import PATIENCE, PYSTACK, Daemon, clean_environment, daemon

SETUP = 'name = "m"\nsetup_text = "ip link set lo up"\n[services]\necho = true\ndaytime = true\n'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("forward")
    (folder / "m.toml").write_text(SETUP)
    with daemon(folder, "-c", str(folder / "m.toml")) as here:
        yield here


class Forward:
    """A running `pystack forward`, and where it listens."""

    def __init__(self, running: Daemon, *words: str) -> None:
        self.process = subprocess.Popen(
            [*PYSTACK, "-S", str(running.socket), "forward", *words],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        assert self.line, self.process.communicate()
        self.port = int(self.line.split(" to ")[0].rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@contextmanager
def forward(running: Daemon, *words: str) -> Iterator[Forward]:
    here = Forward(running, *words)
    try:
        yield here
    finally:
        if here.process.returncode is None:
            here.end(signal.SIGKILL)


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def exchange(sock: socket.socket, data: bytes) -> bytes:
    """Say it all, then the end; what came back."""

    def say() -> None:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    speaker = threading.Thread(target=say)
    speaker.start()
    heard = read_all(sock)
    speaker.join()
    return heard


def test_a_program_of_the_kernels_reaches_a_server_on_pystack(running: Daemon) -> None:
    data = os.urandom(1_000_000)
    with forward(running, "tcp", "127.0.0.1:0", "127.0.0.1:7") as here:
        assert here.line == f"127.0.0.1:{here.port} to 127.0.0.1:7\n"
        with here.connect() as sock:
            assert exchange(sock, data) == data  # the end of each direction came through, too
        assert here.end() == (0, "")


def test_a_program_on_pystack_reaches_a_server_of_the_kernels(running: Daemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with forward(running, "-R", "tcp", f"127.0.0.1:{port}", "127.0.0.1:8080") as here:
            assert here.line == f"127.0.0.1:8080 to 127.0.0.1:{port}\n"
            asking = threading.Thread(
                target=lambda: said.append(running.run("nc", "-N", "127.0.0.1", "8080", stdin=b"hi").out)
            )
            said: list[str] = []
            asking.start()
            with server.accept()[0] as sock:
                assert read_all(sock) == b"hi"
                sock.sendall(b"answer")
            asking.join()
            assert said == ["answer"]
            assert here.end(signal.SIGINT) == (0, "")


def test_many_come_at_once(running: Daemon) -> None:
    with forward(running, "tcp", "127.0.0.1:0", "localhost:7") as here:
        socks = [here.connect() for _ in range(100)]
        for number, sock in enumerate(socks):
            sock.sendall(b"%d" % number)
            sock.shutdown(socket.SHUT_WR)
        assert [read_all(sock) for sock in socks] == [b"%d" % number for number in range(100)]
        for sock in socks:
            sock.close()


def test_a_connection_that_nobody_takes_is_reset_and_named(running: Daemon) -> None:
    with forward(running, "tcp", "127.0.0.1:0", "127.0.0.1:81") as here:
        with here.connect() as sock, pytest.raises(ConnectionResetError):
            sock.recv(1)
        assert here.end() == (0, "pystack: forward: 127.0.0.1:81: Connection refused\n")


def test_who_resets_his_end_resets_the_other(running: Daemon) -> None:
    with forward(running, "tcp", "127.0.0.1:0", "127.0.0.1:7") as here:
        with here.connect() as sock:
            sock.sendall(b"x")
            assert sock.recv(1) == b"x"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        while running.run("ss", "-Htn").out:
            pass
        assert here.end() == (0, "")


def test_datagrams_find_their_way_back_to_each_sender(running: Daemon) -> None:
    with forward(running, "udp", "127.0.0.1:0", "127.0.0.1:7") as here:
        socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(10)]
        for number, sock in enumerate(socks):
            sock.settimeout(PATIENCE)
            sock.sendto(b"%d" % number, ("127.0.0.1", here.port))
        assert [sock.recv(10) for sock in socks] == [b"%d" % number for number in range(10)]
        for sock in socks:
            sock.close()
        assert here.end() == (0, "")


def test_what_it_held_in_pystack_goes_with_it(running: Daemon) -> None:
    with forward(running, "-R", "tcp", "127.0.0.1:9", "127.0.0.1:8081") as here:
        assert "127.0.0.1:8081" in running.run("ss", "-Htln").out
        here.end(signal.SIGKILL)
        while "127.0.0.1:8081" in running.run("ss", "-Htln").out:
            pass


def test_it_ends_with_the_daemon_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(SETUP)
    words = ["-R", "tcp", "127.0.0.1:9", "127.0.0.1:8081"]
    with daemon(tmp_path, "-c", str(tmp_path / "m.toml")) as one, forward(one, *words) as here:
        one.end()
        assert here.process.communicate(timeout=PATIENCE)[1] == "pystack: the daemon is gone\n"
        assert here.process.returncode == 3


@pytest.mark.parametrize(
    ("words", "rc", "said"),
    [
        (("tcp", "nowhere", "1.2.3.4:5"), 2, "nowhere is not HOST:PORT"),
        (("tcp", "::1:80", "1.2.3.4:5"), 2, "::1:80 is not HOST:PORT"),
        (("tcp", ":80", "1.2.3.4:99999"), 2, "1.2.3.4:99999 is not HOST:PORT"),
        (("tcp", ":8080", ":80"), 2, ":80 leads nowhere: it takes a host and a port"),
        (("tcp", "192.0.2.1:8080", "127.0.0.1:80"), 2, "192.0.2.1:8080: Cannot assign requested address"),
        (("-R", "udp", "127.0.0.1:8080", "127.0.0.1:7"), 2, "127.0.0.1:7: Address already in use"),
    ],
)
def test_what_cannot_be_is_named(running: Daemon, words: tuple[str, ...], rc: int, said: str) -> None:
    done = running.run("forward", *words)
    assert (done.rc, done.err) == (rc, f"pystack: forward: {said}\n")
