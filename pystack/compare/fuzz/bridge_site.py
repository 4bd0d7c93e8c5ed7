"""The topology of a fuzzed bridge, as far as those who make up its steps have to know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

FLAGS: Final = ("hairpin", "learning", "flood", "mcast_flood", "bcast_flood", "isolated", "locked")


@dataclass(slots=True)
class Site:
    """Grows while it is drawn; the steps may change everything, which it does not follow."""

    ports: tuple[str, ...]
    bridges: tuple[str, ...]
    stations: tuple[str, ...]
    groups: tuple[str, ...]
    snooping: bool
    forgets: bool  # ageing may be 0
    ends: tuple[str, ...] = ()  # of a cable
    addressed: list[str] = field(default_factory=list)  # bridges that have an IP
    enslaved: list[str] = field(default_factory=list)
    anchors: dict[str, str] = field(default_factory=dict)  # port -> the addressed bridge that it holds up
    own: list[int] = field(default_factory=list)  # this host's IPs
    neighbours: dict[int, str] = field(default_factory=dict)  # IP -> MAC
    write_down: dict[str, list[str]] = field(default_factory=dict)  # bridge -> commands for its neighbours
    setup: list[str] = field(default_factory=list)

    def enslave(self, device: str, bridge: str) -> None:
        """Make a device the port of a bridge."""
        self.enslaved.append(device)
        if bridge in self.addressed and bridge not in self.anchors.values():
            self.anchors[device] = bridge
        self.setup.append(f"ip link set {device} master {bridge}")

    def movable(self) -> list[str]:
        """The ports that may go down, or elsewhere."""
        return [port for port in (*self.ports, *self.ends) if port not in self.anchors]

    def flags_of(self, device: str) -> tuple[str, ...]:
        """What may be set: two hairpins at one cable would play ball for ever."""
        return FLAGS[1:] if device in self.ends[1:] else FLAGS
