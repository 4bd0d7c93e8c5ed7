"""Reading and finding the files that a command names."""

from __future__ import annotations

import glob
import os

from pystack.applets.requests import FileRefused


def read_file(path: str, folder: str = "") -> bytes:
    """All octets of a file, named from a folder on. Raises FileRefused."""
    try:
        with open(os.path.join(folder, path), "rb") as file:
            return file.read()
    except OSError as error:
        raise FileRefused(path, error.strerror or str(error)) from None


def find_files(pattern: str, folder: str = "") -> bytes:
    """The names that a pattern finds, from a folder on, one a line; those of folders end with `/`."""
    names = sorted(glob.glob(pattern, root_dir=folder or None))
    marks = ("/" if os.path.isdir(os.path.join(folder, name)) else "" for name in names)
    return b"".join(os.fsencode(f"{name}{mark}\n") for name, mark in zip(names, marks, strict=True))
