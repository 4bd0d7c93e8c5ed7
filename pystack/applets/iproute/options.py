"""The options before the object: `ip -br -4 -n lab …`."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.applets.io import Io
from pystack.applets.iproute.printer import Printer


@dataclass(slots=True)
class Options:
    """What was asked for; counts, where an option may stand several times."""

    family: str = ""  # "", inet, inet6, link, bridge
    stats: int = 0
    details: bool = False
    human: bool = False
    iec: bool = False
    oneline: bool = False
    brief: bool = False
    json: bool = False
    pretty: bool = False
    numeric: bool = False
    force: bool = False
    all: bool = False
    color: str = "never"  # always, auto
    batch_file: str | None = None
    max_flush_loops: int = 10

    def printer(self, io: Io) -> Printer:
        """What a listing writes into."""
        color = self.color == "always" or (self.color == "auto" and io.tty)
        return Printer(io.out, json=self.json, pretty=self.pretty, oneline=self.oneline, color=color)
