"""What the daemon's own words answer when the daemon cannot do it."""

from __future__ import annotations

import socket

import pytest
import trio

from pystack.daemon.config import ConfigError
from pystack.daemon.connection import Connection
from pystack.daemon.keeper_link import KeeperGone
from pystack.daemon.protocol import ERR, Decoder, Request
from pystack.daemon.settings import MemorySettings, Port
from pystack.daemon.stack import PortFailed
from pystack.daemon.status import Facts
from pystack.daemon.verbs import Verbs

PORT = Port("p1", "memory", MemorySettings(), "m.toml:3")


class Failing:
    """A daemon whose reload fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def facts(self) -> Facts:
        return {}

    def setup(self) -> list[str]:
        return []

    async def lost_by_reload(self) -> list[str]:
        raise self.error

    async def reload(self) -> None:
        raise self.error

    def stop(self, why: str, waiting: socket.socket | None = None) -> None:
        pass


@pytest.mark.trio
@pytest.mark.parametrize("words", [["reload"], ["reload", "--dry-run"]])
@pytest.mark.parametrize(
    ("error", "rc", "said"),
    [
        (ConfigError(["m.toml:1: a", "m.toml:2: b"]), 2, "pystack: m.toml:1: a\npystack: m.toml:2: b\n"),
        (PortFailed(PORT, "it is in use", 4), 4, "pystack: m.toml:3: port.p1: it is in use\n"),
        (KeeperGone("the keeper does not answer"), 4, "pystack: the keeper does not answer\n"),
    ],
)
async def test_a_reload_that_fails_is_an_exit_code_and_its_lines(
    words: list[str], error: Exception, rc: int, said: str
) -> None:
    ours, its = trio.socket.socketpair()
    with its:
        client = Connection(trio.SocketStream(ours))
        assert await Verbs(Failing(error)).reload(client, Request(words)) == rc
        [frame] = Decoder().feed(await its.recv(65536))
        assert frame == (ERR, said.encode())
        await client.stream.aclose()
