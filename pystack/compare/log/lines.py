"""Octets of a log, as they come, cut into lines: no line is longer than LONGEST, whatever comes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

LONGEST: Final = 16384  # octets of a line; the kernel's have a thousand at most, a journal adds to them
_BINARY_FIELD: Final = re.compile(rb"[A-Z_][A-Z0-9_]{0,63}")
_EXPORT_BEGINS: Final = (b"__CURSOR=", b"__REALTIME_TIMESTAMP=")
_SIZE: Final = 8  # octets that say how long a binary field of journalctl -o export is


class Cutter:
    """Feed it octets; it gives the lines that are complete, each with its number."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._number = 0
        self._is_skipping = False  # the rest of a line that is too long
        self._is_export = False
        self._field = b""  # a binary field whose size, or whose octets, are still to come
        self._wants = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """The lines that end in this chunk."""
        self._held += chunk
        while True:
            line = self._binary() if self._field else self._line()
            if line is None:
                return
            if line:
                yield self._number, bytes(line)

    def end(self) -> Iterator[tuple[int, bytes]]:
        """The last line, if nothing ended it."""
        if self._held and not self._is_skipping and not self._field:
            yield self._number + 1, bytes(self._held)
        self._held.clear()

    def _line(self) -> bytes | None:
        """The next whole line with its end; nothing of one that is skipped."""
        at = self._held.find(b"\n")
        if at < 0:
            return self._too_long() if len(self._held) > LONGEST else None
        line = bytes(self._held[: at + 1])
        del self._held[: at + 1]
        if self._is_skipping:
            self._is_skipping = False
            return b""
        self._number += 1
        self._is_export = self._is_export or line.startswith(_EXPORT_BEGINS)
        if self._is_export and _BINARY_FIELD.fullmatch(line[:-1]):
            self._field, self._wants = line[:-1], 0
            return b""
        return line[:LONGEST]

    def _too_long(self) -> bytes:
        """The beginning of a line whose end is not there yet, and will not be kept."""
        line = b"" if self._is_skipping else bytes(self._held[:LONGEST])
        self._number += not self._is_skipping
        self._is_skipping = True
        self._held.clear()
        return line

    def _binary(self) -> bytes | None:
        """`FIELD=…` of a field that is given with its length, because it holds what would end a line."""
        if not self._wants:
            if len(self._held) < _SIZE:
                return None
            self._wants = int.from_bytes(self._held[:_SIZE], "little") + 1  # with the line's end
            del self._held[:_SIZE]
            if self._wants > LONGEST:
                self._field = b""
                return b""
        if len(self._held) < self._wants:
            return None
        line = self._field + b"=" + bytes(self._held[: self._wants]).replace(b"\n", b" ").strip()
        del self._held[: self._wants]
        self._field = b""
        return line
