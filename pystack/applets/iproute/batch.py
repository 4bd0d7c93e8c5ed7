"""`-batch FILE`: one command a line, as `ip` and `bridge` read it."""

from __future__ import annotations

from collections.abc import Callable

from pystack.applets.iproute.options import Options
from pystack.applets.iproute.words import ToolExit, Words
from pystack.applets.requests import FileRefused, Steps, read_file, read_stdin
from pystack.applets.session import Session

OneLine = Callable[[Words, Options, Session], Steps]


def run_batch(path: str, options: Options, session: Session, command: OneLine) -> Steps:
    """Linux: iproute2 lib/utils.c do_batch()"""
    if path == "-":
        content = yield from read_stdin(session.io)
    else:
        try:
            content = yield from read_file(path)
        except FileRefused as refused:
            text = f'Cannot open file "{path}" for reading: {refused.text}\n'
            raise ToolExit(1, text) from None
    rc = 0
    for number, line in _logical_lines(content.decode(errors="replace")):
        argv = _split(line)
        if not argv:
            continue
        try:
            failed = yield from command(Words(argv), options, session)
        except ToolExit as end:
            session.io.err.write(end.text)
            failed = end.code
            if end.leaves:
                return end.code
        if failed:
            session.io.err.write(f"Command failed {path}:{number}\n")
            rc = 1
            if not options.force:
                break
    return rc


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines without comments, joined where they end in a backslash, each with the number of its last.

    Linux: iproute2 lib/utils.c getcmdline()
    """
    found: list[tuple[int, str]] = []
    joined = ""
    for number, line in enumerate(text.split("\n"), start=1):
        plain = line.partition("#")[0]
        if plain.endswith("\\"):
            joined += plain[:-1]
            continue
        found.append((number, joined + plain))
        joined = ""
    return found


def _split(line: str) -> list[str]:
    """Words; one that begins with a quote goes to the next such quote. Linux: lib/utils.c makeargs()"""
    if "'" not in line and '"' not in line:
        return line.split()
    words: list[str] = []
    rest = line.lstrip(" \t\r\n")
    while rest:
        if rest[0] in "'\"":
            end = rest.find(rest[0], 1)
            if end < 0:
                raise ToolExit(1, "Unterminated quoted string\n")
            words.append(rest[1:end])
            rest = rest[end + 1 :]
        else:
            word = rest.split(maxsplit=1)[0]
            words.append(word)
            rest = rest[len(word) :]
        rest = rest.lstrip(" \t\r\n")
    return words
