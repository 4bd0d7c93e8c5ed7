"""How a listing is to look: nft's options for printing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """One for each option; `-n` is all four of the numeric ones."""

    handles: bool = False  # -a
    stateless: bool = False  # -s
    terse: bool = False  # -t
    services: bool = False  # -S
    host_names: bool = False  # -N
    user_names: bool = False  # -u
    numeric_priority: bool = False  # -y
    numeric_protocol: bool = False  # -p
    numeric_symbol: bool = False  # only with -n
    numeric_time: bool = False  # -T
    echo: bool = False  # -e
    readable: bool = False  # none of nft's options: only what it can read again
