"""The archive for a VM, read back entry by entry."""

from typing import NamedTuple

from pystack.compare.lab.cpio import CpioArchive


class Entry(NamedTuple):
    name: str
    mode: int
    device: tuple[int, int]
    content: bytes


def read(archive: bytes) -> list[Entry]:
    """As the kernel does: 110 octets of header, the name, the content, each padded to four octets."""
    entries: list[Entry] = []
    offset = 0
    while True:
        assert archive[offset : offset + 6] == b"070701"
        fields = [int(archive[offset + 6 + 8 * n : offset + 14 + 8 * n], 16) for n in range(13)]
        start = offset + 110
        name = archive[start : start + fields[11] - 1].decode()
        assert archive[start + fields[11] - 1] == 0
        start = (start + fields[11] + 3) & ~3
        if name == "TRAILER!!!":
            return entries
        entries.append(Entry(name, fields[1], (fields[9], fields[10]), archive[start : start + fields[6]]))
        offset = (start + fields[6] + 3) & ~3


def test_what_goes_in_comes_out() -> None:
    archive = CpioArchive()
    archive.file("init", b"#!/bin/sh\n")
    archive.file("/etc/hosts", b"abcde", 0o644)
    archive.link("bin", "usr/bin")
    archive.character_device("dev/console", 5, 1)
    assert read(archive.finish()) == [
        Entry("init", 0o100755, (0, 0), b"#!/bin/sh\n"),
        Entry("etc", 0o040755, (0, 0), b""),
        Entry("etc/hosts", 0o100644, (0, 0), b"abcde"),
        Entry("bin", 0o120777, (0, 0), b"usr/bin"),
        Entry("dev", 0o040755, (0, 0), b""),
        Entry("dev/console", 0o020600, (5, 1), b""),
    ]


def test_the_first_entry_of_a_path_wins_and_a_folder_is_made_once() -> None:
    archive = CpioArchive()
    archive.file("a/one", b"1")
    archive.file("a/one", b"2")
    archive.file("a/two", b"3")
    assert [(entry.name, entry.content) for entry in read(archive.finish())] == [
        ("a", b""),
        ("a/one", b"1"),
        ("a/two", b"3"),
    ]
    assert "a/one" in archive
    assert "/a/one" in archive
    assert "a/three" not in archive
