"""A trio program on a stack of its own, which runs beside it in its trio loop.

The configuration is a daemon's; like a daemon's, its ports are opened by a keeper, which takes everything
back however the script ends.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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
from pystack.daemon.script import run_file, surround_trio
from pystack.daemon.settings import Config, SetupText
from pystack.daemon.setups import read_setup
from pystack.daemon.stack import PortFailed, Stack, build, load
from pystack.drivers.sockets import end_sockets, sockets_of
from pystack.netns import Netns

USAGE: Final = 2
LACKING: Final = 4

ONLY_LO: Final = SetupText("(built-in)", "ip link set lo up\n")


def run_script(
    link: KeeperLink, terms: Terms, setup: str, ns: str, script: str, arguments: Sequence[str]
) -> int:
    """Build, run, take back; the exit code is the script's."""
    log = Log()
    log_through(log)
    logging.getLogger("pystack").setLevel(logging.WARNING)
    ledger = ""
    try:
        config = _configuration(link, terms, setup)
        stack = build(config)
        netns = stack.host.namespaces.get(ns)
        if netns is None:
            raise ConfigError([f"there is no namespace {ns}"])
        place = places.socket_of(config.name, os.environ, os.geteuid())
        link.call("claim", socket=place)
        ledger = places.state_of(place)
        stack.open_ports(KeeperOpener(link, Account.of(config.daemon)))
    except ConfigError as error:
        return _give_up(log, link, ledger, error.complaints, USAGE)
    except KeeperRefused as refused:
        return _give_up(log, link, ledger, [refused.sentence], refused.rc)
    except PortFailed as error:
        return _give_up(log, link, ledger, [str(error)], error.rc)
    except (NotAllowed, KeeperGone, places.NoPlace) as error:
        return _give_up(log, link, ledger, [str(error)], LACKING)
    try:
        run_beside(stack, netns)
        return run_file(script, arguments)
    finally:
        stack.close()
        take_back(link, ledger)


def run_beside(stack: Stack, netns: Netns) -> None:
    """From now on trio.run() runs the pump too, and trio's sockets are those of a namespace."""

    @asynccontextmanager
    async def beside_the_pump() -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stack.pump.run)
            await trio.lowlevel.checkpoint()  # lets the pump set its clock
            with sockets_of(stack.pump, netns):
                yield
            await end_sockets(stack.pump, netns)
            nursery.cancel_scope.cancel()

    surround_trio(beside_the_pump)


def _configuration(link: KeeperLink, terms: Terms, setup: str) -> Config:
    """What the file says; without a file a stack without ports, from a setup or with nothing but lo."""
    link.call("config")
    if terms.config:
        config = load(terms.config, link.read_text, terms.allow_system_changes)
        if config.hooks is not None:
            raise ConfigError(
                [f"{config.file}: hooks: only a daemon (`pystack run`) stands in the kernel's path"]
            )
        return config
    text = read_setup(setup) if setup else ONLY_LO
    return Config(name=f"exec-{os.getpid()}", file="", setups=(text,), ports=())


def _give_up(log: Log, link: KeeperLink, ledger: str, lines: list[str], rc: int) -> int:
    for line in lines:
        log.error(line)
    take_back(link, ledger)
    return rc
