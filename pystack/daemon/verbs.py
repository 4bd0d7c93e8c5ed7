"""pystack's own words, as far as the daemon answers them: status, reload, stop, setup."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Final, Protocol

import trio

from pystack.daemon.config import ConfigError
from pystack.daemon.connection import Connection
from pystack.daemon.control import Serve
from pystack.daemon.hooks_section import HooksFailed
from pystack.daemon.json_output import json_refusal
from pystack.daemon.keeper_link import KeeperGone
from pystack.daemon.protocol import ERR, OUT, Request
from pystack.daemon.stack import PortFailed
from pystack.daemon.status import Facts, render

DONE: Final = 0
USAGE: Final = 2
LACKING: Final = 4


class Subject(Protocol):
    """The daemon, as the verbs see it."""

    async def facts(self) -> Facts:
        """How it is."""

    def setup(self) -> list[str]:
        """The running state as a setup."""

    async def lost_by_reload(self) -> list[str]:
        """What was typed and stands in no file, and what a reload brings. Raises ConfigError, HooksFailed."""

    async def reload(self) -> None:
        """Take in the configuration as it is now. Raises ConfigError, PortFailed, KeeperGone,
        HooksFailed.
        """

    def stop(self, why: str, waiting: socket.socket | None = None) -> None:
        """End soon; `waiting` hears of it once nothing is left."""


class Verbs:
    """What each word does."""

    def __init__(self, daemon: Subject) -> None:
        self._daemon = daemon

    def table(self) -> Mapping[str, Serve]:
        """For the control server."""
        return {"status": self.status, "reload": self.reload, "stop": self.stop, "setup": self.setup}

    async def status(self, client: Connection, request: Request) -> int:
        """`pystack status`: how the daemon is."""
        if refused := await _refuse_arguments(client, request, ("--json",)):
            return refused
        facts = await self._daemon.facts()
        as_json = request.json or "--json" in request.argv
        text = json.dumps({"v": 1, **facts}) + "\n" if as_json else render(facts)
        await client.send(OUT, text.encode())
        return DONE

    async def setup(self, client: Connection, request: Request) -> int:
        """`pystack setup`: the commands that would make this stack."""
        if refused := await _refuse_arguments(client, request, ()):
            return refused
        return await _print(client, self._daemon.setup())

    async def reload(self, client: Connection, request: Request) -> int:
        """`pystack reload [--dry-run]`."""
        if refused := await _refuse_arguments(client, request, ("--dry-run",)):
            return refused
        try:
            if "--dry-run" in request.argv:
                lost = await self._daemon.lost_by_reload()
                await client.send(OUT, "".join(f"{line}\n" for line in lost).encode())
            else:
                with trio.CancelScope(
                    shield=True
                ):  # a client that leaves does not leave half a reload behind
                    await self._daemon.reload()
        except ConfigError as error:
            await _complain(client, error.complaints)
            return USAGE
        except PortFailed as error:
            await _complain(client, [str(error)])
            return error.rc
        except (KeeperGone, HooksFailed) as error:
            await _complain(client, [str(error)])
            return LACKING
        return DONE

    async def stop(self, client: Connection, request: Request) -> int:
        """`pystack stop`: answered by the last thing that the daemon does."""
        if refused := await _refuse_arguments(client, request, ()):
            return refused
        self._daemon.stop("pystack stop", socket.socket(fileno=os.dup(client.stream.socket.fileno())))
        await trio.sleep_forever()
        raise AssertionError


async def _refuse_arguments(client: Connection, request: Request, known: tuple[str, ...]) -> int:
    """2 if something was asked that the verb does not do, after saying so; else 0."""
    verb, *words = request.argv
    unknown = [word for word in words if word not in known]
    if unknown:
        hint = f" (known: {', '.join(known)})" if known else " (it takes none)"
        await _complain(client, [f"{verb}: {unknown[0]} is not an argument{hint}"])
    elif request.ns:
        await _complain(client, [f"-n: {verb} is about the whole daemon"])
    elif request.json and "--json" not in known:
        await _complain(client, [json_refusal(verb)])
    else:
        return DONE
    return USAGE


async def _print(client: Connection, lines: list[str]) -> int:
    text = "".join(f"{line}\n" for line in lines)
    await client.send(OUT, text.encode(errors="surrogateescape"))
    return DONE


async def _complain(client: Connection, lines: list[str]) -> None:
    text = "".join(f"pystack: {line}\n" for line in lines)
    await client.send(ERR, text.encode(errors="surrogateescape"))
