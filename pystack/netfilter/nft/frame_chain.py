"""Chains of ebtables-nft's users: their policy is a rule behind all others.

The tool takes it out and writes it anew whenever it changes something in front of it.

Linux: iptables/nft.c nft_bridge_chain_postprocess()
"""

from __future__ import annotations

from collections.abc import Iterable

from pystack.netfilter.nft.change import Change, Changes
from pystack.netfilter.nft.kin import CompatRule
from pystack.netfilter.nft.table import BRIDGE, NftTable
from pystack.netfilter.rule import RETURN, Chain, Rule, Verdict
from pystack.netfilter.view import View


class FrameChain(Chain):
    """With the rule that its policy is, as the last command has left it."""

    __slots__ = ("_written", "is_disturbed", "last")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.last: Rule | None = None
        self.is_disturbed = False  # something in front of it has changed
        self._written = RETURN

    @property
    def has_to_be_written(self) -> bool:
        """Whether the last command left the policy to be said anew."""
        return self.is_disturbed or self._written != self.policy

    def write(self, table: NftTable) -> None:
        """Say the policy as a rule; the usual one is none."""
        self.last, self._written, self.is_disturbed = None, self.policy, False
        if self.policy != RETURN:
            self.last = CompatRule((), Verdict(self.policy), None)
            self.last.handle = table.next_handle()

    @property
    def behind(self) -> tuple[Rule, ...]:
        """All others."""
        return () if self.last is None else (self.last,)

    def ended(self, view: View) -> None:
        """A packet met the policy."""
        if self.last is not None:
            self.last.packets += 1
            self.last.octets += view.length


def with_policies(tables: Iterable[NftTable], changes: Changes) -> Changes:
    """What one command has changed, with the policies that it had to write for that."""
    gone = [
        (change.table, change.thing)
        for change in changes.all
        if (change.operation, change.kind) == ("delete", "chain") and isinstance(change.thing, FrameChain)
    ]
    anew = [
        (table, chain)
        for table in tables
        if table.family == BRIDGE
        for chain in table.chains.values()
        if isinstance(chain, FrameChain) and chain.has_to_be_written
    ]
    whole = Changes()
    whole.all = [
        *(Change("delete", "rule", *of, of[1].last) for of in (*gone, *anew) if of[1].last is not None),
        *changes.all,
    ]
    for table, chain in anew:
        chain.write(table)
        whole.all += [Change("add", "rule", table, chain, rule) for rule in chain.behind]
    return whole
