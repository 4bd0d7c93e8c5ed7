"""Writing what a command prints, all of it or a sentence why not."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable
from typing import Final

STREAMS: Final = {1: "standard output", 2: "standard error"}


class OutputFailed(Exception):
    """The disk is full, or the like; the text is the sentence. A reader who went is a BrokenPipeError."""


def gathered(chunks: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The same octets in fewer pieces: a tool prints a line in five, and each would be a frame of its own.

    A piece of no octets closes its stream, and stays alone.
    """
    pieces: list[tuple[str, list[bytes]]] = []
    for stream, octets in chunks:
        if octets and pieces and pieces[-1][0] == stream and pieces[-1][1][0]:
            pieces[-1][1].append(octets)
        else:
            pieces.append((stream, [octets]))
    return [(stream, b"".join(several)) for stream, several in pieces]


def write_all(fd: int, octets: bytes) -> None:
    """Every octet, as fast as the reader reads. Raises OutputFailed, BrokenPipeError."""
    view = memoryview(octets)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # somebody set our terminal to non-blocking
            select.select([], [fd], [])
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputFailed(f"{STREAMS.get(fd, 'a file')} cannot be written: {error.strerror}") from None
