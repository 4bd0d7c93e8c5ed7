"""Lines on standard error, as the journal wants them when it listens, and for eyes otherwise."""

from __future__ import annotations

import os
import sys
from typing import Final

# Linux: include/linux/kern_levels.h; systemd reads them in angle brackets
ERROR: Final = 3
WARNING: Final = 4
INFO: Final = 6
DEBUG: Final = 7


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
    """One line a message; a message of several lines becomes several."""

    def __init__(self, name: str = "pystack") -> None:
        self.name = name
        self.journal = is_journal()

    def write(self, level: int, text: str) -> None:
        """Say it; a standard error that is gone is no reason to end."""
        begin = f"<{level}>" if self.journal else f"{self.name}: "
        lines = "".join(f"{begin}{line}\n" for line in text.splitlines() or [""])
        try:
            sys.stderr.write(lines)
            sys.stderr.flush()
        except (OSError, ValueError):
            pass

    def info(self, text: str) -> None:
        """What went as it should."""
        self.write(INFO, text)

    def warning(self, text: str) -> None:
        """What somebody should look at."""
        self.write(WARNING, text)

    def error(self, text: str) -> None:
        """What failed."""
        self.write(ERROR, text)
