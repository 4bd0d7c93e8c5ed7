"""The values of socket options and of control messages: from words, and in words."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final

from pystack.sock.option_numbers import NUMBERS

_TIMEVAL: Final = struct.Struct("ll")
_LINGER: Final = struct.Struct("ii")
_MREQN: Final = struct.Struct("4s4si")
_MREQ_SOURCE: Final = struct.Struct("4s4s4s")
_INSTRUCTION: Final = struct.Struct("=HBBI")
_EXTENDED_ERROR: Final = struct.Struct("=IBBBxII")
_TIMES: Final = ("SO_RCVTIMEO", "SO_SNDTIMEO")
_NAMES: Final = ("SO_BINDTODEVICE", "TCP_CONGESTION")
_MEMBERSHIPS: Final = ("IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP", "IP_MULTICAST_IF")
_SOURCES: Final = (
    "IP_BLOCK_SOURCE",
    "IP_UNBLOCK_SOURCE",
    "IP_ADD_SOURCE_MEMBERSHIP",
    "IP_DROP_SOURCE_MEMBERSHIP",
)
_STAMPS: Final = (NUMBERS["SO_TIMESTAMP"], NUMBERS["SO_TIMESTAMPNS"])

Control = Sequence[tuple[int, int, bytes]]


def told_value(name: str, words: Sequence[str]) -> bytes | int:
    """What setsockopt() is given; words that are no numbers are given as they are. Raises ValueError."""
    try:
        return _told_value(name, words)
    except (OSError, struct.error, OverflowError) as error:
        raise ValueError(str(error)) from None


def _told_value(name: str, words: Sequence[str]) -> bytes | int:
    text = " ".join(words)
    if name == "SO_ATTACH_FILTER":
        return b"".join(_INSTRUCTION.pack(*map(int, line.split())) for line in text.split(",")[1:])
    if name in _NAMES:
        return text.encode()
    if name in _MEMBERSHIPS and "." in text:
        group, ours, index = [*words, *("0.0.0.0", "0")[len(words) - 1 :]][:3]
        return _MREQN.pack(socket.inet_aton(group), socket.inet_aton(ours), int(index))
    if name in _SOURCES:
        group, ours, source = words
        return _MREQ_SOURCE.pack(*map(socket.inet_aton, (group, ours, source)))
    try:
        numbers = [int(word, 0) for word in words]
    except ValueError:
        return text.encode()
    if name in _TIMES and len(numbers) == 2:
        return _TIMEVAL.pack(*numbers)
    if len(numbers) == 2:
        return _LINGER.pack(*numbers)
    return numbers[0] if len(numbers) == 1 else b""


def told_option(name: str, value: bytes) -> str:
    """What getsockopt() gave."""
    if name in _NAMES:
        return value.rstrip(b"\0").decode(errors="replace") or "none"
    if name == "IP_MULTICAST_IF" and len(value) == 4:
        return socket.inet_ntoa(value)
    if name in _TIMES:
        return " ".join(map(str, _TIMEVAL.unpack(value)))
    if len(value) == 1:
        return str(value[0])
    if len(value) % 4 or not value:
        return value.hex() or "nothing"
    return " ".join(map(str, struct.unpack(f"={len(value) // 4}i", value)))


def told_messages(control: Control) -> str:
    """What came beside data."""
    return "".join(f"; {_message(*message)}" for message in control)


def _message(level: int, number: int, value: bytes) -> str:
    if (level, number) in _STAMPS:
        return "a time"  # real on one side, virtual on the other
    told = _TOLD.get((level, number))
    return told(value) if told is not None else f"{level}/{number} {value.hex()}"


def _packet_info(value: bytes) -> str:
    index, spec_dst, address = struct.unpack("=i4s4s", value)
    return f"device {index}, ours {socket.inet_ntoa(spec_dst)}, to {socket.inet_ntoa(address)}"


def _error(value: bytes) -> str:
    number, origin, type_, code, info, data = _EXTENDED_ERROR.unpack_from(value)
    offender = value[16:]
    who = socket.inet_ntoa(offender[4:8]) if len(offender) >= 8 and offender[0] else "nobody"
    return f"error {number} of {origin}, {type_}/{code}, info {info}, data {data}, by {who}"


_TOLD: Final[dict[tuple[int, int], Callable[[bytes], str]]] = {
    NUMBERS["IP_PKTINFO"]: _packet_info,
    NUMBERS["IP_TTL"]: lambda value: f"ttl {int.from_bytes(value, 'little')}",
    NUMBERS["IP_TOS"]: lambda value: f"tos {int.from_bytes(value, 'little')}",
    NUMBERS["IP_RECVERR"]: _error,
    NUMBERS["IP_RECVORIGDSTADDR"]: lambda value: f"first to {socket.inet_ntoa(value[4:8])}",
    NUMBERS["SO_RXQ_OVFL"]: lambda value: f"{int.from_bytes(value, 'little')} lost",
}
