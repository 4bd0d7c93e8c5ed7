"""How packets are shown by the process that answers for queues, and how it is told what becomes of them: a
message each, over a pair of sockets between two processes of ours.
"""

from __future__ import annotations

import socket
import struct
from typing import Final, NamedTuple

from pystack.hooks.judge.answer import ACCEPT, Answer
from pystack.hooks.queue.packet import Queued

# A queue's place; then as Queued has it, the payload at the end; the source MAC with its length, the owner
# behind whether there is one.
_SHOWN: Final = struct.Struct("=B I H B 7I B 6s ? 2I")
# A queue's place, the packet, the verdict; whether there is a mark, and which; whether octets follow.
_ANSWER: Final = struct.Struct("=B I B ? I ?")
_ROOM: Final = 4 << 20  # octets that may wait to be read, with what the kernel adds to each message
_SO_SNDBUFFORCE: Final = 32
_LONGEST: Final = (1 << 16) + 64


class Reply(NamedTuple):
    """What becomes of one packet."""

    place: int  # of its queue
    packet: int
    answer: Answer


class Mail:
    """One end of the pair. Nothing waits: not for room, not for a letter."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        end.setblocking(False)

    def fileno(self) -> int:
        """For poll."""
        return self._socket.fileno()

    def show(self, place: int, one: Queued) -> bool:
        """Whether there was room."""
        devices = one.indev, one.outdev, one.physin, one.physout
        numbers = place, one.id, one.protocol, one.hook, *devices, one.mark, one.length, one.info
        station, owner = (len(one.station), one.station), one.owner or (0, 0)
        return self._send(_SHOWN.pack(*numbers, *station, one.owner is not None, *owner) + one.payload)

    def reply(self, place: int, packet: int, answer: Answer) -> bool:
        """Whether there was room."""
        mark, payload = answer.mark, answer.payload
        head = _ANSWER.pack(place, packet, answer.verdict, mark is not None, mark or 0, payload is not None)
        return self._send(head + (payload or b""))

    def greet(self) -> None:
        """From now on packets can be asked about. An answer about none: their numbers begin with 1."""
        self.reply(0, 0, ACCEPT)

    def shown(self, most: int) -> list[tuple[int, Queued]]:
        """Packets with the places of their queues, so many at most. Raises EOFError at the end."""
        found: list[tuple[int, Queued]] = []
        while len(found) < most and (letter := self._receive()):
            place, *numbers, octets, station, has_owner, uid, gid = _SHOWN.unpack_from(letter)
            owner = (uid, gid) if has_owner else None
            found.append((place, _queued(numbers, letter[_SHOWN.size :], station[:octets], owner)))
        return found

    def replies(self, most: int) -> list[Reply]:
        """So many at most. Raises EOFError at the end."""
        found: list[Reply] = []
        while len(found) < most and (letter := self._receive()):
            place, packet, verdict, has_mark, mark, has_payload = _ANSWER.unpack_from(letter)
            payload = letter[_ANSWER.size :] if has_payload else None
            answer = Answer(verdict, mark if has_mark else None, payload)
            found.append(Reply(place, packet, answer))
        return found

    def close(self) -> None:
        """Neither is read nor written any more."""
        self._socket.close()

    def _send(self, letter: bytes) -> bool:
        try:
            self._socket.send(letter, socket.MSG_NOSIGNAL)
        except OSError:  # no room, or nobody there
            return False
        return True

    def _receive(self) -> bytes:
        """Nothing where nothing waits."""
        try:
            letter = self._socket.recv(_LONGEST)
        except BlockingIOError:
            return b""
        except OSError:
            raise EOFError from None
        if not letter:
            raise EOFError
        return letter


def _queued(numbers: list[int], payload: bytes, station: bytes, owner: tuple[int, int] | None) -> Queued:
    packet, protocol, hook, indev, outdev, physin, physout, mark, length, info = numbers
    devices = indev, outdev, physin, physout
    return Queued(packet, protocol, hook, *devices, mark, payload, length, station, info, owner)


def pair() -> tuple[Mail, Mail]:
    """Both ends."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        try:
            end.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _ROOM)
        except PermissionError:  # then less waits
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
    return Mail(ends[0]), Mail(ends[1])
