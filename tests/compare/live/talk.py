"""A program of a test's own, for both ends of a wire: it serves, or asks and says how that went.

talk.py serve PORT              whatever TCP asks for, with a sum behind it; whatever UDP says, back
talk.py fetch HOST PORT OCTETS  over TCP; prints `whole` if the sum is right
talk.py ask HOST PORT N PAUSE   so many datagrams; prints how many came back
talk.py flood HOST PORT N       so many as fast as they go, from port 4000; prints how many it sent
"""

import hashlib
import os
import socket
import sys
import threading
import time

PATIENCE = 20.0


def serve(port: str) -> None:
    """Until it is ended."""
    threading.Thread(target=_echo, args=(int(port),), daemon=True).start()
    with socket.create_server(("", int(port)), backlog=64) as server:
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_give, args=(connection,), daemon=True).start()


def _give(connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as asked:
        for line in asked:
            octets = os.urandom(int(line))
            connection.sendall(octets + hashlib.sha256(octets).digest())


def _echo(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", port))
        while True:
            octets, sender = sock.recvfrom(1 << 16)
            sock.sendto(octets, sender)


def fetch(host: str, port: str, octets: str, times: str = "1", pause: str = "0") -> None:
    """So many times over one connection."""
    size = int(octets)
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        stream = connection.makefile("rb")
        for _ in range(int(times)):
            connection.sendall(b"%d\n" % size)
            got = stream.read(size)
            assert hashlib.sha256(got).digest() == stream.read(32), "octets were changed or lost on their way"
            time.sleep(float(pause))
    print("whole")


def ask(host: str, port: str, count: str, pause: str) -> None:
    """One after the other."""
    answered = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((host, int(port)))
        for number in range(int(count)):
            sock.send(b"question %d" % number)
            answered += sock.recv(100) == b"question %d" % number
            time.sleep(float(pause))
    print(answered)


def flood(host: str, port: str, count: str) -> None:
    """Nobody waits for answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 4000))
        sock.connect((host, int(port)))
        for _ in range(int(count)):
            sock.send(b"!")
    print(count)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
