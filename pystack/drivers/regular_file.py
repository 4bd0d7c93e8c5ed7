"""Opening files that are on a disk: nothing else can be read and written without ever making us wait."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

LARGEST: Final = 256 << 20  # octets of a file that is read as a whole


def open_regular(path: str, flags: int = os.O_RDONLY) -> int:
    """A descriptor. A pipe, a terminal, a folder: OSError, as for everything that cannot be opened."""
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK, 0o666)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "not a regular file", path)


def read_whole(path: str) -> bytes:
    """All octets of a file. Raises OSError.

    Not mapped: whoever cut off a mapped file, and `cp` over it does, would end us with SIGBUS.
    """
    with open(open_regular(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST:
            raise OSError(errno.EFBIG, f"larger than {LARGEST >> 20} MiB", path)
        return file.read(LARGEST)


def create(path: str) -> int:
    """A file to write into, empty. Raises OSError."""
    try:
        fd = open_regular(path, os.O_WRONLY | os.O_CREAT)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads
            raise OSError(errno.EINVAL, "not a regular file", path) from None
        raise
    os.ftruncate(fd, 0)
    return fd
