"""Numbers that processes share: a beat that says one of them is alive, and what each queue saw."""

from __future__ import annotations

import mmap
import struct
from typing import Final

_NUMBER: Final = struct.Struct("=Q")


class Heart:
    """Made before the processes part."""

    def __init__(self, queues: int) -> None:
        self._memory = mmap.mmap(-1, _NUMBER.size * (queues + 1))

    def beat(self) -> None:
        """Still alive."""
        self._set(0, self._get(0) + 1)

    @property
    def beats(self) -> int:
        """How often it has beaten."""
        return self._get(0)

    def saw(self, queue: int, packets: int) -> None:
        """A queue, by its place, handed over so many more."""
        self._set(queue + 1, self._get(queue + 1) + packets)

    def seen(self, queue: int) -> int:
        """How many that are by now."""
        return self._get(queue + 1)

    def _get(self, at: int) -> int:
        number: int = _NUMBER.unpack_from(self._memory, at * _NUMBER.size)[0]
        return number

    def _set(self, at: int, value: int) -> None:
        _NUMBER.pack_into(self._memory, at * _NUMBER.size, value)
