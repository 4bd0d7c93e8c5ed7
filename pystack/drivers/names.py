"""Names for trio programs on pystack: those of /etc/hosts and /etc/services, and no others.

Linux differs: no name server is asked; the kernel's would be reached past the stack.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import trio

from pystack.applets.name_files import HOSTS, SERVICES
from pystack.applets.tcpdump.names import Names
from pystack.wire.ipv4 import address_text


class Resolver(trio.abc.HostnameResolver):
    """Asked by trio for what is not numeric."""

    def __init__(self) -> None:
        self._names = Names()
        for path, take in ((HOSTS, self._names.read_hosts), (SERVICES, self._names.read_services)):
            _read(path, take)

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        await trio.lowlevel.checkpoint()
        addresses = self._addresses(host, flags)
        if family not in (socket.AF_UNSPEC, socket.AF_INET) or not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = []
        for kind, protocol, name in (
            (socket.SOCK_STREAM, socket.IPPROTO_TCP, "tcp"),
            (socket.SOCK_DGRAM, socket.IPPROTO_UDP, "udp"),
        ):
            if type in (0, kind) and proto in (0, protocol):
                ends = [(address_text(address), self._port(port, name)) for address in addresses]
                found += [(socket.AF_INET, kind, int(protocol), "", end) for end in ends]
        return found

    async def getnameinfo(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int
    ) -> tuple[str, str]:
        await trio.lowlevel.checkpoint()
        return sockaddr[0], str(sockaddr[1])

    def _addresses(self, host: bytes | None, flags: int) -> list[int]:
        if host is None:
            return [0 if flags & socket.AI_PASSIVE else 0x7F000001]
        return self._names.addresses.get(host.decode("ascii", "replace").lower(), [])

    def _port(self, port: bytes | str | int | None, protocol: str) -> int:
        word = port.decode("ascii", "replace") if isinstance(port, bytes) else str(port or 0)
        if word.isdigit():
            return int(word)
        known = self._names.ports.get((protocol, word))
        if known is None:
            raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype")
        return known


def _read(path: str, take: Callable[[str], None]) -> None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            take(file.read())
    except OSError:  # then nothing has a name
        pass
