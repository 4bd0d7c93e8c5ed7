"""The sockets that are made for QEMU, in a folder where anything may be already."""

import socket
from pathlib import Path

import pytest

from pystack.drivers.unavailable import PortUnavailable
from pystack.drivers.unix_open import bind_dgram, listen_stream, remove


@pytest.mark.parametrize("make", [listen_stream, bind_dgram])
def test_a_socket_that_was_left_behind_is_replaced(make: object, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    assert callable(make)
    make(path).close()
    with make(path) as sock:
        assert sock.getsockname() == path
        assert not sock.getblocking()
    remove(path)
    remove(path)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("first", [listen_stream, bind_dgram])
@pytest.mark.parametrize("second", [listen_stream, bind_dgram])
def test_a_socket_that_is_in_use_is_refused(first: object, second: object, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    assert callable(first)
    assert callable(second)
    with first(path), pytest.raises(PortUnavailable, match="in use"):
        second(path)


def test_a_listener_with_no_room_for_another_call_is_in_use_too(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with listen_stream(path):
        callers = []
        for _ in range(4):
            caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            caller.connect_ex(path)
            callers.append(caller)
        with pytest.raises(PortUnavailable, match="in use"):
            listen_stream(path)
        for caller in callers:
            caller.close()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(PortUnavailable, match="not a socket"):
        listen_stream(str(tmp_path / "s"))
    assert (tmp_path / "s").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "words"), [("no/such/folder", "No such file or directory"), ("x" * 200, "too long")]
)
def test_a_path_that_cannot_be_is_refused_with_the_reason(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(PortUnavailable, match=words):
        bind_dgram(str(tmp_path / name))
