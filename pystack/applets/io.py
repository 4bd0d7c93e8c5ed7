"""The streams of a running applet: it writes, its driver takes, nobody waits in between."""

from __future__ import annotations

from collections import deque
from typing import Final

OUT: Final = "out"
ERR: Final = "err"


class Output:
    """Where an applet writes: standard output, standard error, or a file of the user's.

    `stream` is the name under which the octets reach the driver: "out", "err", or what the driver itself
    called a file that it opened.
    """

    __slots__ = ("_pending", "closed", "stream")

    def __init__(self, stream: str, pending: deque[tuple[str, bytes]]) -> None:
        self.stream = stream
        self.closed = False
        self._pending = pending

    def write(self, text: str | bytes) -> None:
        """Append; text becomes UTF-8."""
        octets = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        if octets:
            self._pending.append((self.stream, octets))

    def line(self, text: str = "") -> None:
        """Write a line."""
        self.write(text + "\n")

    def close(self) -> None:
        """No more follows: a file is told by an empty chunk, the standard streams live on."""
        if not self.closed and self.stream not in (OUT, ERR):
            self.closed = True
            self._pending.append((self.stream, b""))


class InertOutput(Output):
    """To a terminal: what would steer it is shown instead of obeyed."""

    __slots__ = ()

    def write(self, text: str | bytes) -> None:
        """Append; lines and tabs stay what they are."""
        super().write(inert(text.decode(errors="surrogateescape") if isinstance(text, bytes) else text))


def inert(text: str) -> str:
    """Text that may hold what a packet or a user's rule says, made harmless for a terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in text)


class Io:
    """What an applet has instead of file descriptors.

    `pending` holds the chunks that the driver has not taken yet, out, err and files in the order in which
    they were written. `stdin` is None where reading means asking the driver.
    """

    __slots__ = ("columns", "err", "out", "pending", "stdin", "tty", "utc_offset")

    def __init__(self, *, tty: bool = False, columns: int = 80, utc_offset: int = 0) -> None:
        self.pending: deque[tuple[str, bytes]] = deque()
        self.out = Output(OUT, self.pending)
        self.err = Output(ERR, self.pending)
        self.stdin: bytes | None = None
        self.tty = tty
        self.columns = columns
        self.utc_offset = utc_offset  # of the user's time zone, in seconds: tcpdump prints local time

    def redirected(self, out: Output | None = None, stdin: bytes | None = None) -> Io:
        """The same streams, standard output or input replaced by a shell's `>` or `<`."""
        twin = Io(tty=self.tty and out is None, columns=self.columns, utc_offset=self.utc_offset)
        twin.pending = self.pending
        twin.out = self.out if out is None else out
        twin.err = self.err
        twin.stdin = self.stdin if stdin is None else stdin
        return twin

    def inert(self) -> Io:
        """The same streams for an applet that never steers the terminal itself."""
        twin = self.redirected()
        twin.out = InertOutput(self.out.stream, self.pending)
        twin.err = InertOutput(self.err.stream, self.pending)
        return twin

    def take(self) -> list[tuple[str, bytes]]:
        """All chunks written since the last time, each with its stream's name; b"" closes a file."""
        chunks = list(self.pending)
        self.pending.clear()
        return chunks
