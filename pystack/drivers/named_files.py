"""Reading the files that a command names."""

from __future__ import annotations

import os

from pystack.applets.requests import FileRefused


def read_file(path: str, folder: str = "") -> bytes:
    """All octets of a file, named from a folder on. Raises FileRefused."""
    try:
        with open(os.path.join(folder, path), "rb") as file:
            return file.read()
    except OSError as error:
        raise FileRefused(path, error.strerror or str(error)) from None
