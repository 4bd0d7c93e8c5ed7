"""Programs of this machine as files for a VM: with the libraries and the links that they need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from pystack.compare.lab.agent_client import SYSTEM_PATH
from pystack.compare.lab.cpio import CpioArchive

LIBRARY: Final = re.compile(r"(/\S+) \(0x")  # in what ldd prints
MERGED: Final = (
    "bin",
    "sbin",
    "lib",
    "lib64",
)  # folders that are links into /usr, on Debian and in our archives


def add_merged_folders(archive: CpioArchive) -> None:
    for name in MERGED:
        archive.folder(f"usr/{name}")
        archive.link(name, f"usr/{name}")


def find_program(name: str) -> Path | None:
    found = shutil.which(name, path=SYSTEM_PATH)
    return Path(found) if found else None


def add_file(archive: CpioArchive, path: Path) -> None:
    """A file under its own path, through all its links (Debian's alternatives are links to links)."""
    name = _merged(path)
    if name in archive:
        return
    if path.is_symlink():
        archive.link(name, os.readlink(path))
        return add_file(archive, path.parent / os.readlink(path))
    content = path.read_bytes()
    archive.file(name, content)
    if content.startswith(b"\x7fELF"):
        for library in _libraries(path):
            add_file(archive, library)
    return None


def _merged(path: Path) -> str:
    """Where the file is, the links of its folders followed, its own not."""
    name = str(path.parent.resolve() / path.name).lstrip("/")
    return f"usr/{name}" if name.split("/")[0] in MERGED else name


def _libraries(path: Path) -> list[Path]:
    """The shared libraries of a program and its loader; none if it is linked statically."""
    listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return [Path(found) for found in LIBRARY.findall(listing)]
