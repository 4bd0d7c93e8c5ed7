"""Neighbour unreachability detection as a table (RFC 4861 section 7.3.2, as Linux keeps it for ARP too).

Rule: everything that decides the next state of a neighbour entry lives in this file. A cell that is missing
is a combination that cannot happen; meeting one is a bug, never silence.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

# Linux: include/uapi/linux/neighbour.h; plain ints because they are tested for every packet
NUD_NONE: Final = 0x00
NUD_INCOMPLETE: Final = 0x01
NUD_REACHABLE: Final = 0x02
NUD_STALE: Final = 0x04
NUD_DELAY: Final = 0x08
NUD_PROBE: Final = 0x10
NUD_FAILED: Final = 0x20
NUD_NOARP: Final = 0x40
NUD_PERMANENT: Final = 0x80

NUD_IN_TIMER: Final = NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE
NUD_VALID: Final = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY
NUD_CONNECTED: Final = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE

NAMES: Final = {
    NUD_NONE: "NONE",
    NUD_INCOMPLETE: "INCOMPLETE",
    NUD_REACHABLE: "REACHABLE",
    NUD_STALE: "STALE",
    NUD_DELAY: "DELAY",
    NUD_PROBE: "PROBE",
    NUD_FAILED: "FAILED",
    NUD_NOARP: "NOARP",
    NUD_PERMANENT: "PERMANENT",
}


class NudEvent(Enum):
    """What can happen to an entry."""

    SEND = auto()  # a packet wants to go there
    EXPIRED = auto()  # REACHABLE: nobody confirmed for a reachable_time, nobody used it lately
    EXPIRED_IN_USE = auto()  # the same, but it was used within delay_first_probe_time
    CONFIRMED = auto()  # DELAY: somebody confirmed meanwhile
    UNCONFIRMED = auto()  # DELAY: nobody did
    PROBES_SPENT = auto()  # INCOMPLETE, PROBE: the last question went unanswered
    ANSWERED = auto()  # a reply to us
    HEARD = auto()  # any other packet that tells the address, not changing it
    MOVED = auto()  # a packet that changes the address and was not a reply to us
    UNASKABLE = auto()  # a packet wants to go there, but the device is told never to ask


_TIMED_OUT = {NudEvent.PROBES_SPENT: NUD_FAILED}
_TOLD = {NudEvent.ANSWERED: NUD_REACHABLE, NudEvent.HEARD: NUD_STALE, NudEvent.MOVED: NUD_STALE}
_KEPT = dict.fromkeys((*_TOLD, NudEvent.SEND), NUD_PERMANENT)
_NOARP = dict.fromkeys((*_TOLD, NudEvent.SEND), NUD_NOARP)

TRANSITIONS: Final[dict[int, dict[NudEvent, int]]] = {
    NUD_NONE: {NudEvent.SEND: NUD_INCOMPLETE, NudEvent.UNASKABLE: NUD_FAILED, **_TOLD},
    NUD_INCOMPLETE: {
        NudEvent.SEND: NUD_INCOMPLETE,
        **_TIMED_OUT,
        **_TOLD,
    },
    NUD_REACHABLE: {
        NudEvent.SEND: NUD_REACHABLE,
        NudEvent.EXPIRED: NUD_STALE,
        NudEvent.EXPIRED_IN_USE: NUD_DELAY,
        NudEvent.ANSWERED: NUD_REACHABLE,
        NudEvent.HEARD: NUD_REACHABLE,
        NudEvent.MOVED: NUD_STALE,
    },
    NUD_STALE: {
        NudEvent.SEND: NUD_DELAY,
        NudEvent.ANSWERED: NUD_REACHABLE,
        NudEvent.HEARD: NUD_STALE,
        NudEvent.MOVED: NUD_STALE,
    },
    NUD_DELAY: {
        NudEvent.SEND: NUD_DELAY,
        NudEvent.CONFIRMED: NUD_REACHABLE,
        NudEvent.UNCONFIRMED: NUD_PROBE,
        NudEvent.ANSWERED: NUD_REACHABLE,
        NudEvent.HEARD: NUD_DELAY,
        NudEvent.MOVED: NUD_STALE,
    },
    NUD_PROBE: {
        NudEvent.SEND: NUD_PROBE,
        **_TIMED_OUT,
        NudEvent.ANSWERED: NUD_REACHABLE,
        NudEvent.HEARD: NUD_PROBE,
        NudEvent.MOVED: NUD_STALE,
    },
    NUD_FAILED: {NudEvent.SEND: NUD_INCOMPLETE, NudEvent.UNASKABLE: NUD_FAILED, **_TOLD},
    NUD_NOARP: _NOARP,
    NUD_PERMANENT: _KEPT,
}


def next_state(state: int, event: NudEvent) -> int:
    """The state after an event."""
    return TRANSITIONS[state][event]
