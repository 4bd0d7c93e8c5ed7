"""How a run that is told to end ends: by an exception, which passes every clean-up on its way."""

from __future__ import annotations

import signal
from typing import Final, NoReturn

ENDING: Final = (signal.SIGTERM, signal.SIGHUP)  # SIGINT raises KeyboardInterrupt already


def end_cleanly() -> None:
    """From now on the signals that end a process let it put back first what it changed on the machine."""
    for number in ENDING:
        signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:
    """Told again while it cleans up, it goes on cleaning up."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)
