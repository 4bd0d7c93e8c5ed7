"""The same as stream_end.py for PyTCP, in its own style: its sockets block, so each port has a thread."""

from __future__ import annotations

import os
import sys
from threading import Thread
from typing import Any, Final

from pytcp import TcpIpStack, config  # type: ignore[import-not-found]
from pytcp.lib import socket  # type: ignore[import-not-found]

from scripts.bench_parts.stream_end import SINK, SOURCE

BLOCK: Final = bytes(1 << 16)


def listener(host: str, port: int) -> Any:
    """A socket that others come to."""
    sock = socket.socket(family=socket.AF_INET4, type=socket.SOCK_STREAM)
    sock.bind((host, port))
    sock.listen()
    return sock


def take(sock: Any) -> None:
    """One client after the other."""
    while True:
        client, _ = sock.accept()
        while client.recv(len(BLOCK)):
            pass
        client.close()


def send(sock: Any) -> None:
    """One client after the other."""
    while True:
        client, _ = sock.accept()
        try:
            while True:
                client.send(BLOCK)
        except OSError:
            client.close()


def main(ifname: str, host: str) -> None:
    """Until the process is ended."""
    config.LOG_CHANEL = set()
    stack = TcpIpStack(interface=ifname, ip4_address=f"{host}/24")
    os.system(f"ip link set {ifname} up")
    stack.start()
    threads = [
        Thread(target=take, args=[listener(host, SINK)]),
        Thread(target=send, args=[listener(host, SOURCE)]),
    ]
    for thread in threads:
        thread.start()
    print("ready", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
