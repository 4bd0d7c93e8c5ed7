"""The control protocol as bytes: framing and the request, nothing that waits.

A client connects, sends one request, then both sides send frames until `rc`:

    kind(1) length(4, big endian) payload(length, 64 KiB at most)

    request  client to daemon, once: JSON, what the user typed and where
    in       daemon: "send me some of your standard input"; client: the octets, none = end
    out err  daemon: what the command prints
    file     either: a file of the user's, opened by the client (see FileMessage)
    signal   client: one octet, the number of a signal that the user sent to the command
    rc       daemon: one octet, the exit code; nothing follows
    call     client: a socket call of a program of the user's (see socket_calls.py), once `exec` was requested
    answer   daemon: how it ended

Nothing is sent unasked except output and calls, and that only as fast as the other side reads: so neither
ever has to hold more than a few frames. Whatever arrives, decoding returns a value or raises ProtocolError.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

REQUEST: Final = 0
IN: Final = 1
OUT: Final = 2
ERR: Final = 3
FILE: Final = 4
SIGNAL: Final = 5
RC: Final = 6
CALL: Final = 7
ANSWER: Final = 8
KINDS: Final = ("request", "in", "out", "err", "file", "signal", "rc", "call", "answer")

MAX_PAYLOAD: Final = 65536
HEADER: Final = struct.Struct(">BI")

# The first octet of a file frame.
READ: Final = 1  # daemon: open this path and send me all of it
WRITE: Final = 2  # daemon: make this file, answer `opened`
DATA: Final = 3  # some of its octets; none = the end
OPENED: Final = 4  # client: it may be written to
REFUSED: Final = 5  # client: it cannot be opened, read or written; the text is strerror()'s
FIND: Final = 6  # daemon: send me the names that this pattern finds, one a line
FILE_HEADER: Final = struct.Struct(">BH")
MAX_CHUNK: Final = MAX_PAYLOAD - FILE_HEADER.size

MAX_ENVIRONMENT: Final = 64


class ProtocolError(Exception):
    """The other side does not speak this protocol."""


class Frame(NamedTuple):
    """One message of either side."""

    kind: int
    payload: bytes


class FileMessage(NamedTuple):
    """The payload of a `file` frame; `number` tells apart the files of one command."""

    operation: int
    number: int
    octets: bytes


class Request(NamedTuple):
    """What a user typed, and where."""

    argv: list[str]
    ns: str = ""
    env: dict[str, str] = {}  # noqa: RUF012 - never written to
    tty: bool = False
    columns: int = 80
    utc_offset: int = 0  # of the user's time zone, in seconds
    json: bool = False


def encode(kind: int, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    if len(payload) > MAX_PAYLOAD:
        raise ProtocolError(f"a frame of {len(payload)} octets, {MAX_PAYLOAD} at most")
    return HEADER.pack(kind, len(payload)) + payload


def encode_stream(kind: int, octets: bytes) -> Iterator[bytes]:
    """As many frames as the octets need."""
    for start in range(0, len(octets), MAX_PAYLOAD):
        yield encode(kind, octets[start : start + MAX_PAYLOAD])


def encode_file(operation: int, number: int, octets: bytes = b"") -> bytes:
    """A file frame as bytes."""
    return encode(FILE, FILE_HEADER.pack(operation, number) + octets)


def decode_file(payload: bytes) -> FileMessage:
    """The payload of a file frame."""
    if len(payload) < FILE_HEADER.size:
        raise ProtocolError("a file frame without its header")
    operation, number = FILE_HEADER.unpack_from(payload)
    if not READ <= operation <= FIND:
        raise ProtocolError(f"file operation {operation} is unknown")
    return FileMessage(operation, number, payload[FILE_HEADER.size :])


def encode_request(request: Request) -> bytes:
    """The first frame of a connection."""
    return encode(REQUEST, json.dumps(request._asdict()).encode())


def decode_request(payload: bytes) -> Request:
    """The first frame's payload; keys that we do not know are a newer client's, and no harm."""
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("the request is not JSON") from error
    if not isinstance(fields, dict):
        raise ProtocolError("the request is not an object")
    known = {name: fields[name] for name in Request._fields if name in fields}
    request = Request(**{"argv": [], **known})
    _check(request)
    return request


def _check(request: Request) -> None:
    _need(_is_texts(request.argv) and request.argv != [], "argv")
    _need(_is_text(request.ns), "ns")
    _need(isinstance(request.env, dict) and len(request.env) <= MAX_ENVIRONMENT, "env")
    _need(_is_texts([*request.env.keys(), *request.env.values()]), "env")
    _need(isinstance(request.tty, bool) and isinstance(request.json, bool), "tty or json")
    _need(_is_number(request.columns, 0, 10_000), "columns")
    _need(_is_number(request.utc_offset, -86400, 86400), "utc_offset")


def _need(condition: bool, name: str) -> None:
    if not condition:
        raise ProtocolError(f"the request's {name} is missing or of the wrong type")


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(word) for word in value)


def _is_text(value: object) -> bool:
    """Octets that are not UTF-8 travel as lone surrogates; other surrogates stand for nothing."""
    if not isinstance(value, str):
        return False
    try:
        value.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


class Decoder:
    """Bytes in, frames out; holds at most one frame that is not complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> list[Frame]:
        """The frames that are now complete."""
        buffer = self._buffer
        buffer += octets
        frames = []
        position = 0
        while len(buffer) - position >= HEADER.size:
            kind, length = HEADER.unpack_from(buffer, position)
            if kind >= len(KINDS) or length > MAX_PAYLOAD:
                raise ProtocolError(f"not a frame: kind {kind}, {length} octets")
            end = position + HEADER.size + length
            if end > len(buffer):
                break
            frames.append(Frame(kind, bytes(buffer[position + HEADER.size : end])))
            position = end
        del buffer[:position]
        return frames
