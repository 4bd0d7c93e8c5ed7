"""The kinds of values that the language knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class DataType:
    """Linux's nft calls them ipv4_addr, inet_service, ct_state, …; `describe` shows them."""

    name: str
    bits: int
    description: str
    host_order: bool = False  # how the kernel's register has it; a Value is big-endian all the same
    base: DataType | None = None
