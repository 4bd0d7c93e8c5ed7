"""What a daemon made on this system, written down before it is made, so that it can be taken back later,
by its keeper, by the next start under the same name, or by `pystack doctor --clean`.

One JSON object a line. A line that was cut off by a kill is ignored: what it announced was not made yet. The
file is locked while its keeper lives; an unlocked one is what a dead daemon left.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from typing import Final

Record = dict[str, object]

PATIENCE: Final = 3.0  # seconds; a dying daemon's keeper takes milliseconds
PAUSE: Final = 0.02


class LedgerBusy(Exception):
    """Somebody who lives holds this ledger."""


class Ledger:
    """The open and locked file of one daemon."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def claim(cls, path: str, patience: float = PATIENCE) -> Ledger:
        """Open and lock, waiting a moment for a keeper that is about to end. Raises LedgerBusy, OSError."""
        until = time.monotonic() + patience
        while True:
            fd = _open_own(path)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_still_at(path, fd):
                    return cls(path, fd)
            except BlockingIOError:
                pass
            os.close(fd)  # locked, or removed between open and lock by the one who held it
            if time.monotonic() >= until:
                raise LedgerBusy(path)
            time.sleep(PAUSE)

    def records(self) -> list[Record]:
        """All that was written down, oldest first."""
        return parse(_read_all(self._fd))

    def note(self, record: Record) -> None:
        """Write down one thing, in one write: it is there whole or not at all."""
        os.write(self._fd, json.dumps(record).encode() + b"\n")

    def clear(self) -> None:
        """Nothing is left to be taken back."""
        os.ftruncate(self._fd, 0)

    def remove(self) -> None:
        """The end: delete, then unlock."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        self.release()

    def release(self) -> None:
        """Unlock and leave the file for others to work off."""
        os.close(self._fd)


def parse(text: bytes) -> list[Record]:
    """The records of a ledger's text; what is none is skipped."""
    found = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def _open_own(path: str) -> int:
    """What stands in a ledger is done with our rights, so nobody else may have written it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    status = os.fstat(fd)
    if status.st_uid == os.geteuid() and stat.S_ISREG(status.st_mode) and status.st_nlink < 2:
        return fd
    os.close(fd)
    raise PermissionError(errno.EPERM, "it belongs to somebody else", path)


def _is_still_at(path: str, fd: int) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _read_all(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)
