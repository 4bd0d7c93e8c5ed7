"""`sh`: runs a setup, command by command, and stops at the first that fails, as `sh -e` does.

Errors say where: `pystack: lab.setup:12: …`. Faults of the text itself are all told before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence

from pystack.applets import procfs
from pystack.applets.io import Io
from pystack.applets.job import KILLED
from pystack.applets.lexer import Command, parse
from pystack.applets.requests import (
    SIGINT,
    SIGQUIT,
    Answer,
    FileRefused,
    Interrupted,
    Read,
    Request,
    Steps,
    read_file,
    read_stdin,
    write_file,
)
from pystack.applets.session import Session
from pystack.errors import NetError, NotModelled

PROMPT = "# "
ENDS = ("exit", "quit")  # what ends a prompt; a setup knows exit alone, as sh does
SYNTAX_ERROR = 2

HELP = """\
usage: pystack sh [-e] [-c TEXT | FILE]

Runs commands one after the other and ends at the first that fails, with its exit code; without a text or a
file it reads standard input, and on a terminal it prompts and goes on after what fails.

  a; b   # comment   \\ at the end of a line   'quotes' and "quotes"   < FILE   > FILE   << END

Everything else of a shell (|, ||, &&, &, $NAME, $?, $( ), file name patterns, loops) is refused before
anything runs, and there is no set +e: a command that may fail is run by itself, pystack COMMAND.
"""

Refusal = Callable[[str], str | None]  # why a command's name is refused; None if it is known


def run(args: Sequence[str], session: Session) -> Steps:
    """`sh [-e] [-c TEXT | FILE]`; without either, what is typed or piped in."""
    if args in (["-h"], ["--help"]):
        session.io.out.write(HELP)
        return 0
    rest = list(args)
    while rest and rest[0] in ("-e", "-x", "-u", "-ex", "-eu"):
        del rest[0]
    if rest[:1] == ["-c"]:
        if len(rest) < 2:
            session.io.err.line("pystack: sh: -c requires an argument")
            return SYNTAX_ERROR
        return (yield from _run_typed(rest[1], "-c", session))
    if rest and rest[0].startswith("-") and rest[0] != "-":
        session.io.err.line(f"pystack: sh: {rest[0]} is not modelled (known: -c, -e)")
        return SYNTAX_ERROR
    if rest and rest[0] != "-":
        return (yield from _run_file(rest[0], session))
    if session.io.tty and session.io.stdin is None:
        return (yield from _converse(session))
    text = yield from read_stdin(session.io)
    return (yield from _run_typed(text.decode(errors="surrogateescape"), "-", session))


def _run_file(path: str, session: Session) -> Steps:
    try:
        content = yield from read_file(path)
    except FileRefused as refused:
        session.io.err.line(f"pystack: {refused}")
        return SYNTAX_ERROR
    return (yield from _run_typed(content.decode(errors="surrogateescape"), path, session))


def faults(text: str, filename: str, refusal: Refusal | None = None) -> list[str]:
    """All that can be known to be wrong before anything runs, one line each, in the order of the text."""
    commands, wrong = parse(text)
    found = [(fault.line, fault.text) for fault in wrong]
    for command in commands:
        name = command.words[0]
        if command.words[1:2] == ["="]:
            found.append((command.line, f"{name} = … is no command (pystack run -c takes configurations)"))
        elif refusal is not None and name != "exit" and (why := refusal(name)) is not None:
            found.append((command.line, why))
    return [f"pystack: {filename}:{line}: {what}" for line, what in sorted(found, key=lambda pair: pair[0])]


def _run_typed(text: str, filename: str, session: Session) -> Steps:
    """Run what a user gave to `sh`: told too that a fault further down kept the rest from running."""
    commands, _ = parse(text)
    rc = yield from run_text(text, filename, session)
    would_run = any(session.commands.refusal(command.words[0]) is None for command in commands)
    if would_run and faults(text, filename, session.commands.refusal):
        session.io.err.line(f"pystack: {filename}: nothing was run")
    return rc


def run_text(text: str, filename: str, session: Session) -> Steps:
    """Run a whole setup."""
    wrong = faults(text, filename, session.commands.refusal)
    commands, _ = parse(text)
    if wrong:
        session.io.err.write("".join(f"{line}\n" for line in wrong))
        return SYNTAX_ERROR
    return (yield from _run_commands(commands, filename, session))


def _run_commands(commands: Iterable[Command], filename: str, session: Session) -> Steps:
    for command in commands:
        if command.words[0] == "exit":
            return _exit_code(command.words)
        where = session.host.origins.place(filename, command.line)
        rc = yield from _obeying(where, run_command(command, filename, session), session)
        if rc != 0:
            place = f"{filename}:{command.line}"  # of the text: whoever reads this may go on behind it
            session.io.err.line(f"pystack: {place}: {_shown(command.words)}: exit code {rc}")
            return rc
    return 0


def _obeying(where: str, steps: Steps, session: Session) -> Steps:
    """Run a command, so that what it makes is known to come from this line; not what others make while it
    waits.
    """
    origins = session.host.origins
    answer: Answer = None
    thrown: BaseException | None = None
    while True:
        outer, origins.line = origins.line, where
        try:
            request = steps.send(answer) if thrown is None else steps.throw(thrown)
        except StopIteration as ended:
            return int(ended.value)
        finally:
            origins.line = outer
        try:
            answer, thrown = (yield request), None
        except BaseException as error:
            answer, thrown = None, error


def run_command(command: Command, filename: str, session: Session) -> Steps:
    """One simple command with its redirections."""
    io, kernel_file = session.io, None
    try:
        stdin = yield from _input_of(command, session)
        if command.stdout_path is not None and procfs.is_proc(command.stdout_path):
            kernel_file = Io()
            io = io.redirected(out=kernel_file.out, stdin=stdin)
        elif command.stdout_path is not None:
            target = yield from write_file(command.stdout_path)
            io = io.redirected(out=target, stdin=stdin)
        elif stdin is not None:
            io = io.redirected(stdin=stdin)
    except FileRefused as refused:
        session.io.err.line(f"pystack: {filename}:{command.line}: cannot open {refused}")
        return SYNTAX_ERROR
    except NotModelled as refused:
        session.io.err.line(f"pystack: {filename}:{command.line}: {refused}")
        return SYNTAX_ERROR
    rc = yield from session.with_io(io).call(command.words)
    if command.stdout_path is not None and kernel_file is None:
        io.out.close()
    if kernel_file is not None and command.stdout_path is not None and rc == 0:
        where = f"pystack: {filename}:{command.line}"
        rc = _write_kernel_file(command.stdout_path, kernel_file, session, where)
    return rc


def _input_of(command: Command, session: Session) -> Generator[Request, Answer, bytes | None]:
    if command.stdin_text is not None:
        return command.stdin_text.encode(errors="surrogateescape")
    if command.stdin_path is None:
        return None
    if procfs.is_proc(command.stdin_path):
        try:
            return procfs.read(session.netns, command.stdin_path).encode()
        except NetError as error:
            raise FileRefused(command.stdin_path, error.text) from None
    return (yield from read_file(command.stdin_path))


def _write_kernel_file(path: str, written: Io, session: Session, where: str) -> int:
    text = b"".join(chunk for _, chunk in written.take()).decode(errors="replace")
    try:
        session.host.origins.note(procfs.write(session.netns, path, text))
    except NetError as error:
        session.io.err.line(f"{where}: cannot write {path}: {error.text}")
        return 1
    except NotModelled as refused:
        session.io.err.line(f"{where}: {refused}")
        return SYNTAX_ERROR
    return 0


def _converse(session: Session) -> Steps:
    """A prompt: a command that fails is told and forgotten; its end is the end of the input, or `exit`."""
    typed, rc = "", 0
    while True:
        session.io.out.write(PROMPT if not typed else "> ")
        try:
            octets = yield Read()
        except Interrupted as interrupted:
            _go_on_after(interrupted, session)
            typed = ""
            continue
        assert isinstance(octets, bytes)
        if not octets:
            session.io.out.line()
            return rc
        typed += octets.decode(errors="surrogateescape")
        commands = _typed_commands(typed, session)
        if commands is None:
            continue
        typed = ""
        for command in commands:
            if command.words[0] in ENDS:
                return _exit_code(command.words, rc)
            try:
                rc = yield from _obey(command, session)
            except Interrupted as interrupted:
                _go_on_after(interrupted, session)
                rc = KILLED + interrupted.signal
                break


def _go_on_after(interrupted: Interrupted, session: Session) -> None:
    """Ctrl-C and Ctrl-\\ give up a line or a command; what ends a session is passed on."""
    if interrupted.signal not in (SIGINT, SIGQUIT):
        raise interrupted
    session.io.out.line()


def _typed_commands(typed: str, session: Session) -> Sequence[Command] | None:
    """What was typed, none of it if it has faults, which are told; None if it is to go on."""
    if not typed.endswith("\n") or typed.endswith("\\\n"):
        return None
    if any((sign < " " and sign not in "\t\n") or sign == "\x7f" for sign in typed):
        session.io.err.line("pystack: arrows and other such keys do nothing here: type the line again")
        return ()
    commands, wrong = parse(typed)
    if wrong and all(fault.incomplete for fault in wrong):
        return None
    for fault in wrong:
        session.io.err.line(f"pystack: {fault.text}")
    return () if wrong else commands


def _obey(command: Command, session: Session) -> Steps:
    if command.words != ["help"]:
        return (yield from run_command(command, "-", session))
    session.io.out.line(f"commands: {' '.join(session.commands.names)}")
    session.io.out.line("`ip help`, `ip link help`, `bridge help`, `ping -h` say more; `exit` ends")
    return 0


def _exit_code(words: Sequence[str], last: int = 0) -> int:
    return int(words[1]) & 0xFF if len(words) > 1 and words[1].isdigit() else last


def _shown(words: Sequence[str]) -> str:
    return " ".join(word if word and not set(word) & set(" \t\n'\"\\;<>#") else repr(word) for word in words)
