"""The small commands that setups lean on: echo, cat, true, sleep, set, modprobe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pystack.applets import procfs
from pystack.applets.requests import FileRefused, Steps, read_file, read_stdin, sleep_until
from pystack.applets.session import Applet, Session
from pystack.errors import NetError, NotModelled

# Kernel modules whose work the stack always does.
BUILT_IN_MODULES: Final = ("8021q", "br_netfilter", "bridge", "dummy", "tun", "veth")

_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}

Plain = Callable[[Sequence[str], Session], int]


def at_once(function: Plain) -> Applet:
    """An applet of a function that asks for nothing."""

    def run(args: Sequence[str], session: Session) -> Steps:
        return function(args, session)
        yield  # what makes a generator of it

    return run


def _true(args: Sequence[str], session: Session) -> int:
    return 0


def _false(args: Sequence[str], session: Session) -> int:
    return 1


def _set(args: Sequence[str], session: Session) -> int:
    for option in args:
        if option not in ("-e", "-x", "-u", "-ex", "-eu", "-eux", "-ux"):
            raise NotModelled(f"set {option}", ("-e",))
    return 0


def _echo(args: Sequence[str], session: Session) -> int:
    """As dash does: backslash escapes mean something, -n is the only option."""
    newline = True
    if args and args[0] == "-n":
        args, newline = args[1:], False
    text, stopped = _unescape(" ".join(args))
    session.io.out.write(text + ("\n" if newline and not stopped else ""))
    return 0


def _unescape(text: str) -> tuple[str, bool]:
    """The text with its escapes done, and whether a `\\c` ended it."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        following = text[at + 1 : at + 2]
        if text[at] != "\\" or not following:
            parts.append(text[at])
            at += 1
        elif following == "c":
            return "".join(parts), True
        elif following == "0":
            end = at + 2
            while end < min(at + 5, len(text)) and text[end] in "01234567":
                end += 1
            parts.append(chr(int(text[at + 2 : end] or "0", 8) & 0xFF))
            at = end
        else:
            parts.append(_ESCAPES.get(following, "\\" + following))
            at += 2
    return "".join(parts), False


def _modprobe(args: Sequence[str], session: Session) -> int:
    names = [word for word in args if not word.startswith("-")]
    for option in args:
        if option.startswith("-") and option not in ("-q", "-a", "-v", "--quiet", "--all"):
            raise NotModelled(f"modprobe {option}", ("-a", "-q", "-v"))
    for name in names:
        if name.replace("-", "_") not in BUILT_IN_MODULES:
            raise NotModelled(f"module {name}", BUILT_IN_MODULES)
    return 0


def _cat(args: Sequence[str], session: Session) -> Steps:
    rc = 0
    for path in args or ("-",):
        if path.startswith("-") and path != "-":
            raise NotModelled(f"cat {path}")
        try:
            if path == "-":
                session.io.out.write((yield from read_stdin(session.io)))
            elif procfs.is_proc(path):
                session.io.out.write(procfs.read(session.netns, path))
            else:
                session.io.out.write((yield from read_file(path)))
        except (FileRefused, NetError) as error:
            session.io.err.line(f"cat: {path}: {error.text}")
            rc = 1
    return rc


def _sleep(args: Sequence[str], session: Session) -> Steps:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    seconds = 0.0
    if not args:
        session.io.err.write("sleep: missing operand\nTry 'sleep --help' for more information.\n")
        return 1
    for word in args:
        number, factor = (word[:-1], units[word[-1]]) if word[-1:] in units else (word, 1)
        try:
            seconds += float(number) * factor
        except ValueError:
            session.io.err.write(
                f"sleep: invalid time interval ‘{word}’\nTry 'sleep --help' for more information.\n"
            )
            return 1
    yield from sleep_until(session.host.clock.now + seconds)
    return 0


BUILTINS: Final[dict[str, Applet]] = {
    ":": at_once(_true),
    "true": at_once(_true),
    "false": at_once(_false),
    "set": at_once(_set),
    "echo": at_once(_echo),
    "modprobe": at_once(_modprobe),
    "cat": _cat,
    "sleep": _sleep,
}
