"""Makes the calls of a scenario, on the kernel's sockets or on pystack's; what comes of them is an output.

No call waits: what cannot be done at once is EAGAIN.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from errno import errorcode
from typing import Any, Final, Protocol

from pystack.compare.calls import Spoken, parse, payload
from pystack.compare.lab.socket_values import told_messages, told_option, told_value
from pystack.sock.option_numbers import IPPROTO_TCP, NUMBERS
from pystack.sock.tcp_states import TcpState

_HOWS: Final = {"rd": socket.SHUT_RD, "wr": socket.SHUT_WR, "rdwr": socket.SHUT_RDWR}
_ABORT: Final = struct.pack("ii", 1, 0)
_LONGEST_CONTROL: Final = 512
_SHOWN: Final = 64  # octets of data; of more its length and sum

Address = tuple[str, int]


class Handle(Protocol):
    """What Python's own sockets offer, as far as scenarios call it."""

    def bind(self, address: Address, /) -> None: ...
    def connect(self, address: Address, /) -> None: ...
    def listen(self, backlog: int, /) -> None: ...
    def accept(self) -> tuple[Any, Any]: ...
    def send(self, data: bytes, /) -> int: ...
    def sendto(self, data: bytes, address: Address, /) -> int: ...
    def recv(self, limit: int, /) -> bytes: ...
    def recvmsg(self, limit: int, control: int, flags: int, /) -> Any: ...
    def shutdown(self, how: int, /) -> None: ...
    def close(self) -> None: ...
    def setsockopt(self, level: int, number: int, value: Any, /) -> None: ...
    def getsockopt(self, level: int, number: int, length: int, /) -> bytes: ...
    def getsockname(self) -> Any: ...
    def getpeername(self) -> Any: ...
    def setblocking(self, is_blocking: bool, /) -> None: ...


class Caller:
    """The sockets of one scenario."""

    def __init__(self, open_socket: Callable[[int, str], Handle]) -> None:
        self._open = open_socket  # of a type, in a namespace
        self._socks: dict[str, Handle] = {}

    def call(self, text: str) -> tuple[int, str, str]:
        """Make a call: exit code, what it told, and by which name it failed."""
        spoken = parse(text)
        if isinstance(spoken, str):
            return 2, "", f"{spoken}\n"
        sock = self._socks.get(spoken.name)
        if sock is None and spoken.verb != "socket":
            return 2, "", f"{spoken.name}: no such socket\n"
        try:
            told = self._make(sock, spoken) if sock is not None else self._socket(spoken)
        except OSError as error:
            return 1, "", f"{errorcode.get(error.errno or 0, str(error))}\n"
        except ValueError as error:
            return 2, "", f"no value of {spoken.words[0]}: {error}\n"
        return 0, f"{told}\n" if told else "", ""

    def close(self) -> None:
        """Let go of all without a word to their peers."""
        for sock in self._socks.values():
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE, 4)[0] == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            sock.close()
        self._socks.clear()

    def _socket(self, spoken: Spoken) -> str:
        kind = socket.SOCK_STREAM if spoken.words[0] == "tcp" else socket.SOCK_DGRAM
        self._keep(spoken.name, self._open(kind, "".join(spoken.words[1:])))
        return ""

    def _keep(self, name: str, sock: Handle) -> None:
        sock.setblocking(False)
        before = self._socks.pop(name, None)
        if before is not None:
            before.close()
        self._socks[name] = sock

    def _make(self, sock: Handle, spoken: Spoken) -> str:
        words = spoken.words
        match spoken.verb:
            case "socket":
                return self._socket(spoken)
            case "bind":
                sock.bind((words[0], int(words[1])))
            case "connect":
                sock.connect((words[0], int(words[1])))
            case "listen":
                sock.listen(int(words[0]))
            case "accept":
                child, peer = sock.accept()
                self._keep(words[0], child)
                return _told_address(peer)
            case "shutdown":
                sock.shutdown(_HOWS[words[0]])
            case "close":
                self._socks.pop(spoken.name).close()
            case "set":
                level, number = NUMBERS[words[0]]
                sock.setsockopt(level, number, told_value(words[0], words[1:]))
            case _:
                return _ask(sock, spoken)
        return ""


def _ask(sock: Handle, spoken: Spoken) -> str:
    words = spoken.words
    match spoken.verb:
        case "send":
            return str(sock.send(payload(words[0])))
        case "sendto":
            return str(sock.sendto(payload(words[2]), (words[0], int(words[1]))))
        case "recv":
            return _told_data(sock.recv(int(words[0])))
        case "recvmsg" | "recverr":
            return _message(sock, spoken)
        case "get":
            level, number = NUMBERS[words[0]]
            return told_option(words[0], sock.getsockopt(level, number, 256))
        case "state":
            return TcpState(sock.getsockopt(IPPROTO_TCP, socket.TCP_INFO, 1)[0]).name
        case "name":
            return _told_address(sock.getsockname())
    return _told_address(sock.getpeername())


def _message(sock: Handle, spoken: Spoken) -> str:
    flags = socket.MSG_ERRQUEUE if spoken.verb == "recverr" else 0
    limit = int(spoken.words[0]) if spoken.words else _SHOWN
    data, control, _, sender = sock.recvmsg(limit, _LONGEST_CONTROL, flags)
    who = f" from {_told_address(sender)}" if sender else ""
    return f"{_told_data(data)}{who}{told_messages(control)}"


def _told_address(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


def _told_data(data: bytes) -> str:
    if len(data) > _SHOWN:
        return f"{len(data)} octets, all {data[:1]!r}" if len(set(data)) == 1 else f"{len(data)} octets"
    return repr(data)


def refused(number: int) -> OSError:
    """What a call of the kernel's would raise."""
    return OSError(number, os.strerror(number))
