"""Calls on sockets, as scenarios write them: `web listen 5`, `web accept one`, `one send hello`.

The first word names a socket, the second says what is done with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pystack.sock.option_numbers import NUMBERS
from pystack.wire.ipv4 import parse_address

LONGEST: Final = 0xFFFF * 16  # octets of one send
KINDS: Final = ("tcp", "udp")
HOWS: Final = ("rd", "wr", "rdwr")
# What follows each verb: at least, at most so many words.
VERBS: Final[Mapping[str, tuple[int, int]]] = {
    "socket": (1, 2),  # tcp|udp [NETNS]
    "bind": (2, 2),  # ADDRESS PORT
    "connect": (2, 2),
    "listen": (1, 1),  # BACKLOG
    "accept": (1, 1),  # NAME of what is accepted
    "send": (1, 1),  # TEXT, or TEXT*TIMES
    "sendto": (3, 3),  # ADDRESS PORT TEXT
    "recv": (1, 1),  # so many octets at most
    "recvmsg": (1, 1),  # with all that is told beside them
    "recverr": (0, 0),  # what the queue of errors holds
    "shutdown": (1, 1),  # rd|wr|rdwr
    "close": (0, 0),
    "set": (1, 32),  # OPTION VALUE…
    "get": (1, 1),
    "state": (0, 0),
    "name": (0, 0),
    "peer": (0, 0),
}
_NUMERIC: Final = ("listen", "recv", "recvmsg")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One call."""

    name: str
    verb: str
    words: tuple[str, ...]


def parse(text: str) -> Spoken | str:
    """The call that a text says, or what is wrong with it."""
    name, verb, *words = [*text.split(), "", ""][: max(len(text.split()), 2)]
    if not name or not verb:
        return "is NAME VERB …, such as `web listen 5`"
    if verb not in VERBS:
        return f'"{verb}" is nothing to do with a socket (known: {", ".join(VERBS)})'
    fewest, most = VERBS[verb]
    if not fewest <= len(words) <= most:
        return f"{verb}: takes {fewest} words" + (f" to {most}" if most > fewest else "")
    fault = _fault_of(verb, words)
    return f"{verb}: {fault}" if fault else Spoken(name, verb, tuple(words))


def _fault_of(verb: str, words: list[str]) -> str:
    if verb == "socket" and words[0] not in KINDS:
        return f'"{words[0]}" is none of {", ".join(KINDS)}'
    if verb in ("bind", "connect", "sendto"):
        if parse_address(words[0]) is None:
            return f'"{words[0]}" is no address'
        if not _is_number(words[1]) or int(words[1]) > 0xFFFF:
            return f'"{words[1]}" is no port'
    if verb in _NUMERIC and not _is_number(words[0]):
        return f'"{words[0]}" is no number'
    if verb == "shutdown" and words[0] not in HOWS:
        return f'"{words[0]}" is none of {", ".join(HOWS)}'
    if verb in ("set", "get") and words[0] not in NUMBERS:
        return f'there is no option "{words[0]}"'
    if verb in ("send", "sendto") and len(payload(words[-1])) > LONGEST:
        return f"more than {LONGEST} octets"
    return ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def payload(word: str) -> bytes:
    """`hello`, or `x*3000`."""
    text, star, times = word.rpartition("*")
    if not star or not _is_number(times):
        return word.encode()
    return text.encode() * min(int(times), LONGEST + 1)
