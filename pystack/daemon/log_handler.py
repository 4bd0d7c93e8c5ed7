"""What the shell says through `logging`, on its way to standard error; apart from log.py, so that the keeper
does without it.
"""

from __future__ import annotations

import logging
from typing import Final

from pystack.daemon import log
from pystack.daemon.log import Log

LEVELS: Final = {
    logging.DEBUG: log.DEBUG,
    logging.INFO: log.INFO,
    logging.WARNING: log.WARNING,
    logging.ERROR: log.ERROR,
}


class Handler(logging.Handler):
    """Hands every record to a Log."""

    def __init__(self, to: Log) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        """One record, with its traceback if it has one."""
        self._to.write(LEVELS.get(record.levelno, log.ERROR), self.format(record))


def log_through(to: Log) -> None:
    """From now on everything that pystack logs goes there."""
    logger = logging.getLogger("pystack")
    logger.handlers = [Handler(to)]
    logger.propagate = False
    logger.setLevel(logging.INFO)
