"""What a machine behind a router does: run in a VM, with nothing but the standard library.

    transfer HOST COUNT SIZE     so many connections at once, with so many octets in each direction
    ftp HOST active|passive SIZE  fetch a file and store one

Prints one object of JSON.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 -- sockets load it once they are given a host: too late in a VM
import ftplib
import io
import json
import socket
import sys
import threading

from tests.daemon.known_octets import HEAD, SEEN, TRANSFER_PORT, octets, read_exactly

PATIENCE = 60.0


def transfer(host: str, count: str, size: str) -> dict[str, object]:
    """How many were intact, and the addresses from which the server saw them."""
    together = threading.Barrier(int(count))
    seen: list[tuple[str, int]] = []
    wrong: list[str] = []

    def one(number: int) -> None:
        try:
            seen.append(exchange(host, number, int(size), together))
        except (OSError, EOFError, threading.BrokenBarrierError) as error:
            wrong.append(f"{number}: {error}")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(int(count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"intact": len(seen), "seen": sorted(seen), "wrong": wrong}


def exchange(host: str, number: int, size: int, together: threading.Barrier) -> tuple[str, int]:
    """One connection; all are open before the first octet is sent."""
    with socket.create_connection((host, TRANSFER_PORT), PATIENCE) as sock:
        together.wait(PATIENCE)
        sock.sendall(HEAD.pack(number, size) + octets(number, size))
        address, port = SEEN.unpack(read_exactly(sock, SEEN.size))
        if read_exactly(sock, size) != octets(number + 1, size):
            raise EOFError("other octets came back")
        return socket.inet_ntoa(address), port


def ftp(host: str, mode: str, size: str) -> dict[str, object]:
    """The server says whether what it was given is intact."""
    fetched: list[bytes] = []
    with ftplib.FTP(host, timeout=PATIENCE) as client:
        client.set_pasv(mode == "passive")
        client.login("anonymous", "guest@")
        client.retrbinary(f"RETR {size}", fetched.append)
        told = client.storbinary(f"STOR {size}", io.BytesIO(octets(2, int(size))))
    return {"fetched": b"".join(fetched) == octets(1, int(size)), "told": told}


def main() -> None:
    """The command line's."""
    verb, *arguments = sys.argv[1:]
    print(json.dumps({"transfer": transfer, "ftp": ftp}[verb](*arguments)))
