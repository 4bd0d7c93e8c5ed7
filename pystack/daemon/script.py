"""`pystack exec SCRIPT.py`: a trio program on a stack of its own, in its own process and trio loop.

The script is run as Python would run it. It calls trio.run() itself: while that lasts the pump runs beside
the program, and trio makes its sockets here. The configuration is the daemon's; like a daemon's, its ports
are opened by a keeper, which takes everything back however the script ends.
"""

from __future__ import annotations

import logging
import os
import runpy
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from pystack.daemon import places
from pystack.daemon.account import Account, NotAllowed
from pystack.daemon.config import ConfigError
from pystack.daemon.keeper import Terms
from pystack.daemon.keeper_link import KeeperGone, KeeperLink, KeeperRefused, take_back
from pystack.daemon.log import Log
from pystack.daemon.log_handler import log_through
from pystack.daemon.ports import KeeperOpener
from pystack.daemon.settings import Config, SetupText
from pystack.daemon.stack import PortFailed, Stack, build, load
from pystack.drivers.sockets import end_sockets, sockets_of
from pystack.drivers.trio_socket import StackSocket
from pystack.netns import Netns

USAGE: Final = 2
LACKING: Final = 4

ONLY_LO: Final = SetupText("(built-in)", "ip link set lo up\n")

Main = Callable[..., Awaitable[object]]


def run_script(link: KeeperLink, terms: Terms, ns: str, script: str, arguments: Sequence[str]) -> int:
    """Build, run, take back; the exit code is the script's."""
    log = Log()
    log_through(log)
    logging.getLogger("pystack").setLevel(logging.WARNING)
    state = terms.state
    try:
        config = _configuration(link, terms)
        stack = build(config)
        netns = stack.host.namespaces.get(ns)
        if netns is None:
            raise ConfigError([f"there is no namespace {ns}"])
        place = places.socket_of(config.name, os.environ, os.geteuid())
        link.call("claim", socket=place)
        state = state or places.state_of(place)
        stack.open_ports(KeeperOpener(link, Account.of(config.daemon)))
    except ConfigError as error:
        return _give_up(log, link, state, error.complaints, USAGE)
    except KeeperRefused as refused:
        return _give_up(log, link, state, [refused.sentence], refused.rc)
    except PortFailed as error:
        return _give_up(log, link, state, [str(error)], error.rc)
    except (NotAllowed, KeeperGone, places.NoPlace) as error:
        return _give_up(log, link, state, [str(error)], LACKING)
    try:
        with_stack(stack, netns)
        return _run(script, arguments)
    finally:
        stack.close()
        take_back(link, state)


def with_stack(stack: Stack, netns: Netns) -> None:
    """From now on trio.run() runs the pump too, and trio's sockets are those of a namespace."""
    run = trio.run

    def run_with_stack(main: Main, *args: object, **options: object) -> object:
        async def beside_the_pump() -> object:
            failure: BaseException | None = None
            result: object = None
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stack.pump.run)
                await trio.lowlevel.checkpoint()  # lets the pump set its clock
                with sockets_of(stack.pump, netns):
                    try:
                        result = await main(*args)
                    except BaseException as error:  # raised below, where no nursery of ours wraps it
                        failure = error
                await end_sockets(stack.pump, netns)
                nursery.cancel_scope.cancel()
            if failure is not None:
                raise failure
            return result

        try:
            return run(beside_the_pump, **options)  # type: ignore[arg-type]
        except BaseExceptionGroup as group:
            if group.split(KeyboardInterrupt)[1] is None:  # Ctrl-C met the pump: it is the program's
                raise KeyboardInterrupt from None
            raise

    trio.run = run_with_stack  # type: ignore[assignment]
    wrap = trio.socket.from_stdlib_socket

    def wrap_what_is_the_kernels(sock: socket.socket | StackSocket) -> trio.socket.SocketType:
        return sock if isinstance(sock, StackSocket) else wrap(sock)

    trio.socket.from_stdlib_socket = wrap_what_is_the_kernels  # for servers that are handed their sockets


def _configuration(link: KeeperLink, terms: Terms) -> Config:
    """What the file says; without a file a stack with nothing but lo."""
    link.call("config")
    if not terms.config:
        return Config(name=f"exec-{os.getpid()}", file="", setups=(ONLY_LO,), ports=())
    return load(terms.config, link.read_text, terms.allow_system_changes)


def _run(script: str, arguments: Sequence[str]) -> int:
    """As `python3 SCRIPT ARGUMENTS` would."""
    sys.argv = [script, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    return 0


def _give_up(log: Log, link: KeeperLink, state: str, lines: list[str], rc: int) -> int:
    for line in lines:
        log.error(line)
    take_back(link, state)
    return rc
