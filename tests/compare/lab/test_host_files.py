"""Programs of this machine, packed with what they need to run elsewhere."""

from pathlib import Path

from pystack.compare.lab.cpio import CpioArchive
from pystack.compare.lab.host_files import add_file, add_merged_folders, find_program
from tests.compare.lab.test_cpio import read


def test_a_program_brings_its_libraries_and_its_loader() -> None:
    archive = CpioArchive()
    add_merged_folders(archive)
    shell = find_program("sh")
    assert shell is not None
    add_file(archive, shell)
    names = [entry.name for entry in read(archive.finish())]
    assert "usr/bin/sh" in names
    assert any("/libc.so" in name for name in names)
    assert any("/ld-" in name for name in names)
    assert all(name.split("/")[0] == "usr" or name in ("bin", "sbin", "lib", "lib64") for name in names)


def test_links_to_links_are_followed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("text")
    (tmp_path / "middle").symlink_to("real")
    (tmp_path / "name").symlink_to(tmp_path / "middle")
    archive = CpioArchive()
    add_file(archive, tmp_path / "name")
    found = {entry.name.rpartition("/")[2]: entry.content for entry in read(archive.finish())}
    assert found["name"] == str(tmp_path / "middle").encode()
    assert found["middle"] == b"real"
    assert found["real"] == b"text"


def test_a_program_that_is_not_there_is_none() -> None:
    assert find_program("no-such-program") is None
