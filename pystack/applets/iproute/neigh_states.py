"""The names of a neighbour's states, as `ip neigh` reads and prints them."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.numbers import unsigned
from pystack.applets.iproute.words import matches, wrong
from pystack.l2.nud import (
    NUD_DELAY,
    NUD_FAILED,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_NONE,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
)

NO_STATE: Final = 0x100  # asks for entries without any state

# Each state with the fewest letters that name it; 0: all of them.
# Linux: iproute2 ip/ipneigh.c nud_state_a2n()
_STATES: Final = (
    ("permanent", NUD_PERMANENT, 1),
    ("reachable", NUD_REACHABLE, 1),
    ("noarp", NUD_NOARP, 0),
    ("none", NUD_NONE, 0),
    ("stale", NUD_STALE, 0),
    ("incomplete", NUD_INCOMPLETE, 0),
    ("delay", NUD_DELAY, 0),
    ("probe", NUD_PROBE, 0),
    ("failed", NUD_FAILED, 1),
)

SHOWN_STATES: Final = (
    NUD_INCOMPLETE,
    NUD_REACHABLE,
    NUD_STALE,
    NUD_DELAY,
    NUD_PROBE,
    NUD_FAILED,
    NUD_NOARP,
    NUD_PERMANENT,
)


def state_of(word: str) -> int | None:
    """The state that a user means, by name or number."""
    for name, state, letters in _STATES:
        if word == name or (letters and matches(word, name)):
            return state
    number = unsigned(word)
    if number is None or number >= 0x100 or number & (number - 1):
        return None
    return number


def wanted_states(value: str, *, flush: bool) -> int:
    """The states that entries are asked to have."""
    state = state_of(value)
    if state is None:
        if value != "all":
            raise wrong("nud state is bad", value)
        return ~NUD_NOARP if flush else ~0
    return state or NO_STATE
