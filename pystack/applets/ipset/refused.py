"""How ipset refuses: what it prints behind its name and version, and its exit code."""

from __future__ import annotations

from typing import Final

from pystack.netfilter.ipset import Fault

VERSION: Final = "ipset v7.17"
FAILED: Final = 1
USAGE_ERROR: Final = 2

# Linux: ipset lib/errcode.c
FAULTS: Final = {
    Fault.NO_SET: "The set with the given name does not exist",
    Fault.TYPES_DIFFER: "The sets cannot be swapped: their type does not match",
    Fault.EXISTS: "Element cannot be added to the set: it's already added",
    Fault.MISSING: "Element cannot be deleted from the set: it's not added",
    Fault.NULL: "Null-valued element, cannot be stored in a hash type of set",
    Fault.FULL: "Hash is full, cannot add more elements",
    Fault.NO_TIMEOUT: "Timeout cannot be used: set was created without timeout support",
    Fault.NO_COUNTERS: "Packet/byte counters cannot be used: set was created without counter support",
    Fault.NO_COMMENT: "Comment cannot be used: set was created without comment support",
    Fault.PREFIX: "The value of the CIDR parameter of the IP address is invalid",
}
_BY_COMMAND: Final = {
    ("create", Fault.SET_EXISTS): "Set cannot be created: set with the same name already exists",
    ("rename", Fault.SET_EXISTS): "Set cannot be renamed: a set with the new name already exists",
    ("rename", Fault.IN_USE): "Set cannot be renamed: it is in use by another system",
    ("destroy", Fault.IN_USE): "Set cannot be destroyed: it is in use by a kernel component",
}


class Refused(Exception):
    """A command that is not done."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def syntax(text: str) -> Refused:
    """A word that means nothing."""
    return Refused(f"Syntax error: {text}")


def usage(text: str) -> Refused:
    """A command line that ipset does not take."""
    return Refused(text, USAGE_ERROR)


def worded(command: str, fault: Fault) -> str:
    """What the sets refuse, in ipset's words."""
    return _BY_COMMAND.get((command, fault)) or FAULTS[fault]


def number(text: str, high: int, low: int = 0) -> int:
    """A number inside bounds. Linux: ipset lib/parse.c string_to_number_ll()"""
    digits = text.lower().removeprefix("0x")
    base = 16 if text.lower().startswith("0x") else 10
    try:
        value = int(digits, base) if digits.isascii() and digits.isalnum() else -1
    except ValueError:
        value = -1
    if value < 0:
        raise syntax(f"'{text}' is invalid as number")
    if not low <= value <= high:
        raise syntax(f"'{text}' is out of range {low}-{high}")
    return value
