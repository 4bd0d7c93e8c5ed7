"""Numbers that processes share: a beat that says one of them is alive, what is to become of packets that
nobody decides about, and what became of all.
"""

from __future__ import annotations

import mmap
import struct
from enum import IntEnum
from typing import Final

_NUMBER: Final = struct.Struct("=Q")
_BEATS, _STRICT, _COMMON = range(3)


class Of(IntEnum):
    """What is counted of a queue; each is written by one process alone."""

    SEEN = 0  # handed over
    LATE = 1  # let go on because nobody had decided by the deadline, or could be asked
    RELEASED = 2  # let go on by the keeper, because whoever answers did not
    UNCOMPARED = 3  # not shown to anybody: there were too many
    GONE = 4  # no count: the number up to which the keeper has let them go


class Heart:
    """Made before the processes part."""

    def __init__(self, queues: int) -> None:
        self._memory = mmap.mmap(-1, _NUMBER.size * (queues * len(Of) + _COMMON))

    def beat(self) -> None:
        """Still alive."""
        self._set(_BEATS, self._get(_BEATS) + 1)

    @property
    def beats(self) -> int:
        """How often it has beaten."""
        return self._get(_BEATS)

    @property
    def is_strict(self) -> bool:
        """Whether what nobody decides about is dropped."""
        return bool(self._get(_STRICT))

    @is_strict.setter
    def is_strict(self, value: bool) -> None:
        self._set(_STRICT, value)

    def count(self, queue: int, what: Of, packets: int = 1) -> None:
        """So many more of a queue, by its place."""
        at = _place(queue, what)
        self._set(at, self._get(at) + packets)

    def note(self, queue: int, what: Of, number: int) -> None:
        """It is this now."""
        self._set(_place(queue, what), number)

    def counted(self, queue: int, what: Of) -> int:
        """How many that are by now."""
        return self._get(_place(queue, what))

    def _get(self, at: int) -> int:
        number: int = _NUMBER.unpack_from(self._memory, at * _NUMBER.size)[0]
        return number

    def _set(self, at: int, value: int) -> None:
        _NUMBER.pack_into(self._memory, at * _NUMBER.size, value)


def _place(queue: int, what: Of) -> int:
    return _COMMON + queue * len(Of) + what
