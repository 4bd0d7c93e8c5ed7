"""What is on a disk is opened; what could make us wait is refused."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pystack.drivers.regular_file import LARGEST, create, open_regular, read_whole


def test_a_file_is_read_and_made(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"before")
    assert read_whole(str(path)) == b"before"
    with open(create(str(path)), "wb") as file:
        file.write(b"a")
    assert path.read_bytes() == b"a"
    os.close(create(str(tmp_path / "new")))
    assert (tmp_path / "new").read_bytes() == b""


@pytest.mark.parametrize("opened", [read_whole, create, open_regular])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, opened: Callable[[str], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        opened(str(tmp_path / "pipe"))


@pytest.mark.parametrize("opened", [read_whole, create])
def test_a_folder_is_one_and_what_is_not_there_is_not(
    tmp_path: Path, opened: Callable[[str], object]
) -> None:
    with pytest.raises(IsADirectoryError):
        opened(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        opened(str(tmp_path / "none" / "x"))


def test_what_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "x", "wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(OSError, match="larger than 256 MiB"):
        read_whole(str(tmp_path / "x"))
