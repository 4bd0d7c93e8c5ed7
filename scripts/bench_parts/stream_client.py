"""The kernel's side of a connection with a stack: sends, or receives, for so many seconds; prints Gbit/s."""

from __future__ import annotations

import socket
import sys
import time
from typing import Final

BLOCK: Final = bytes(1 << 20)
PATIENCE: Final = 60.0


def send(sock: socket.socket, seconds: float) -> int:
    """Octets that arrived: the peer hangs up when it has read all."""
    sent, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        sent += sock.send(BLOCK)
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(len(BLOCK)):
        pass
    return sent


def receive(sock: socket.socket, seconds: float) -> int:
    """Octets that came."""
    room, heard, until = bytearray(1 << 20), 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        heard += sock.recv_into(room)
    return heard


def main(way: str, host: str, port: int, seconds: float) -> None:
    """Connect, do it, print."""
    with socket.create_connection((host, port), timeout=PATIENCE) as sock:
        begun = time.perf_counter()
        octets = {"send": send, "receive": receive}[way](sock, seconds)
        print(octets * 8 / (time.perf_counter() - begun) / 1e9)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
