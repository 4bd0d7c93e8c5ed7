"""Octets that both ends of a transfer know beforehand, so that each can say whether they came intact."""

from __future__ import annotations

import random
import socket
import struct

HEAD = struct.Struct(">II")  # which octets, how many
SEEN = struct.Struct(">4sH")  # the client's address and port, as the server sees them
TRANSFER_PORT = 7000
ZONE = "world"


def octets(number: int, size: int) -> bytes:
    """Those of a number."""
    return random.Random(number).randbytes(size)


def read_exactly(sock: socket.socket, size: int) -> bytes:
    """Raises EOFError if the other side ends before."""
    parts = []
    while size:
        part = sock.recv(min(size, 65536))
        if not part:
            raise EOFError(f"{size} octets are missing")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
