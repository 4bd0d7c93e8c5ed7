"""Which rule of the copy decided about a packet, between which of its hops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pystack.compare.lab.observers import Recorder
from pystack.explain.rule_steps import listeners
from pystack.netfilter.rule import CONTINUE, Chain, Rule
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View
from pystack.netns import Netns

RuleWords = Callable[[Chain, Rule], str]
ChainName = Callable[[Chain], str]


@dataclass(frozen=True, slots=True)
class Decision:
    """Of a rule, or of a policy."""

    after: int  # so many records
    packet: int
    ear: Ear
    chain: Chain
    number: int  # 0: no rule decided
    rule: Rule | None
    verdict: int

    @property
    def words(self) -> str:
        """As a user finds it again."""
        place = self.ear.chain_name(self.chain)
        if self.rule is None:
            policy = "DROP" if self.verdict == NF_DROP else "ACCEPT"
            return f"{place}: no rule decides, the policy is {policy}"
        return f"{place}: rule {self.number}: {self.ear.rule_words(self.chain, self.rule)}"


class Ear:
    """Hears one table. A walk.Listener."""

    def __init__(
        self, heard: list[Decision], recorder: Recorder, rule_words: RuleWords, chain_name: ChainName
    ) -> None:
        self._heard = heard
        self._recorder = recorder
        self.rule_words = rule_words
        self.chain_name = chain_name

    def rule(self, chain: Chain, number: int, rule: Rule, verdict: int, view: View) -> None:
        """One that matched; what lets the next one decide is not noted."""
        if verdict != CONTINUE:
            self._note(chain, number, rule, verdict, view)

    def policy(self, chain: Chain, view: View) -> None:
        """None decided."""
        self._note(chain, 0, None, chain.policy, view)

    def _note(self, chain: Chain, number: int, rule: Rule | None, verdict: int, view: View) -> None:
        recorder = self._recorder
        packet = recorder.number(view.pkt)
        self._heard.append(Decision(len(recorder.records), packet, self, chain, number, rule, verdict))


def hear_decisions(netns: Netns, recorder: Recorder) -> list[Decision]:
    """A list that grows with every decision; whoever reads it empties it."""
    heard: list[Decision] = []
    for table, named in listeners(netns, lambda *_: ""):
        table.listener = Ear(heard, recorder, named.words, named.name)
    return heard
