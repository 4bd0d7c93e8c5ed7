"""The servers of a world that a router leads to: python -m tests.daemon.world ADDRESS, until it is ended.

Transfers of known octets, FTP with active and passive data connections, and DNS: hN.world is 192.0.2.N.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import sys
import threading

from tests.daemon.known_octets import HEAD, SEEN, TRANSFER_PORT, ZONE, octets, read_exactly

DNS_HEAD = struct.Struct(">HHHHHH")
ANSWER = struct.Struct(">HHHIH4s")
A, IN = 1, 1
NAME_OF_THE_QUESTION = 0xC00C
RESPONSE, NO_SUCH_NAME = 0x8180, 0x8183
PATIENCE = 30.0


class Transfers(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        number, size = HEAD.unpack(read_exactly(self.request, HEAD.size))
        host, port = self.client_address
        if read_exactly(self.request, size) == octets(number, size):
            self.request.sendall(SEEN.pack(socket.inet_aton(host), port) + octets(number + 1, size))


class Dns(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        query, sock = self.request
        number, _, *_ = DNS_HEAD.unpack_from(query)
        labels, end = [], DNS_HEAD.size
        while length := query[end]:
            labels.append(query[end + 1 : end + 1 + length].decode())
            end += 1 + length
        (kind, _) = struct.unpack_from(">HH", query, end + 1)
        question = query[DNS_HEAD.size : end + 5]
        known = labels[1:] == [ZONE] and labels[0][:1] == "h" and labels[0][1:].isdigit()
        answer = b""
        if known and kind == A:
            address = bytes([192, 0, 2, int(labels[0][1:])])
            answer = ANSWER.pack(NAME_OF_THE_QUESTION, A, IN, 60, len(address), address)
        head = DNS_HEAD.pack(number, RESPONSE if known else NO_SUCH_NAME, 1, bool(answer), 0, 0)
        sock.sendto(head + question + answer, self.client_address)


class Ftp(socketserver.StreamRequestHandler):
    """As much of RFC 959 and RFC 2428 as clients need for a transfer each way."""

    def handle(self) -> None:
        self.passive: socket.socket | None = None
        self.active: tuple[str, int] | None = None
        self.say("220 ready")
        for line in self.rfile:
            verb, _, rest = line.decode().strip().partition(" ")
            if verb == "QUIT":
                return self.say("221 bye")
            {"PASV": self.listen, "EPSV": self.listen, "PORT": self.note_port, "EPRT": self.note_eprt}.get(
                verb, self.other
            )(verb, rest)

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def listen(self, verb: str, rest: str) -> None:
        host = self.connection.getsockname()[0]
        self.passive = socket.create_server((host, 0))
        port = self.passive.getsockname()[1]
        if verb == "EPSV":
            return self.say(f"229 Entering Extended Passive Mode (|||{port}|)")
        self.say(f"227 Entering Passive Mode ({host.replace('.', ',')},{port >> 8},{port & 255})")

    def note_port(self, verb: str, rest: str) -> None:
        numbers = rest.split(",")
        self.active = ".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])
        self.say("200 PORT command successful")

    def note_eprt(self, verb: str, rest: str) -> None:
        _, _, host, port, _ = rest.split("|")
        self.active = host, int(port)
        self.say("200 EPRT command successful")

    def data(self) -> socket.socket:
        if self.passive is not None:
            self.passive.settimeout(PATIENCE)
            with self.passive:
                return self.passive.accept()[0]
        assert self.active is not None, "a data connection was agreed on"
        return socket.create_connection(self.active, PATIENCE)

    def other(self, verb: str, rest: str) -> None:
        if verb == "RETR":
            self.say("150 here it comes")
            with self.data() as data:
                data.sendall(octets(1, int(rest)))
            self.say("226 sent")
        elif verb == "STOR":
            self.say("150 go on")
            with self.data() as data:
                came = read_exactly(data, int(rest))
            self.say("226 intact" if came == octets(2, int(rest)) else "551 not what was sent")
        else:
            self.say(
                {"USER": "331 a password", "PASS": "230 in", "TYPE": "200 all is binary"}.get(verb, "502 no")
            )


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def main() -> None:
    host = sys.argv[1]
    servers: list[socketserver.BaseServer] = [
        Server((host, TRANSFER_PORT), Transfers),
        Server((host, 21), Ftp),
        socketserver.ThreadingUDPServer((host, 53), Dns),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
