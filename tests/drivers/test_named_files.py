"""Files that a command names are read whole, or refused in the system's words."""

from pathlib import Path

import pytest

from pystack.applets.requests import FileRefused
from pystack.drivers.named_files import find_files, read_file


def test_a_file_is_named_from_its_folder_on(tmp_path: Path) -> None:
    (tmp_path / "rules").write_bytes(b"a\xff\n")
    assert read_file("rules", str(tmp_path)) == b"a\xff\n"
    assert read_file(str(tmp_path / "rules"), "/nowhere") == b"a\xff\n"


def test_what_cannot_be_read_is_refused_in_the_systems_words(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="No such file or directory"):
        read_file("rules", str(tmp_path))


def test_a_pattern_finds_names_in_order_and_marks_folders(tmp_path: Path) -> None:
    for name in ("b.nft", "a.nft", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.nft").mkdir()
    assert find_files("*.nft", str(tmp_path)) == b"a.nft\nb.nft\nd.nft/\n"
    whole = find_files(f"{tmp_path}/?.txt").decode()
    assert whole == f"{tmp_path}/c.txt\n"
    assert find_files("nothing*", str(tmp_path)) == b""
