"""How iptables words what the tables refuse, command by command. Linux: libiptc.c TC_STRERROR(),
iptables/nft.c nft_strerror()
"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import (
    OTHER_PROBLEM,
    RESOURCE_PROBLEM,
    KernelRefused,
)
from pystack.errors import E2BIG, EBUSY, EEXIST, EINVAL, ENOENT, strerror

_BY_COMMAND: Final = {
    ("D", E2BIG): "Index of deletion too big",
    ("I", E2BIG): "Index of insertion too big",
    ("R", E2BIG): "Index of replacement too big",
    ("Z", E2BIG): "Index of counter too big",
    ("N", EEXIST): "Chain already exists",
    ("X", EBUSY): "Directory not empty",
    ("P", ENOENT): "Bad built-in chain name",
    ("P", EINVAL): "Bad policy name",
}
_NO_CHAIN: Final = "No chain/target/match by that name"
_NO_RULE: Final = "Bad rule (does a matching rule exist in that chain?)"


def worded(error: KernelRefused, letter: str, owner: Owner) -> tuple[str, int]:
    """The text without the program's name, and the exit code."""
    if owner.is_nft and error.verb not in ("", "rule", "policy"):
        return failed(error), RESOURCE_PROBLEM
    return f"{reason(error, letter)}.{_hint(error)}", OTHER_PROBLEM


def failed(error: KernelRefused) -> str:
    """What the kernel refused of nft's. Linux: mnl_append_error()"""
    what = strerror(error.number)
    return f" {error.verb} failed ({what}): {error.where}"


def reason(error: KernelRefused, letter: str) -> str:
    """Why, in a few words."""
    known = _BY_COMMAND.get((letter, error.number))
    if known is not None:
        return known
    if error.number == ENOENT:
        return _NO_RULE if error.verb == "rule" else _NO_CHAIN
    return strerror(error.number)


def _hint(error: KernelRefused) -> str:
    return " Run `dmesg' for more information." if error.number == EINVAL else ""
