"""Ctrl-C as something to look at between two packets.

An exception in the middle of one would lose it, and the copy would take what follows on its connection for
strange.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Final

_AS_ALWAYS: Final = signal.default_int_handler


class Interrupt:
    """Within `with` the first Ctrl-C is taken down; a second one interrupts as always."""

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> Interrupt:
        if signal.getsignal(signal.SIGINT) is _AS_ALWAYS:  # a shell's background job has it ignored
            signal.signal(signal.SIGINT, self._take_down)
        return self

    def __exit__(self, *_: object) -> None:
        self._let_be()

    def _take_down(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        self._let_be()

    def _let_be(self) -> None:
        if signal.getsignal(signal.SIGINT) == self._take_down:
            signal.signal(signal.SIGINT, _AS_ALWAYS)
