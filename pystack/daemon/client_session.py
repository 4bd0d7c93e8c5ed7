"""The client's end of the control protocol: finds the daemon, and lends a command what is the user's.

One loop waits for the socket, for signals, and for standard input while the command asks for some. Nothing
is read ahead, and what the command prints is written before the next frame is looked at, so a slow terminal
slows the command down and nothing piles up.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from typing import Final

from pystack.applets.name_files import NAME_FILES
from pystack.daemon import places, protocol
from pystack.daemon.output import write_all
from pystack.daemon.protocol import Decoder, FileMessage, Frame, ProtocolError, Request
from pystack.drivers.named_files import find_files

UNASKED: Final = (("sysctl", "/etc/sysctl.conf"),)  # commands, and what they read when no file is named
NFT_FOLDER: Final = "/etc"  # where nft's `include` looks
READ_SIZE: Final = 65536
STDIN: Final = 0
ASK_TIMEOUT: Final = 5.0  # seconds
FAILED: Final = 1
USAGE: Final = 2
NO_DAEMON: Final = 3
LACKING: Final = 4

PASSED_ON: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)


class Unreachable(Exception):
    """There is no daemon to speak to, or more than one: the sentence, and the exit code."""

    def __init__(self, sentence: str, rc: int) -> None:
        super().__init__(sentence)
        self.rc = rc


class TooLong(Exception):
    """The command does not fit into a frame."""

    def __init__(self) -> None:
        super().__init__("the command is too long for the daemon (64 KiB): sh can read it from a file")


def connect(path: str) -> socket.socket:
    """To the daemon at a path, or to the one that runs. Raises Unreachable."""
    if path:
        return _connect_to(path)
    reachable: dict[str, socket.socket] = {}
    forbidden = []
    for candidate in places.listed(places.directories(os.environ), places.SUFFIX):
        try:
            reachable[candidate] = _connect_to(candidate)
        except Unreachable as error:
            if error.rc == LACKING:
                forbidden.append(str(error))
    if len(reachable) > 1:
        for connection in reachable.values():
            connection.close()
        raise Unreachable(f"several daemons run, choose one with -S: {' '.join(reachable)}", USAGE)
    if reachable:
        return reachable.popitem()[1]
    if forbidden:
        raise Unreachable("\n".join(forbidden), LACKING)
    raise Unreachable("no daemon runs (pystack run starts one; -S names its socket)", NO_DAEMON)


def _connect_to(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except PermissionError:
        connection.close()
        raise Unreachable(f"{path}: you may not speak to this daemon", LACKING) from None
    except OSError as error:
        connection.close()
        raise Unreachable(f"no daemon answers at {path}: {error.strerror or error}", NO_DAEMON) from None
    return connection


def converse(connection: socket.socket, request: Request) -> int:
    """Have a command run, and be its hands; its exit code. Raises ProtocolError, OutputFailed, TooLong."""
    try:
        first = protocol.encode_request(request)
    except ProtocolError:
        raise TooLong from None
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in PASSED_ON:
        signal.signal(number, _noted_by_the_wakeup_fd)
    return Session(connection, reader, first, Names(request)).run()


def ask(path: str, argv: list[str]) -> bytes:
    """What a daemon prints, as JSON, to a question that needs nothing of the user's. Raises Unreachable."""
    printed = bytearray()
    with _connect_to(path) as connection:
        connection.settimeout(ASK_TIMEOUT)
        decoder = Decoder()
        try:
            connection.sendall(protocol.encode_request(Request(argv, json=True)))
            while octets := connection.recv(READ_SIZE):
                for frame in decoder.feed(octets):
                    if frame.kind == protocol.OUT:
                        printed += frame.payload
                    elif frame.kind == protocol.RC:
                        return bytes(printed)
        except (OSError, ProtocolError) as error:
            raise Unreachable(f"the daemon does not answer: {error}", FAILED) from None
    raise Unreachable("the daemon hung up", FAILED)


def _noted_by_the_wakeup_fd(number: int, frame: object) -> None:
    pass


class _Ended(Exception):
    def __init__(self, rc: int) -> None:
        self.rc = rc


class Session:
    """One command in the daemon's hands."""

    def __init__(self, connection: socket.socket, signals: socket.socket, first: bytes, names: Names) -> None:
        self.connection = connection
        self.signals = signals
        self.decoder = Decoder()
        self.interrupts = 0
        self.stdin_wanted = False
        self.files: dict[int, int] = {}  # descriptors of files that the command writes
        self.names = names
        self._send(first)

    def run(self) -> int:
        """Until the exit code comes."""
        try:
            while True:
                ready = self.wait()
                if self.signals.fileno() in ready:
                    self.pass_on_signals()
                if self.connection.fileno() in ready:
                    self.receive()
                elif STDIN in ready and self.stdin_wanted:
                    self.send_stdin()
        except _Ended as end:
            return end.rc

    def wait(self) -> set[int]:
        """Descriptors that have something; a standard input that is closed has its end."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        poll.register(self.signals, select.POLLIN)
        if self.stdin_wanted:
            poll.register(STDIN, select.POLLIN)
        return {fd for fd, _ in poll.poll()}

    def pass_on_signals(self) -> None:
        """The command is told; who insists leaves it alone."""
        for number in self.signals.recv(64):
            self.interrupts += 1
            if self.interrupts > 2:
                raise _Ended(128 + number)
            self._send(protocol.encode(protocol.SIGNAL, bytes([number])))

    def receive(self) -> None:
        """Do what the next frames want."""
        try:
            octets = self.connection.recv(READ_SIZE)
        except ConnectionResetError:
            octets = b""
        if not octets:
            sys.stderr.write("pystack: the daemon is gone\n")
            raise _Ended(NO_DAEMON)
        for frame in self.decoder.feed(octets):
            self.act(frame)

    def act(self, frame: Frame) -> None:
        """One frame. A command that says or asks something heard the last signal: who repeats it means the
        next.
        """
        if frame.kind in (protocol.OUT, protocol.ERR, protocol.IN):
            self.interrupts = 0
        if frame.kind == protocol.OUT:
            write_all(1, frame.payload)
        elif frame.kind == protocol.ERR:
            write_all(2, frame.payload)
        elif frame.kind == protocol.IN:
            self.stdin_wanted = True
        elif frame.kind == protocol.FILE:
            self.serve_file(protocol.decode_file(frame.payload))
        elif frame.kind == protocol.RC and len(frame.payload) == 1:
            raise _Ended(frame.payload[0])
        else:
            raise ProtocolError(f"the daemon sent {protocol.KINDS[frame.kind]}")

    def send_stdin(self) -> None:
        """What the user typed."""
        self.stdin_wanted = False
        try:
            octets = os.read(STDIN, READ_SIZE)
        except OSError:
            octets = b""
        self.names.learn(octets)
        self._send(protocol.encode(protocol.IN, octets))

    # --- files ------------------------------------------------------------------------------------------

    def serve_file(self, message: FileMessage) -> None:
        """Open, read or write a file of the user's, with his rights and from his folder."""
        if message.operation == protocol.DATA:
            return self.write_file(message.number, message.octets)
        path = os.fsdecode(message.octets)
        # commands look names up unasked, in files that everyone may read
        is_for_names = message.operation == protocol.READ and path in NAME_FILES
        if not is_for_names and not self.names.knows(path):
            return self._refuse(message.number, "the daemon asked for a file that you did not name")
        try:
            if message.operation == protocol.READ:
                return self.send_file(message.number, path)
            if message.operation == protocol.FIND:
                return self.send_names(message.number, path)
            if message.operation == protocol.WRITE:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
                self.files[message.number] = os.open(path, flags, 0o666)
                return self._send(protocol.encode_file(protocol.OPENED, message.number))
        except OSError as error:
            return self._refuse(message.number, error.strerror or str(error))
        raise ProtocolError("the daemon sent an answer instead of a question")

    def send_file(self, number: int, path: str) -> None:
        """All octets of a file, then none."""
        with open(path, "rb", buffering=0) as file:
            while octets := file.read(protocol.MAX_CHUNK):
                self.names.learn(octets)
                self._send(protocol.encode_file(protocol.DATA, number, octets))
        self._send(protocol.encode_file(protocol.DATA, number))

    def send_names(self, number: int, pattern: str) -> None:
        """What a pattern finds; the daemon may ask for each of these."""
        found = find_files(pattern)
        self.names.found.update(os.fsdecode(found).splitlines())
        for start in range(0, len(found), protocol.MAX_CHUNK):
            chunk = found[start : start + protocol.MAX_CHUNK]
            self._send(protocol.encode_file(protocol.DATA, number, chunk))
        self._send(protocol.encode_file(protocol.DATA, number))

    def write_file(self, number: int, octets: bytes) -> None:
        """Append; none closes. A disk that is full ends the command, as it ends the real one."""
        fd = self.files.get(number)
        if fd is None:
            raise ProtocolError("the daemon wrote to a file that is not open")
        if not octets:
            return os.close(self.files.pop(number))
        write_all(fd, octets)

    def _refuse(self, number: int, reason: str) -> None:
        self._send(protocol.encode_file(protocol.REFUSED, number, reason.encode()))

    def _send(self, frame: bytes) -> None:
        try:
            self.connection.sendall(frame)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what the daemon said before it went is still to be read


class Names:
    """The file names that a user gave: in the arguments, and in what `sh` and `nft` are fed.

    The daemon may have fewer rights than its user, and eats hostile frames all day. So it is not believed
    when it asks for a file that the user never mentioned.
    """

    def __init__(self, request: Request) -> None:
        self._text = "\n".join(request.argv)
        self._reads_names = bool({"sh", "nft"} & set(request.argv))
        words = [word.removeprefix("-I") for word in request.argv] if "nft" in request.argv else []
        self._folders = [NFT_FOLDER, *filter(None, words)] if words else []
        self.found: set[str] = set()  # by patterns that the user wrote

    def learn(self, octets: bytes) -> None:
        """What a shell reads may name files too, and what nft's `include` stands in."""
        if self._reads_names:
            self._text += os.fsdecode(octets)

    def knows(self, path: str) -> bool:
        """Whether the user wrote this name, quoted or not, or that of a command which reads it unasked."""
        if any(path == file and command in self._text for command, file in UNASKED):
            return True
        if path in self.found or self._is_in_folder(path):
            return True
        return path in self._text or path in self._text.replace("\\", "").replace("'", "").replace('"', "")

    def _is_in_folder(self, path: str) -> bool:
        """`include "x"` is looked for in the folders of -I, and in nft's own."""
        return any(
            path.startswith(f"{folder}/") and path[len(folder) + 1 :] in self._text
            for folder in self._folders
        )
