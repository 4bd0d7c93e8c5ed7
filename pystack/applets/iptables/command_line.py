"""What one command line asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pystack.applets.iptables import header as headers
from pystack.applets.iptables.network import Network
from pystack.applets.iptables.spec import RuleSpec

RULE_COMMANDS: Final = "ADCIR"


@dataclass(slots=True)
class Command:
    """A command with all that belongs to it; of rules, all that were said at once."""

    spec: RuleSpec
    sources: list[Network]
    destinations: list[Network]
    letter: str = ""
    zeroes: str = ""  # -L -Z: ZERO, or ZERO_RULE for the one that is listed
    chain: str = ""
    new_name: str = ""
    policy: str = ""
    rulenum: int = 0  # 0: none was given
    table: str = "filter"
    counters: tuple[int, int] | None = None
    verbose: int = 0
    numeric: bool = False
    exact: bool = False
    line_numbers: bool = False
    help: bool = False
    version: bool = False
    other_family: bool = False  # -6 in a line of iptables, -4 in one of ip6tables

    def specs(self) -> list[RuleSpec]:
        """One rule for each pair of addresses."""
        return [
            replace(self.spec, header=headers.with_ends(self.spec.header, source, destination))
            for source in self.sources
            for destination in self.destinations
        ]
