"""What a running applet asks of whoever runs it: the whole vocabulary between the two.

An applet is a generator. It yields one of the requests below, and is resumed with the answer when there is
one; what it prints it writes into its Io at any time, and its driver passes that on before it resumes it. The
value that it returns is its exit code.

    request       answer                                     refused by throwing
    Wait          True: the condition holds; False: too late Interrupted
    Flush         None, once what was written has been taken Interrupted
    ReadOrWait    the next octets of standard input, or as Wait     Interrupted
    Read          the next octets of standard input, b"" = end Interrupted
    ReadFile      all octets of the file                     FileRefused
    FindFiles     the names found, one a line                FileRefused
    WriteFile     an Output: write(), close()                FileRefused

A driver may throw Interrupted at any request, and closes the generator when its user has gone. Three drivers
speak this: virtual.py (lab, in-process), and the daemon's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

from pystack.applets.io import Io, Output

SIGINT: Final = 2
SIGQUIT: Final = 3
SIGTERM: Final = 15


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on as soon as `condition()` holds, at the latest when the host's `clock.now` reaches `deadline`.

    The condition is cheap and changes nothing: it is asked after every burst of packets and timers. Without
    a condition this is a sleep; without a deadline only the condition or a signal ends it.
    """

    condition: Callable[[], bool] | None = None
    deadline: float | None = None

    def holds(self) -> bool:
        """Whether what was waited for is there."""
        return self.condition is not None and self.condition()


@dataclass(frozen=True, slots=True)
class ReadOrWait(Wait):
    """Some octets of standard input, or what a Wait waits for: whichever comes first.

    A driver whose user types nothing more answers b"" once; not to be asked for again after that.
    """


@dataclass(frozen=True, slots=True)
class Flush:
    """Go on once the reader has taken what was written: asked by those who write much."""


@dataclass(frozen=True, slots=True)
class Read:
    """Some octets of standard input."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """All of a file of the user's, opened with the user's rights and from the user's folder."""

    path: str


@dataclass(frozen=True, slots=True)
class FindFiles:
    """The files of the user's that a pattern finds, as glob(3) sorts them; those of folders end with `/`."""

    pattern: str


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file of the user's, made or made empty, opened as above."""

    path: str


Request = Wait | ReadOrWait | Flush | Read | ReadFile | FindFiles | WriteFile
Answer = bool | bytes | Output | None
Steps = Generator[Request, Answer, int]


class Interrupted(Exception):
    """The user sent a signal (Ctrl-C is SIGINT)."""

    def __init__(self, signal: int = SIGINT) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal


class FileRefused(Exception):
    """A file cannot be opened, read or written; the text is strerror()'s."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.path = path
        self.text = text


def wait(condition: Callable[[], bool], deadline: float | None = None) -> Generator[Request, Answer, bool]:
    """Whether the condition came true in time."""
    answer = yield Wait(condition, deadline)
    return answer is True


def sleep_until(deadline: float) -> Generator[Request, Answer, None]:
    """Do nothing until then."""
    yield Wait(None, deadline)


def read_file(path: str) -> Generator[Request, Answer, bytes]:
    """All octets of a file. Raises FileRefused."""
    answer = yield ReadFile(path)
    assert isinstance(answer, bytes)
    return answer


def find_files(pattern: str) -> Generator[Request, Answer, list[str]]:
    """The names that a pattern finds. Raises FileRefused."""
    answer = yield FindFiles(pattern)
    assert isinstance(answer, bytes)
    return answer.decode(errors="surrogateescape").splitlines()


def write_file(path: str) -> Generator[Request, Answer, Output]:
    """A file to write into. Raises FileRefused."""
    answer = yield WriteFile(path)
    assert isinstance(answer, Output)
    return answer


def read_stdin(io: Io) -> Generator[Request, Answer, bytes]:
    """All of standard input: what a shell's `<` put there, else what the user types until its end."""
    if io.stdin is not None:
        given, io.stdin = io.stdin, b""
        return given
    parts: list[bytes] = []
    while True:
        answer = yield Read()
        assert isinstance(answer, bytes)
        if not answer:
            return b"".join(parts)
        parts.append(answer)
