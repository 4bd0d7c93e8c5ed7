"""Lines on standard error, and words to the service manager."""

import io
import os
import socket
import sys
from pathlib import Path

import pytest

from pystack.daemon import places
from pystack.daemon.log import Log
from pystack.daemon.notify import ServiceManager


def said_by(log: Log, monkeypatch: pytest.MonkeyPatch) -> str:
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    log.info("one\ntwo")
    log.error("three")
    return stderr.getvalue()


def test_a_line_is_for_eyes_where_nobody_else_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert said_by(Log(), monkeypatch) == "pystack: one\npystack: two\npystack: three\n"


def test_a_line_carries_its_level_where_the_journal_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    assert said_by(Log(), monkeypatch) == "<6>one\n<6>two\n<3>three\n"


def test_an_inherited_journal_stream_that_is_not_ours_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")
    assert not Log().journal


def test_a_standard_error_that_is_gone_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = io.StringIO()
    stderr.close()
    monkeypatch.setattr(sys, "stderr", stderr)
    Log().info("unheard")


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
