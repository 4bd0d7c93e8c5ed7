"""Lines on standard error, and words to the service manager."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.daemon import places
from pystack.daemon.log import LONGEST, Log
from pystack.daemon.notify import ServiceManager


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """What the log writes into, and where it is read."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            continue


def test_a_line_is_for_eyes_where_nobody_else_reads(pipe: tuple[int, int]) -> None:
    log = Log(fd=pipe[1])
    log.info("one\ntwo")
    log.error("three")
    assert os.read(pipe[0], 4096) == b"pystack: one\npystack: two\npystack: three\n"


def test_a_line_carries_its_level_where_the_journal_reads(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    status = os.fstat(pipe[1])
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    log = Log(fd=pipe[1])
    log.info("one\ntwo")
    log.error("three")
    assert os.read(pipe[0], 4096) == b"<6>one\n<6>two\n<3>three\n"


def test_an_inherited_journal_stream_that_is_not_ours_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")
    assert not Log().journal


def test_a_standard_error_that_is_gone_ends_nobody(pipe: tuple[int, int]) -> None:
    log = Log(fd=pipe[1])
    os.close(pipe[0])
    log.info("unheard")
    os.close(pipe[1])
    log.info("unheard")


def test_a_reader_that_does_not_read_loses_lines_and_stops_nobody(pipe: tuple[int, int]) -> None:
    log = Log(fd=pipe[1])
    for _ in range(300):
        log.info("x" * 1000)
    assert log.lost > 200
    lost = log.lost
    while len(os.read(pipe[0], 65536)) == 65536:
        pass
    log.info("again")
    log.info("and again")
    heard = os.read(pipe[0], 65536).decode().splitlines()
    assert heard == [
        f"pystack: {lost} lines of this log were lost: nobody read",
        "pystack: again",
        "pystack: and again",
    ]


def test_a_line_without_end_is_cut(pipe: tuple[int, int]) -> None:
    Log(fd=pipe[1]).info("x" * 100_000)
    assert len(os.read(pipe[0], 65536)) == LONGEST


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_every_word(tmp_path: Path, abstract: bool) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + path if abstract else path)
        ours = ServiceManager({"NOTIFY_SOCKET": "@" + path if abstract else path})
        ours.ready("two ports")
        assert manager.recv(200) == b"READY=1\nSTATUS=two ports"
        ours.reloading()
        assert manager.recv(200).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        ours.alive()
        assert manager.recv(200) == b"WATCHDOG=1"
        ours.stopping()
        assert manager.recv(200) == b"STOPPING=1"


def test_without_a_service_manager_nothing_happens(tmp_path: Path) -> None:
    ServiceManager({}).ready("")
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "none")}).alive()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_ours_or_nobodys(environment: dict[str, str], seconds: float | None) -> None:
    assert ServiceManager(environment).watchdog == seconds


def test_a_daemon_is_found_by_its_name() -> None:
    assert places.socket_of("lab", {}, 0) == "/run/pystack/lab.sock"
    assert places.socket_of("lab", {"XDG_RUNTIME_DIR": "/x"}, 1000) == "/x/pystack/lab.sock"
    assert places.directories({"XDG_RUNTIME_DIR": "/x"}) == ["/run/pystack", "/x/pystack"]
    assert places.state_of("/run/pystack/lab.sock") == "/run/pystack/lab.state"


def test_a_user_without_a_runtime_folder_is_told_what_to_do() -> None:
    with pytest.raises(places.NoPlace, match="say where the socket is to be"):
        places.socket_of("lab", {}, 1000)


def test_folders_that_are_not_there_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.sock").touch()
    (tmp_path / "a.sock").touch()
    (tmp_path / "a.state").touch()
    found = places.listed([str(tmp_path / "none"), str(tmp_path)], places.SUFFIX)
    assert found == [str(tmp_path / "a.sock"), str(tmp_path / "b.sock")]
