"""QEMU's `-netdev stream`, played by a socket of the test's own."""

import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from pystack.drivers.unix_open import listen_stream
from pystack.drivers.unix_stream import LONGEST, UnixStreamDriver
from tests.drivers.lab import Lab, frame, running, until


class Guest:
    """The other end: length, frame, length, frame."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.octets = b""
        sock.setblocking(False)

    def send(self, *frames: bytes) -> None:
        self.sock.sendall(b"".join(struct.pack("!I", len(data)) + data for data in frames))

    def frames(self) -> list[bytes]:
        """All that came so far and was not asked for yet."""
        try:
            while data := self.sock.recv(1 << 20):
                self.octets += data
        except BlockingIOError:
            pass
        found = []
        while len(self.octets) >= 4 and len(self.octets) - 4 >= (
            length := struct.unpack("!I", self.octets[:4])[0]
        ):
            found.append(self.octets[4 : 4 + length])
            self.octets = self.octets[4 + length :]
        return found

    async def next_frames(self, number: int) -> list[bytes]:
        found: list[bytes] = []
        with trio.fail_after(10):
            while len(found) < number:
                found += self.frames()
                await trio.sleep(0.001)
        return found

    def is_hung_up(self) -> bool:
        try:
            return self.sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True


Call = Callable[[], Guest]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "vm")


@pytest.fixture
def call(path: str) -> Iterator[Call]:
    """Calls us, as QEMU does with server=off."""
    guests: list[Guest] = []

    def connect() -> Guest:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(path)
        guests.append(Guest(sock))
        return guests[-1]

    yield connect
    for guest in guests:
        guest.sock.close()


@pytest.mark.trio
async def test_frames_pass_both_ways_once_qemu_called(path: str, call: Call) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    async with running(lab, driver, other):
        assert not lab.ports[0].carrier
        guest = call()
        await until(lambda: lab.ports[0].carrier)
        guest.send(frame(1), frame(2, size=1514))
        await until(lambda: lab.host.outcomes.received == 2)
        assert other.take() == [frame(1), frame(2, size=1514)]
        other.push(frame(3))
        assert await guest.next_frames(1) == [frame(3)]
        guest.sock.close()
        await until(lambda: not lab.ports[0].carrier)
    assert "br0: port 1(p1) entered disabled state" in lab.log
    driver.close()


@pytest.mark.trio
async def test_we_call_until_qemu_listens_and_again_when_it_comes_back(
    path: str, autojump_clock: trio.testing.MockClock
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path)
    async with running(lab, driver, other):
        await trio.sleep(60)
        assert not lab.ports[0].carrier
        for number in (1, 2):
            with listen_stream(path) as listener:
                await trio.sleep(3)
                guest = Guest(listener.accept()[0])
                assert lab.ports[0].carrier
                guest.send(frame(number))
                await trio.sleep(1)
                assert other.take() == [frame(number)]
                guest.sock.close()
            await trio.sleep(1)
            assert not lab.ports[0].carrier
    assert driver.stats.connections == 2
    driver.close()


@pytest.mark.trio
async def test_a_frame_may_come_in_any_pieces(path: str, call: Call) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    sent = [frame(n, size=100 + n) for n in range(5)]
    octets = b"".join(struct.pack("!I", len(data)) + data for data in sent)
    async with running(lab, driver, other):
        guest = call()
        for at in range(0, len(octets), 7):
            guest.sock.sendall(octets[at : at + 7])
            await trio.lowlevel.checkpoint()
        await until(lambda: lab.host.outcomes.received == 5)
        assert other.take() == sent
    driver.close()


@pytest.mark.parametrize("garbage", [b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack("!I", LONGEST + 1)])
@pytest.mark.trio
async def test_a_length_that_no_frame_has_ends_the_connection_and_the_next_one_works(
    garbage: bytes, path: str, call: Call
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    async with running(lab, driver, other):
        guest = call()
        guest.send(frame(1))
        guest.sock.sendall(garbage + b"GET / HTTP/1.1\r\n")
        await until(guest.is_hung_up)
        assert driver.stats.read_errors == 1
        assert other.take() == [frame(1)]
        guest = call()
        guest.send(frame(2))
        await until(lambda: lab.host.outcomes.received == 2)
        assert other.take() == [frame(2)]
    driver.close()


@pytest.mark.trio
async def test_the_longest_frame_passes(path: str, call: Call) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    async with running(lab, driver, other):
        guest = call()
        guest.sock.setblocking(True)
        await until(lambda: lab.ports[0].carrier)
        await trio.to_thread.run_sync(guest.send, frame(1, size=LONGEST))
        await until(lambda: lab.host.outcomes.received == 1)
        assert lab.ports[0].stats.rx_bytes == LONGEST
        guest.send(frame(2))
        await until(lambda: other.take() == [frame(2)])
    driver.close()


@pytest.mark.trio
async def test_a_half_written_frame_is_finished_and_those_behind_it_are_dropped_and_counted(
    path: str, call: Call
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    sent = [frame(n, size=1500) for n in range(900)]
    async with running(lab, driver, other):
        guest = call()
        await until(lambda: lab.ports[0].carrier)
        for data in sent:
            other.push(data)
        await until(lambda: lab.host.outcomes.received == len(sent))
        dropped = driver.stats.tx_dropped
        assert dropped > 0
        assert lab.ports[0].stats.tx_dropped == dropped
        assert driver.is_writing
        got = await guest.next_frames(len(sent) - dropped)
        assert not driver.is_writing
        other.push(frame(1000))
        got += await guest.next_frames(1)
    assert got[-1] == frame(1000)
    assert set(got[:-1]) < set(sent)
    assert got[:-1] == sorted(got[:-1])
    driver.close()


@pytest.mark.trio
async def test_a_half_written_frame_is_finished_by_the_pump_that_takes_over(path: str, call: Call) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    async with running(lab, driver, other) as pump:
        guest = call()
        await until(lambda: lab.ports[0].carrier)
        for number in range(900):
            other.push(frame(number, size=1500))
        await until(lambda: lab.host.outcomes.received == 900)
        assert driver.is_writing
        for moved in (driver, other):
            pump.remove(moved)
    async with running(lab, driver, other):
        with trio.fail_after(10):
            got = await guest.next_frames(900 - driver.stats.tx_dropped)
        assert all(len(data) == 1500 for data in got)
        assert not driver.is_writing
    driver.close()


@pytest.mark.trio
async def test_a_peer_that_goes_in_the_middle_of_a_frame_is_forgotten_with_it(path: str, call: Call) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    async with running(lab, driver, other):
        guest = call()
        await until(lambda: lab.ports[0].carrier)
        for number in range(900):
            other.push(frame(number, size=1500))
        await until(lambda: lab.host.outcomes.received == 900)
        assert driver.is_writing
        guest.sock.close()
        await until(lambda: not lab.ports[0].carrier)
        assert not driver.is_writing
        guest = call()
        await until(lambda: lab.ports[0].carrier)
        other.push(frame(1))
        assert await guest.next_frames(1) == [frame(1)]
    driver.close()


@pytest.mark.trio
async def test_the_next_caller_waits_until_the_cable_is_free(path: str, call: Call) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    async with running(lab, driver, other):
        first = call()
        first.send(frame(1))
        await until(lambda: lab.host.outcomes.received == 1)
        second = call()
        second.send(frame(2))
        await trio.sleep(0.01)
        assert lab.host.outcomes.received == 1
        first.sock.close()
        await until(lambda: lab.host.outcomes.received == 2)
        assert other.take() == [frame(1), frame(2)]
    driver.close()


@pytest.mark.trio
async def test_a_port_without_a_connection_takes_no_frames(path: str) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    async with running(lab, driver, other):
        other.push(frame(1))
        await until(lambda: lab.host.outcomes.received == 1)
        assert lab.ports[0].stats.tx_packets == 0
    driver.close()
    assert driver.fileno() == -1


@pytest.mark.trio
async def test_it_can_be_closed_while_it_waits(path: str, call: Call) -> None:
    lab = Lab()
    driver = UnixStreamDriver(lab.ports[0], path, listen_stream(path))
    async with running(lab, driver) as pump:
        guest = call()
        await until(lambda: lab.ports[0].carrier)
        pump.remove(driver)
        driver.close()
        await until(guest.is_hung_up)
        guest.sock.close()
    assert driver.fileno() == -1
