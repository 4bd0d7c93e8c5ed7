"""The control socket's server: takes clients in, and has their commands and verbs served.

Whatever a client does, be it garbage, silence, slow reading or hanging up, costs its own connection and
nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import trio

from pystack.daemon import protocol
from pystack.daemon.connection import Connection, HungUp
from pystack.daemon.protocol import Request

MAX_CLIENTS: Final = 128
FAULT: Final = 1  # the exit code when we failed

Serve = Callable[[Connection, Request], Awaitable[int]]  # the exit code

logger = logging.getLogger("pystack.control")


class ControlServer:
    """`verbs` are pystack's own words; whatever else is typed goes to `command`."""

    def __init__(self, command: Serve, verbs: Mapping[str, Serve]) -> None:
        self.clients = 0
        self.served = 0  # that were here and went
        self._command = command
        self._verbs = verbs

    async def serve(self, listener: trio.SocketListener) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            await trio.serve_listeners(self.meet, [listener], handler_nursery=nursery)

    async def meet(self, stream: trio.SocketStream) -> None:
        """One client from beginning to end; never raises."""
        if self.clients >= MAX_CLIENTS:
            logger.warning("more than %d clients: one was sent away", MAX_CLIENTS)
            return await turn_away(stream)
        self.clients += 1
        try:
            async with stream:
                client = Connection(stream)
                request = await client.request()
                await self._serve_while_listening(client, request)
        except HungUp as error:
            logger.debug("client: %s", error)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        except Exception:
            logger.exception("a fault of ours at the control socket")
        finally:
            self.clients -= 1
            self.served += 1

    async def _serve_while_listening(self, client: Connection, request: Request) -> None:
        """Serve, and stop at once when the client is gone."""

        async def listen() -> None:
            await client.listen()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            try:
                await client.send_exit_code(await self._serve(client, request))
            except HungUp:
                pass
            nursery.cancel_scope.cancel()

    async def _serve(self, client: Connection, request: Request) -> int:
        serve = self._verbs.get(request.argv[0], self._command)
        try:
            return await serve(client, request)
        except HungUp:
            raise
        except Exception:
            logger.exception("a fault of ours in: %s", " ".join(request.argv))
            await client.send(protocol.ERR, b"pystack: a fault of ours; the daemon's log has the details\n")
            return FAULT


async def turn_away(stream: trio.SocketStream) -> None:
    """Say why, as far as it can be said without waiting."""
    why = f"pystack: the daemon has {MAX_CLIENTS} clients already, and takes no more\n".encode()
    try:
        await stream.socket.send(
            protocol.encode(protocol.ERR, why) + protocol.encode(protocol.RC, bytes([FAULT]))
        )
    except OSError:
        pass
    await trio.aclose_forcefully(stream)
