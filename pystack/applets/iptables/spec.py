"""A rule as it was read: its printed forms, and what it compiles to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.iptables.extension import Extension, MatchExtension, Site, TargetExtension
from pystack.applets.iptables.header import Header
from pystack.applets.iptables.option import Values
from pystack.errors import NotModelled
from pystack.netfilter.rule import RETURN, Chain, Jump, Match, Rule, Target, Verdict
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP

VERDICTS: Final = {"ACCEPT": NF_ACCEPT, "DROP": NF_DROP, "RETURN": RETURN}


@dataclass(slots=True)
class RuleSpec:
    """All that stands between the chain's name and the end of the line."""

    header: Header
    matches: list[tuple[MatchExtension, Values]] = field(default_factory=list)
    target: str = ""  # a verdict, an extension or a chain; empty: only counted
    extension: tuple[TargetExtension, Values] | None = None
    goto: bool = False
    nft: bool = True  # whose tables it is for
    _saved: str | None = None

    def parts(self) -> Iterator[tuple[Extension, Values]]:
        """The matches, then the target if it is more than a name."""
        yield from self.matches
        if self.extension is not None:
            yield self.extension

    @property
    def hooks(self) -> list[tuple[str, ...]]:
        """Below which built-in chains parts of it may stand, of those that may not stand everywhere."""
        return [part.hooks for part, _ in self.parts() if part.hooks]

    def given(self, extension: str) -> Iterator[Values]:
        """What was given to each match of a name."""
        return (values for match, values in self.matches if match.name == extension)

    def save(self) -> str:
        """All but the target; that is what is the same in every chain, so it is kept."""
        if self._saved is None:
            words = list(self.header.save(nft=self.nft))
            for match, values in self.matches:
                if not match.is_shown(values, nft=self.nft):
                    continue
                words.append(f"-m {match.name}")
                if text := match.save(values):
                    words.append(text)
            self._saved = "".join(f" {word}" for word in words)
        return self._saved

    def save_target(self, rule: Rule | None = None) -> str:
        """`-j LOG --log-prefix x`; a chain's name is asked of the chain, which may have got another."""
        if not self.target:
            return ""
        name = self.target
        if rule is not None and isinstance(rule.target, Jump):
            name = rule.target.chain.name
        text = f" {'-g' if self.goto else '-j'} {name}"
        if self.extension is not None and (options := self.extension[0].save(self.extension[1])):
            text += f" {options}"
        return text

    def same_as(self, rule: Rule) -> bool:
        """Whether a rule of a table says this; of nft's own rule what stands for it."""
        other = rule.spec
        return (
            isinstance(other, RuleSpec)
            and self.save() == other.save()
            and self.save_target() == other.save_target(rule)
        )

    def compile(self, site: Site, chains: Mapping[str, Chain]) -> tuple[tuple[Match, ...], Target | None]:
        """The tests, and the target. Linux: the entries that iptables hands to the kernel"""
        tests = list(self.header.tests(nft=self.nft))
        for match, values in self.matches:
            tests += match.compile(values, site)
        return tuple(tests), self._target(site, chains)

    def _target(self, site: Site, chains: Mapping[str, Chain]) -> Target | None:
        if self.extension is not None:
            extension, values = self.extension
            return extension.compile(values, site)
        if not self.target:
            return None
        if self.target in VERDICTS and not self.goto:
            return Verdict(VERDICTS[self.target])
        return Jump(chains[self.target], goto=self.goto)


def spec_of(rule: Rule) -> RuleSpec:
    """As a rule was read. Raises NotModelled of one that nft's users put into a table of iptables."""
    if not isinstance(rule.spec, RuleSpec):
        raise NotModelled("iptables where nft has put a rule into its table", ("nft list ruleset",))
    return rule.spec
