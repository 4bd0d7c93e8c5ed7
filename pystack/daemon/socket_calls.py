"""Socket calls of a program as octets: what is in `call` and `answer` frames, nothing that waits.

    call    number(8) socket(8) operation(1), then what the operation takes
    answer  number(8) errno(2), then what the call gives; of an error what there is to say beside strerror()

The client gives sockets their numbers, those that accept() makes too, and calls theirs, none of which is 0:
an answer to call 0 says that calls may begin. RECV, ACCEPT, CONNECT and WAIT_WRITABLE are answered once they
would not wait, all others at once; CANCEL ends the wait of one, and CLOSE and CANCEL have no answer of
their own.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from pystack.daemon.protocol import MAX_PAYLOAD, ProtocolError

CALL_HEADER: Final = struct.Struct(">QQB")
ANSWER_HEADER: Final = struct.Struct(">QH")
ENDS: Final = struct.Struct(">IH")  # an address and a port
NUMBER: Final = struct.Struct(">q")
OPTION: Final = struct.Struct(">ii")  # level and name; the value's octets follow

MAX_DATA: Final = MAX_PAYLOAD - CALL_HEADER.size - ENDS.size  # that go with a call or an answer
BEGIN: Final = 0  # the call that nobody made


class Operation(IntEnum):
    """What is called, and what it takes."""

    OPEN = 0  # NUMBER: SOCK_STREAM or SOCK_DGRAM
    CLOSE = 1
    BIND = 2  # ENDS
    LISTEN = 3  # NUMBER
    ACCEPT = 4  # NUMBER: of the socket that is to be; gives ENDS of the peer
    CONNECT = 5  # ENDS
    RECV = 6  # NUMBER: how much at most; gives data, a datagram behind ENDS
    SEND = 7  # data; gives NUMBER: how many octets were taken, 0 if none can be now
    SEND_TO = 8  # ENDS, data
    SHUT_DOWN = 9  # NUMBER
    SET_OPTION = 10  # OPTION, value
    GET_OPTION = 11  # OPTION, NUMBER: how many octets at most; gives them
    NAME = 12  # gives ENDS
    PEER_NAME = 13  # gives ENDS
    WAIT_WRITABLE = 14
    CANCEL = 15  # NUMBER: of the call
    IS_READABLE = 16  # gives NUMBER: 1 if a call that reads would not wait


class Call(NamedTuple):
    """The payload of a `call` frame."""

    number: int
    socket: int
    operation: Operation
    body: bytes


class Answer(NamedTuple):
    """The payload of an `answer` frame."""

    number: int
    errno: int
    body: bytes


def encode_call(number: int, socket: int, operation: Operation, body: bytes = b"") -> bytes:
    """The payload of a frame."""
    return CALL_HEADER.pack(number, socket, operation) + body


def decode_call(payload: bytes) -> Call:
    """What was called. Raises ProtocolError."""
    if len(payload) < CALL_HEADER.size:
        raise ProtocolError("a call without its header")
    number, socket, operation = CALL_HEADER.unpack_from(payload)
    if operation > max(Operation):
        raise ProtocolError(f"socket call {operation} is unknown")
    return Call(number, socket, Operation(operation), payload[CALL_HEADER.size :])


def encode_answer(number: int, errno: int, body: bytes = b"") -> bytes:
    """The payload of a frame."""
    return ANSWER_HEADER.pack(number, errno) + body


def decode_answer(payload: bytes) -> Answer:
    """How a call ended. Raises ProtocolError."""
    if len(payload) < ANSWER_HEADER.size:
        raise ProtocolError("an answer without its header")
    number, error = ANSWER_HEADER.unpack_from(payload)
    return Answer(number, error, payload[ANSWER_HEADER.size :])


def unpack(form: struct.Struct, body: bytes) -> tuple[int, ...]:
    """The numbers that a body begins with. Raises ProtocolError."""
    if len(body) < form.size:
        raise ProtocolError("a socket call that takes more than came with it")
    return form.unpack_from(body)
