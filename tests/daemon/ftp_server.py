"""A small FTP server: `python ftp_server.py ADDRESS FILE` sends the file, whatever it is asked for."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

Dial = Callable[[], socket.socket]
PATIENCE = 20.0


def passive(address: str) -> tuple[int, Dial]:
    """A port, and who comes there."""
    listener = socket.create_server((address, 0))
    listener.settimeout(PATIENCE)
    return listener.getsockname()[1], lambda: listener.accept()[0]


def serve(control: socket.socket, address: str, content: bytes) -> None:
    """One client, until it has had enough."""
    control.sendall(b"220 ready\r\n")
    dial: Dial | None = None
    for line in control.makefile("rb"):
        command, _, argument = line.decode().strip().partition(" ")
        if command in ("PASV", "EPSV"):
            port, dial = passive(address)
            numbers = f"{address.replace('.', ',')},{port >> 8},{port & 255}"
            said = f"227 come here ({numbers}).\r\n" if command == "PASV" else f"229 here (|||{port}|)\r\n"
            control.sendall(said.encode())
        elif command == "PORT":
            parts = argument.split(",")
            there = ".".join(parts[:4]), int(parts[4]) << 8 | int(parts[5])
            dial = lambda there=there: socket.create_connection(there, PATIENCE)  # noqa: E731
            control.sendall(b"200 fine\r\n")
        elif command == "RETR" and dial is not None:
            control.sendall(b"150 coming\r\n")
            with dial() as data:
                data.sendall(content)
            control.sendall(b"226 done\r\n")
        else:
            control.sendall(b"331 and?\r\n" if command == "USER" else b"230 fine\r\n")


def main(address: str, file: str) -> None:
    """Until it is ended."""
    content = Path(file).read_bytes()
    with socket.create_server((address, 21)) as listener:
        print("listening", flush=True)
        while True:
            control, _ = listener.accept()
            threading.Thread(target=serve, args=(control, address, content), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
