"""At which hook a message was printed: by the devices that it names, and by the words of its prefix."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pystack.compare.log.message import ARP, BRIDGE, Message


class Hook(NamedTuple):
    """As users name it."""

    family: str
    name: str

    def __str__(self) -> str:
        return f"{self.family} {self.name}"


class Place(NamedTuple):
    """Where a message was printed, as far as it tells."""

    hook: Hook
    table: str = ""
    is_guess: bool = False  # the prefix does not say, and the devices allow another hook too
    contradiction: str = ""  # the prefix says what the devices do not allow


# The first is meant where a prefix says nothing: where most firewalls have their rules.
_BY_DEVICES: Final = {
    # whether there is IN=, OUT=
    (True, False): ("INPUT", "PREROUTING"),
    (True, True): ("FORWARD", "POSTROUTING"),
    (False, True): ("OUTPUT", "POSTROUTING"),
}
_OF_A_BRIDGE: Final = {
    (True, False): ("INPUT", "PREROUTING", "BROUTING"),
    (True, True): ("FORWARD",),
    (False, True): ("OUTPUT", "POSTROUTING"),
}
_OF_ARP: Final = {(True, False): ("INPUT",), (True, True): ("FORWARD",), (False, True): ("OUTPUT",)}
_HOOK_WORDS: Final = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("BROUTING", r"brou"),
        ("PREROUTING", r"pre[-_ ]?r"),
        ("POSTROUTING", r"post[-_ ]?r"),
        ("FORWARD", r"forw|fwd"),
        ("INPUT", r"inp"),
        ("OUTPUT", r"outp"),
    )
)
_TABLE_WORDS: Final = tuple(
    (name, re.compile(rf"(?<![a-z]){word}", re.IGNORECASE))
    for name, word in (
        ("broute", "brou"),
        ("raw", "raw"),
        ("mangle", "mangle"),
        ("nat", "nat"),
        ("filter", "filter"),
        ("security", "security"),
    )
)


def place_of(message: Message) -> Place:
    """Its hook and, if the prefix says it, its table."""
    allowed = _allowed(message)
    said = next((name for name, words in _HOOK_WORDS if words.search(message.prefix)), "")
    table = next((name for name, words in _TABLE_WORDS if words.search(message.prefix)), "")
    family = message.family
    if said in allowed:
        return Place(Hook(family, said), table)
    hook = Hook(family, allowed[0])
    if said:
        return Place(hook, table, contradiction=f"the prefix says {said}, the devices say {hook.name}")
    return Place(hook, table, is_guess=len(allowed) > 1)


def _allowed(message: Message) -> tuple[str, ...]:
    devices = (bool(message.indev), bool(message.outdev))
    if message.family == BRIDGE:
        return _OF_A_BRIDGE[devices]
    if message.family == ARP:
        return _OF_ARP[devices]
    if message.physout:  # br_netfilter: it goes from one port to another
        return ("FORWARD",) if message.indev else ("POSTROUTING",)
    return _BY_DEVICES[devices]
