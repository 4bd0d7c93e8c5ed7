"""A capture file in place of a cable."""

import io
from pathlib import Path

import pytest
import trio
import trio.testing

from pystack.drivers.pcap import PcapDriver
from pystack.drivers.regular_file import read_whole
from pystack.wire import capture, pcap
from pystack.wire.pcap import Captured
from tests.drivers.lab import Lab, frame, running
from tests.l2.large_frames import tcp_frame

START = 1_700_000_000_000_000_000


class Disk(io.BytesIO):
    """A file that is still there when it is closed, and may have no room."""

    full = False
    contents = b""

    def write(self, octets: object) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(octets)  # type: ignore[arg-type]

    def close(self) -> None:
        self.contents = self.getvalue()
        super().close()


def captured(*seconds: float) -> bytes:
    records = [
        pcap.record(START + int(at * 1e9), frame(number), nanoseconds=True)
        for number, at in enumerate(seconds)
    ]
    return pcap.file_header(nanoseconds=True) + b"".join(records)


@pytest.mark.trio
async def test_frames_arrive_as_far_apart_as_they_were_captured(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    start, times = trio.current_time(), []
    lab.ports[0].add_tap(lambda pkt, leaving: times.append(trio.current_time() - start))
    async with running(lab, PcapDriver(lab.ports[0], captured(5, 5.5, 5.4, 3605)), other):
        await trio.sleep(4000)
        assert times == pytest.approx([0, 0.5, 0.5, 3600])
        assert other.take() == [frame(number) for number in range(4)]


@pytest.mark.trio
async def test_a_file_that_ends_in_garbage_is_replayed_up_to_there_and_said_to_be_broken(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = PcapDriver(lab.ports[0], captured(0, 1)[:-1])
    async with running(lab, driver, other):
        await trio.sleep(10)
        assert other.take() == [frame(0)]
        assert not lab.ports[0].carrier
        assert "p1: its capture cannot be read on: shorter than its header" in lab.log


@pytest.mark.trio
async def test_what_is_sent_is_recorded_with_the_time_of_day(autojump_clock: trio.testing.MockClock) -> None:
    lab = Lab()
    other, file = lab.memory()[1], Disk()
    driver = PcapDriver(lab.ports[0], record=file)
    async with running(lab, driver, other):
        other.push(frame(1))
        await trio.sleep(2)
        other.push(frame(2))
        await trio.sleep(2)
    driver.close()
    first, second = capture.parse(file.contents)
    assert isinstance(first, Captured)
    assert isinstance(second, Captured)
    assert (first.frame, first.interface, second.frame) == (frame(1), "p1", frame(2))
    assert first.time == pytest.approx(1000 * 10**9)
    assert second.time - first.time == pytest.approx(2 * 10**9)


@pytest.mark.trio
async def test_what_is_recorded_is_what_a_wire_would_carry(autojump_clock: trio.testing.MockClock) -> None:
    lab = Lab()
    other, file = lab.memory()[1], Disk()
    driver = PcapDriver(lab.ports[0], record=file)
    large = tcp_frame(bytes(3000), 1000)
    async with running(lab, driver, other):
        other.push(large.frame, large.offload)
        await trio.sleep(1)
    driver.close()
    assert [len(found.frame) for found in capture.parse(file.contents) if isinstance(found, Captured)] == [
        1054
    ] * 3


@pytest.mark.trio
async def test_without_a_record_what_is_sent_is_gone(autojump_clock: trio.testing.MockClock) -> None:
    lab = Lab()
    other = lab.memory()[1]
    async with running(lab, PcapDriver(lab.ports[0], b""), other):
        other.push(frame(1))
        await trio.sleep(1)
        assert not lab.ports[0].tx


@pytest.mark.trio
async def test_a_full_disk_is_a_port_that_failed(autojump_clock: trio.testing.MockClock) -> None:
    lab = Lab()
    other, file = lab.memory()[1], Disk()
    driver = PcapDriver(lab.ports[0], record=file)
    async with running(lab, driver, other):
        file.full = True
        other.push(frame(1))
        await trio.sleep(1)
        assert not lab.ports[0].carrier
        assert "p1: its record cannot be written: No space left on device" in lab.log
    driver.close()


def test_a_file_that_is_cut_off_while_it_is_replayed_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "file.pcap"
    path.write_bytes(captured(0, 1))
    data = read_whole(str(path))
    path.write_bytes(b"")
    assert len(list(capture.parse(data))) == 2
    assert read_whole(str(path)) == b""
