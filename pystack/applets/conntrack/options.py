"""What a command line of conntrack(8) asks for.

Linux: conntrack-tools src/conntrack.c struct ct_cmd
"""

from __future__ import annotations

from dataclasses import dataclass, field

Where = tuple[str, str]  # original or reply, and a field of Tuple


@dataclass(slots=True)
class Options:
    """What is asked for."""

    command: str = ""
    table: str = "conntrack"
    file: str = ""  # of -R
    given: set[str] = field(default_factory=set)  # options, by the names that complaints have
    given_of_protocol: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    outputs: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    buffer_size: int = 0
    timeout: int = 0  # seconds
    family: int = 0
    protocol: int | None = None
    addresses: dict[Where, tuple[int, int]] = field(default_factory=dict)  # network and mask
    expected: dict[str, int] = field(default_factory=dict)  # saddr, daddr, sport, dport of what is expected
    masks: dict[str, int] = field(default_factory=dict)
    ports: dict[Where, int] = field(default_factory=dict)
    icmp: dict[str, int] = field(default_factory=dict)
    state: int | None = None
    status: int = 0
    unset: int = 0
    mark: int = 0
    mark_mask: int = 0xFFFFFFFF
    zones: dict[str, int] = field(default_factory=dict)
    id: int | None = None
    nat: dict[int, tuple[int | None, int | None]] = field(default_factory=dict)  # IPS_*: address, port

    @property
    def has_filter(self) -> bool:
        """Whether not all connections are meant. Linux: CT_COMPARISON"""
        return bool(self.given - {"zero", "output", "family", "src-nat", "dst-nat", "any-nat"})
