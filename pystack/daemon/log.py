"""Lines on standard error, as the journal wants them when it listens, and for eyes otherwise."""

from __future__ import annotations

import os
import select
from typing import Final

# Linux: include/linux/kern_levels.h; systemd reads them in angle brackets
ERROR: Final = 3
WARNING: Final = 4
INFO: Final = 6
DEBUG: Final = 7

LONGEST: Final = 4096  # octets of a line: a pipe that is ready takes that many at once (PIPE_BUF)


def is_journal(fd: int = 2) -> bool:
    """Whether this descriptor is the very stream that JOURNAL_STREAM names: it is inherited by children
    whose standard error goes elsewhere.
    """
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class Log:
    """One line a message; a message of several lines becomes several.

    A line that the reader of standard error is not ready for is dropped and counted, as the kernel does with
    its own log: nobody who does not read shall stop packets.
    """

    def __init__(self, name: str = "pystack", fd: int = 2) -> None:
        self.name = name
        self.lost = 0
        self.journal = is_journal(fd)
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def write(self, level: int, text: str) -> None:
        """Say it; a standard error that is gone is no reason to end."""
        for line in text.splitlines() or [""]:
            if self.lost and self._say(WARNING, f"{self.lost} lines of this log were lost: nobody read"):
                self.lost = 0
            if not self._say(level, line):
                self.lost += 1

    def _say(self, level: int, line: str) -> bool:
        begin = f"<{level}>" if self.journal else f"{self.name}: "
        octets = f"{begin}{line}".encode(errors="backslashreplace")[: LONGEST - 1] + b"\n"
        try:
            if not self._poll.poll(0):
                return False
            os.write(self._fd, octets)
        except OSError:
            pass
        return True

    def info(self, text: str) -> None:
        """What went as it should."""
        self.write(INFO, text)

    def warning(self, text: str) -> None:
        """What somebody should look at."""
        self.write(WARNING, text)

    def error(self, text: str) -> None:
        """What failed."""
        self.write(ERROR, text)
