"""Sockets of the keeper's are given away, and nothing else is."""

import os
import socket
from pathlib import Path

import pytest

from pystack.daemon.own_socket import for_user_and_group_only, give


def test_a_socket_is_never_open_to_others(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    before = os.umask(0)
    try:
        with socket.socket(socket.AF_UNIX) as made, for_user_and_group_only():
            made.bind(str(path))
        assert os.umask(0) == 0, "put back"
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o660
    give(str(path), os.getuid(), os.getgid())


@pytest.mark.parametrize("link", [False, True])
def test_what_was_put_in_its_place_stays_whose_it_is(tmp_path: Path, link: bool) -> None:
    (tmp_path / "precious").write_text("x")
    if link:
        (tmp_path / "x.sock").symlink_to("precious")
    path = str(tmp_path / ("x.sock" if link else "precious"))
    with pytest.raises(OSError, match="put in the socket's place"):
        give(path, os.getuid(), os.getgid())
