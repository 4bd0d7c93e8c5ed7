"""QEMU's `-netdev dgram`, played by a socket of the test's own."""

import socket
from pathlib import Path

import pytest
import trio
import trio.testing

from pystack.drivers.unix_dgram import LONGEST, UnixDgramDriver
from pystack.drivers.unix_open import bind_dgram
from tests.drivers.lab import Lab, frame, running, until


def received(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(1 << 17))
        except BlockingIOError:
            return found


@pytest.mark.trio
async def test_frames_pass_both_ways_through_a_pair() -> None:
    lab = Lab()
    other = lab.memory()[1]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    theirs.setblocking(False)
    driver = UnixDgramDriver(lab.ports[0], ours)
    async with running(lab, driver, other):
        assert lab.ports[0].carrier
        theirs.send(frame(1))
        theirs.send(frame(2, size=1514))
        await until(lambda: lab.host.outcomes.received == 2)
        assert other.take() == [frame(1), frame(2, size=1514)]
        other.push(frame(3))
        await until(lambda: lab.host.outcomes.received == 3)
        assert received(theirs) == [frame(3)]
    theirs.close()
    driver.close()


@pytest.mark.trio
async def test_a_pair_whose_other_end_is_closed_is_dead() -> None:
    lab = Lab()
    other = lab.memory()[1]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    driver = UnixDgramDriver(lab.ports[0], ours)
    async with running(lab, driver, other):
        theirs.close()
        other.push(frame(1))
        await until(lambda: "p1: its other end was closed" in lab.log)
        assert not lab.ports[0].carrier
        assert driver.stats.tx_errors == 1
    driver.close()


@pytest.mark.trio
async def test_a_peer_with_a_name_comes_and_goes(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    path, peer = str(tmp_path / "ours"), str(tmp_path / "theirs")
    driver = UnixDgramDriver(lab.ports[0], bind_dgram(path), peer)
    async with running(lab, driver, other):
        await trio.sleep(30)
        assert not lab.ports[0].carrier
        for number in (1, 2):
            with bind_dgram(peer) as qemu:
                await trio.sleep(3)
                assert lab.ports[0].carrier
                qemu.sendto(frame(number), path)
                other.push(frame(number + 10))
                await trio.sleep(1)
                assert other.take() == [frame(number)]
                assert received(qemu) == [frame(number + 10)]
            assert lab.ports[0].carrier  # nothing says that it went, until we send
            other.push(frame(99))
            await trio.sleep(1)
            assert not lab.ports[0].carrier
    driver.close()


@pytest.mark.trio
async def test_a_peer_that_takes_nothing_makes_us_drop_and_count() -> None:
    lab = Lab()
    other = lab.memory()[1]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    theirs.setblocking(False)
    driver = UnixDgramDriver(lab.ports[0], ours)
    async with running(lab, driver, other):
        for number in range(2000):
            other.push(frame(number, size=1500))
        await until(lambda: lab.host.outcomes.received == 2000)
        taken = received(theirs)
        assert len(taken) + driver.stats.tx_dropped == 2000
        assert driver.stats.tx_dropped > 0
        assert taken == [frame(number, size=1500) for number in range(len(taken))]
        assert lab.ports[0].carrier
    theirs.close()
    driver.close()


@pytest.mark.trio
async def test_what_is_longer_than_any_frame_is_no_frame() -> None:
    lab = Lab()
    other = lab.memory()[1]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    driver = UnixDgramDriver(lab.ports[0], ours)
    async with running(lab, driver, other):
        theirs.send(bytes(LONGEST + 1))
        theirs.send(b"")
        theirs.send(frame(1))
        await until(lambda: lab.host.outcomes.received == 2)
        assert driver.stats.read_errors == 1
        assert other.take() == [frame(1)]
    theirs.close()
    driver.close()
