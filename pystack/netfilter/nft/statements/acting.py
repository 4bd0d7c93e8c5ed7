"""What iptables' targets do, as a statement: those that let a packet go on."""

from __future__ import annotations

from pystack.netfilter.rule import Match, Target
from pystack.netfilter.view import View


class Acting(Match):
    """A target in the midst of a rule: NFLOG, TEE, NOTRACK."""

    __slots__ = ("target", "uses_connections")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.uses_connections = target.uses_connections

    def __call__(self, view: View) -> bool:
        """Do it."""
        self.target.apply(view)
        return True
