"""`pystack exec SCRIPT.py`: a trio program on pystack's sockets, in a process and a trio loop of its own.

The script is run as Python would run it, with the rights, streams and signals of whoever started it. It calls
trio.run() itself: while that lasts, trio makes pystack's sockets. They are those of a daemon, to which the
program's socket calls go (script_on_daemon), or of a stack that lives as long as the script (script_on_own).
"""

from __future__ import annotations

import os
import runpy
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import trio

from pystack.drivers.program_socket import ProgramSocket

Main = Callable[..., Awaitable[object]]
Surroundings = Callable[[], AbstractAsyncContextManager[None]]


def surround_trio(surroundings: Surroundings) -> None:
    """From now on the main task of every trio.run() runs inside these."""
    run = trio.run

    def run_inside(main: Main, *args: object, **options: object) -> object:
        async def inside() -> object:
            failure: BaseException | None = None
            result: object = None
            async with surroundings():
                try:
                    result = await main(*args)
                except BaseException as error:  # raised below, where no nursery of ours wraps it
                    failure = error
            if failure is not None:
                raise failure
            return result

        try:
            return run(inside, **options)  # type: ignore[arg-type]
        except BaseExceptionGroup as group:
            if group.split(KeyboardInterrupt)[1] is None:  # Ctrl-C met a task of ours: it is the program's
                raise KeyboardInterrupt from None
            raise

    trio.run = run_inside  # type: ignore[assignment]
    wrap = trio.socket.from_stdlib_socket

    def wrap_what_is_the_kernels(sock: socket.socket | ProgramSocket) -> trio.socket.SocketType:
        if isinstance(sock, ProgramSocket):
            return sock
        if sock.family in (socket.AF_INET, socket.AF_INET6):  # or who would know why pystack hears nothing
            host, port = sock.getsockname()[:2]
            sys.stderr.write(
                f"pystack: exec: the program made a socket of the kernel's: {host} port {port}\n"
            )
        return wrap(sock)

    trio.socket.from_stdlib_socket = wrap_what_is_the_kernels  # for servers that are handed their sockets


def run_file(script: str, arguments: Sequence[str]) -> int:
    """As `python3 SCRIPT ARGUMENTS` would; the exit code."""
    sys.argv = [script, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except Exception as error:
        error.__traceback__ = _from_script_on(error.__traceback__, script)
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _from_script_on(trace: TracebackType | None, script: str) -> TracebackType | None:
    """Without how we came to run the script; nothing of it if the script never ran, as in a syntax error."""
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(script):
        trace = trace.tb_next
    return trace
