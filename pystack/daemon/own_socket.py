"""The file of a socket that the keeper makes: it belongs to a user and a group, and to nobody else, ever."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def for_user_and_group_only() -> Iterator[None]:
    """What is bound meanwhile has mode 0660 from its first moment on."""
    mask = os.umask(0o117)
    try:
        yield
    finally:
        os.umask(mask)


def give(path: str, uid: int, gid: int) -> None:
    """Make somebody the owner of a socket; -1 leaves one as it is. Raises OSError.

    The folder may be somebody's who would like to own another file, and puts a link in the socket's place. So
    the file is held first, and then looked at.
    """
    if (uid, gid) == (-1, -1):
        return
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            raise OSError(errno.EEXIST, "something else was put in the socket's place", path)
        os.chown(f"/proc/self/fd/{fd}", uid, gid)
    finally:
        os.close(fd)
