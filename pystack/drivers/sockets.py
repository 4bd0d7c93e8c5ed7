"""pystack's sockets as trio's: with them a trio program runs on this stack instead of the kernel's.

    with sockets_of(pump, netns):
        …                                # trio.open_tcp_stream(), trio.serve_tcp(), trio.socket.socket()

To be entered inside trio.run(): trio keeps the factory for each run of its own.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

from pystack.drivers.names import Resolver
from pystack.drivers.program_socket import kind_of
from pystack.drivers.pump import Pump
from pystack.drivers.trio_socket import DatagramSocket, StackSocket, StreamSocket
from pystack.netns import Netns
from pystack.sock.tcp import TcpSocket
from pystack.sock.tcp_context import Endpoint
from pystack.sock.tcp_states import TcpState

PATIENCE: Final = 5.0  # seconds for a peer that takes nothing more
GLANCE: Final = 0.01
_SENDING: Final = (TcpState.FIN_WAIT1, TcpState.CLOSING, TcpState.LAST_ACK)


@contextmanager
def sockets_of(pump: Pump, netns: Netns) -> Iterator[None]:
    """Let trio make its sockets here, and ask for names here."""
    with sockets_made_by(SocketFactory(pump, netns)):
        yield


@contextmanager
def sockets_made_by(maker: trio.abc.SocketFactory) -> Iterator[None]:
    """The same, whoever makes them."""
    factory = trio.socket.set_custom_socket_factory(maker)
    resolver = trio.socket.set_custom_hostname_resolver(Resolver())
    try:
        yield
    finally:
        trio.socket.set_custom_socket_factory(factory)
        trio.socket.set_custom_hostname_resolver(resolver)


async def end_sockets(pump: Pump, netns: Netns) -> None:
    """The program has ended: close what it left open, and let what it sent arrive, as the kernel does."""
    with pump.burst():
        for endpoint in list(netns.tcp):
            if isinstance(endpoint, TcpSocket) and not endpoint.is_orphan:
                endpoint.close()
    with trio.move_on_after(PATIENCE):
        while any(_is_sending(endpoint) for endpoint in netns.tcp):  # noqa: ASYNC110 - for a moment, once
            await trio.sleep(GLANCE)


class SocketFactory(trio.abc.SocketFactory):
    """Makes the sockets of one namespace."""

    def __init__(self, pump: Pump, netns: Netns) -> None:
        self._pump = pump
        self._netns = netns

    def socket(
        self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM, proto: int = 0
    ) -> StackSocket:
        """Linux: socket()"""
        if kind_of(family, type, proto) == socket.SOCK_STREAM:
            return StreamSocket(self._pump, self._netns.tcp.open())
        return DatagramSocket(self._pump, self._netns.udp.open())


def _is_sending(endpoint: Endpoint) -> bool:
    return isinstance(endpoint, TcpSocket) and endpoint.state in _SENDING
