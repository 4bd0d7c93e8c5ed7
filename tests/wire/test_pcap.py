"""Capture files: what is written is read again, by us and by tcpdump and scapy; hostile bytes have a name."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire import capture, pcap, pcapng
from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed
from pystack.wire.pcap import Captured

TIME = 1_700_000_000_123_456_789
FRAMES = [bytes(range(60)), b"\xff" * 14 + b"x" * 47, bytes(14)]

needs_tcpdump = pytest.mark.skipif(not shutil.which("tcpdump"), reason="needs tcpdump")


def classic(*, nanoseconds: bool = False) -> bytes:
    records = [pcap.record(TIME + n, frame, nanoseconds=nanoseconds) for n, frame in enumerate(FRAMES)]
    return pcap.file_header(nanoseconds=nanoseconds) + b"".join(records)


def blocks() -> bytes:
    return (
        pcapng.section_header()
        + pcapng.interface("tap1")
        + pcapng.interface("wlp2s0")
        + pcapng.packet(0, TIME, FRAMES[0], comment="1-7: flooded", direction="in")
        + pcapng.packet(1, TIME + 1, FRAMES[1], direction="out")
        + pcapng.packet(1, TIME + 2, FRAMES[2])
    )


def big_endian() -> bytes:
    header = struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    seconds, fraction = divmod(TIME, 10**9)
    return header + struct.pack(">IIII", seconds, fraction, 60, 1500) + FRAMES[0]


def tcpdump(data: bytes, tmp_path: Path) -> bytes:
    """The file as tcpdump writes it after it read ours."""
    (tmp_path / "ours").write_bytes(data)
    command = ["tcpdump", "-r", str(tmp_path / "ours"), "-w", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_a_classic_file_gives_back_its_frames_and_their_times_in_microseconds() -> None:
    expected = [Captured((TIME + n) // 1000 * 1000, frame, len(frame)) for n, frame in enumerate(FRAMES)]
    assert list(capture.parse(classic())) == expected


def test_a_classic_file_in_nanoseconds_keeps_them() -> None:
    assert [
        found.time for found in capture.parse(classic(nanoseconds=True)) if isinstance(found, Captured)
    ] == [
        TIME,
        TIME + 1,
        TIME + 2,
    ]


def test_a_file_from_a_machine_of_the_other_byte_order_is_read() -> None:
    assert list(capture.parse(big_endian())) == [Captured(TIME, FRAMES[0], 1500)]


def test_a_frame_is_cut_to_the_snapshot_length_and_its_length_is_kept() -> None:
    data = pcap.file_header(snaplen=20) + pcap.record(TIME, FRAMES[0], nanoseconds=True, snaplen=20)
    (found,) = capture.parse(data)
    assert isinstance(found, Captured)
    assert (found.frame, found.length) == (FRAMES[0][:20], 60)
    (found,) = capture.parse(
        pcapng.section_header() + pcapng.interface("x") + pcapng.packet(0, TIME, FRAMES[0], snaplen=21)
    )
    assert isinstance(found, Captured)
    assert (found.frame, found.length) == (FRAMES[0][:21], 60)


def test_a_pcapng_file_gives_back_frames_times_interfaces_and_comments() -> None:
    assert list(capture.parse(blocks())) == [
        Captured(TIME, FRAMES[0], 60, "tap1", "1-7: flooded"),
        Captured(TIME + 1, FRAMES[1], 61, "wlp2s0"),
        Captured(TIME + 2, FRAMES[2], 14, "wlp2s0"),
    ]


def test_sections_of_both_byte_orders_and_unknown_blocks_may_follow_each_other() -> None:
    section = struct.pack(">IIIHHQI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, 2**64 - 1, 28)
    # Times in units of 2**-10 s, 3 s late; a simple packet has neither time nor options.
    options = struct.pack(">HHB3x", 9, 1, 0x8A) + struct.pack(">HHq", 14, 8, 3) + struct.pack(">HH", 0, 0)
    interface = struct.pack(">IIHHI", 1, 20 + len(options), 1, 0, 40) + options
    interface += struct.pack(">I", 20 + len(options))
    packet = struct.pack(">IIIIIII", 6, 48, 0, 0, 512, 14, 14) + FRAMES[2] + b"\0\0" + struct.pack(">I", 48)
    simple = struct.pack(">III", 3, 56, 60) + FRAMES[0][:40] + struct.pack(">I", 56)
    unknown = struct.pack(">III", 0xBAD, 12, 12)
    found = list(capture.parse(blocks() + section + interface + unknown + packet + simple))
    assert found[3:] == [Captured(3_500_000_000, FRAMES[2], 14), Captured(0, FRAMES[0][:40], 60)]


@needs_tcpdump
def test_a_classic_file_is_byte_for_byte_what_tcpdump_writes(tmp_path: Path) -> None:
    assert tcpdump(classic(), tmp_path) == classic()


@needs_tcpdump
def test_tcpdump_reads_the_same_frames_from_a_pcapng_file(tmp_path: Path) -> None:
    found = capture.parse(tcpdump(blocks(), tmp_path))
    assert [record.frame for record in found if isinstance(record, Captured)] == FRAMES


def test_scapy_reads_names_and_comments_from_a_pcapng_file() -> None:
    from scapy.utils import RawPcapNgReader

    found = list(RawPcapNgReader(io.BytesIO(blocks())))
    assert [bytes(frame) for frame, _ in found] == FRAMES
    assert [meta.ifname for _, meta in found] == [b"tap1", b"wlp2s0", b"wlp2s0"]
    assert found[0][1].comments == [b"1-7: flooded"]


def test_we_read_what_scapy_writes(tmp_path: Path) -> None:
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapNgWriter

    frame = Ether(FRAMES[0])
    frame.time, frame.comments, frame.sniffed_on = 1.5, [b"hello"], "eth0"
    with PcapNgWriter(str(tmp_path / "file")) as writer:
        writer.write(frame)
    (found,) = capture.parse((tmp_path / "file").read_bytes())
    assert found == Captured(1_500_000_000, FRAMES[0], 60, "eth0", "hello")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", Malformed.MAGIC),
        (b"GIF89a" + bytes(40), Malformed.MAGIC),
        (classic()[:20], Malformed.TRUNCATED),
        (classic()[:30], Malformed.TRUNCATED),
        (classic()[:-1], Malformed.TRUNCATED),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 1, 4, 0, 0, 9, 1), Malformed.VERSION),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 9, 113), Malformed.LINK_TYPE),
        (pcap.file_header() + struct.pack("<IIII", 0, 0, 1 << 31, 1 << 31), Malformed.TOTAL_LENGTH),
        (pcap.file_header() + struct.pack("<IIII", 0, 0, 3, 2) + bytes(3), Malformed.TOTAL_LENGTH),
        (blocks()[:8], Malformed.TRUNCATED),
        (blocks()[:-4], Malformed.TRUNCATED),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), Malformed.MAGIC),
        (pcapng.section_header() + pcapng.packet(0, 0, b""), Malformed.INTERFACE),
        (pcapng.section_header() + struct.pack("<IIII", 3, 16, 0, 16), Malformed.INTERFACE),
        (pcapng.section_header() + struct.pack("<III", 6, 12, 12), Malformed.TRUNCATED),
        (pcapng.section_header() + struct.pack("<III", 3, 12, 12), Malformed.TRUNCATED),
        (pcapng.section_header() + struct.pack("<III", 1, 12, 12), Malformed.TRUNCATED),
        (pcapng.section_header() + struct.pack("<III", 9, 13, 13), Malformed.TOTAL_LENGTH),
        (pcapng.section_header() + struct.pack("<III", 9, 12, 16), Malformed.TOTAL_LENGTH),
        (pcapng.section_header().replace(b"\x01\x00\x00\x00", b"\x02\x00\x00\x00"), Malformed.VERSION),
        (
            pcapng.section_header()
            + struct.pack("<IIHHII", 1, 20, 113, 0, 0, 20)
            + struct.pack("<IIIIIIII", 6, 32, 0, 0, 0, 0, 0, 32),
            Malformed.LINK_TYPE,
        ),
        (
            pcapng.section_header()
            + pcapng.interface("x")
            + struct.pack("<IIIIIIII", 6, 32, 0, 0, 0, 9, 9, 32),
            Malformed.TOTAL_LENGTH,
        ),
        (
            pcapng.section_header() + pcapng.interface("x") + struct.pack("<IIII", 3, 16, 9, 16),
            Malformed.TOTAL_LENGTH,
        ),
    ],
)
def test_what_is_wrong_with_a_file_has_a_name(data: bytes, fault: Malformed) -> None:
    assert list(capture.parse(data))[-1] is fault


def assert_ends_well(data: Buffer) -> None:
    found = list(capture.parse(data))
    assert all(isinstance(record, Captured) for record in found[:-1])
    assert all(isinstance(record, Captured | Malformed) for record in found)


@pytest.mark.parametrize("data", [classic(), big_endian(), blocks()], ids=["classic", "swapped", "pcapng"])
def test_a_file_chopped_at_every_length_parses_or_is_malformed(data: bytes) -> None:
    for length in range(len(data)):
        assert_ends_well(data[:length])
        assert_ends_well(bytearray(data[:length]))
        assert list(capture.parse(memoryview(data)[:length])) == list(capture.parse(data[:length]))


@given(st.sampled_from([classic(), big_endian(), blocks()]), st.data())
def test_a_file_with_any_octets_changed_parses_or_is_malformed(data: bytes, draw: st.DataObject) -> None:
    mutated = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 8))):
        mutated[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    assert_ends_well(bytes(mutated))


@given(st.binary(max_size=200))
def test_anything_after_a_good_beginning_parses_or_is_malformed(tail: bytes) -> None:
    assert_ends_well(pcap.file_header() + tail)
    assert_ends_well(pcapng.section_header() + pcapng.interface("x") + tail)


@given(st.lists(st.tuples(st.integers(0, 2**62), st.binary(max_size=100), st.text(max_size=20))))
def test_whatever_is_written_is_read(records: list[tuple[int, bytes, str]]) -> None:
    data = pcapng.section_header() + pcapng.interface("lo")
    data += b"".join(pcapng.packet(0, time, frame, comment=text) for time, frame, text in records)
    expected = [
        Captured(time, frame, len(frame), "lo", text.encode(errors="replace").decode().rstrip("\0"))
        for time, frame, text in records
    ]
    assert list(capture.parse(data)) == expected
