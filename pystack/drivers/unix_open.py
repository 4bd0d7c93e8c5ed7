"""Making the unix sockets to which QEMU's `-netdev stream` and `-netdev dgram` connect."""

from __future__ import annotations

import os
import socket
import stat

from pystack.drivers.unavailable import PortUnavailable


def listen_stream(path: str) -> socket.socket:
    """A socket that QEMU can connect to; raises PortUnavailable."""
    sock = _bind(path, socket.SOCK_STREAM)
    sock.listen(1)  # one frame of a cable has one other end; the next one waits
    return sock


def bind_dgram(path: str) -> socket.socket:
    """A socket that QEMU can send to; raises PortUnavailable."""
    return _bind(path, socket.SOCK_DGRAM)


def remove(path: str) -> None:
    """Take the name of a socket away; nothing if it is gone."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _bind(path: str, kind: socket.SocketKind) -> socket.socket:
    _clear_the_place(path, kind)
    sock = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK)
    try:
        sock.bind(path)
    except OSError as error:
        sock.close()
        reason = "the path is too long" if "too long" in str(error) else error.strerror
        raise PortUnavailable(f"no socket can be made at {path}: {reason}") from error
    return sock


def _clear_the_place(path: str, kind: socket.SocketKind) -> None:
    """Remove the socket that a killed predecessor left behind, and nothing else."""
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return  # not there, or bind will say why it cannot be
    if not is_socket:
        raise PortUnavailable(f"{path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return remove(path)
        except OSError:
            pass  # of another kind, or too busy to answer: somebody is there
    raise PortUnavailable(f"socket {path} is in use: another program listens there")
