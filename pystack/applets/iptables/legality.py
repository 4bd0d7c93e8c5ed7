"""Which commands go together, and which options go with them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pystack.applets.iptables.refused import Refused

COMMANDS: Final = "ADCIRLSFZNXEP"
ZERO: Final = "Z"
DELETE_RULE: Final = "d"  # -D with a number
ZERO_RULE: Final = "z"  # -Z with a number
NUMBERED: Final = {"D": DELETE_RULE, "Z": ZERO_RULE}

_BITS: Final = "IDdRALFZNXPESzC"  # the commands, by the bits that iptables gives them
_TOGETHER: Final = {"L": "Zz", "S": "Zz", "Z": "LS"}
_ORDER: Final = "nsdpjvxio0cf"  # in which options are checked
_ALMOST_ALL: Final = "nsdpjxio0cf"

# Which options a command does not take. Linux: commands_v_options
_ILLEGAL: Final[dict[str, str]] = {
    "I": "nx0",
    "D": "nx0c",
    "R": "nx0",
    "A": "nx0",
    "C": "nx0c",
    "L": "sdpjiocf",
    "P": "nsdpjxio0f",
    **dict.fromkeys("dFZNXESz", _ALMOST_ALL),
}


def joined(commands: str, letter: str) -> str:
    """The commands so far, with one more. Linux: add_command()"""
    others = [known for known in _BITS if known in commands and known not in _TOGETHER.get(letter, "")]
    if others:
        raise Refused(f"Cannot use -{letter} with -{others[-1].upper()}")
    return commands + letter


def check(commands: str, options: Collection[str]) -> None:
    """What one of the commands takes is taken. Linux: generic_opt_check()"""
    for option in _ORDER:
        if option in options and all(option in _ILLEGAL[command] for command in commands):
            raise Refused(f"Illegal option `-{option}' with this command")


def told(commands: str) -> tuple[str, str]:
    """The letter of the command, and how it sets counters to 0 behind that: not, Z or z."""
    first = next((letter for letter in commands if letter in "LS"), commands[0])
    zeroes = next((letter for letter in commands if letter in "Zz" and letter != first), "")
    return first.upper() if first != ZERO_RULE else "Z", zeroes
