"""What stands before an address, a port or a protocol, and goes on to those that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ANY: Final = ""  # nothing was said
NOTHING: Final = "?"  # there is nothing to go on from


@dataclass(frozen=True, slots=True)
class Qualifiers:
    """`tcp src port`: protocol, direction ("src", "dst", "either", "both"), kind of address."""

    protocol: str = ANY
    direction: str = ANY
    address: str = ANY


UNDEFINED: Final = Qualifiers(NOTHING, NOTHING, NOTHING)
