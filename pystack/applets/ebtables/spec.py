"""A rule of ebtables as it was read: its printed form, and what it compiles to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pystack.applets.ebtables.extension import (
    VERDICTS,
    Extension,
    MatchExtension,
    Site,
    TargetExtension,
    WatcherExtension,
)
from pystack.applets.ebtables.header import Header
from pystack.applets.iptables.option import Values
from pystack.errors import NotModelled
from pystack.netfilter.rule import CONTINUE, Chain, Jump, Match, Rule, Target, Verdict


def spec_of(rule: Rule) -> RuleSpec:
    """As a rule was read. Raises NotModelled of one that nft's users put there."""
    if not isinstance(rule.spec, RuleSpec):
        raise NotModelled("ebtables where nft has put a rule into its table", ("nft list ruleset",))
    return rule.spec


@dataclass(slots=True)
class RuleSpec:
    """All that stands between the chain's name and the end of the line."""

    header: Header = field(default_factory=Header)
    parts: list[tuple[MatchExtension, Values]] = field(default_factory=list)  # matches and watchers, as given
    target: str = "CONTINUE"  # a verdict, an extension or a chain
    extension: tuple[TargetExtension, Values] | None = None
    nft: bool = True  # whose tables it is for

    def extensions(self) -> Iterator[tuple[Extension, Values]]:
        """The matches and watchers, then the target if it is more than a name."""
        yield from self.parts
        if self.extension is not None:
            yield self.extension

    def text(self, rule: Rule | None = None) -> str:
        """As it is printed; a chain's name is asked of the chain, which may have got another."""
        words = "".join(f"{word} " for word in self.header.show(nft=self.nft))
        words += "".join(extension.text(values) for extension, values in self._shown())
        name = self.target
        if rule is not None and isinstance(rule.target, Jump):
            name = rule.target.chain.name
        if self.extension is None:
            blank = " " if name in VERDICTS and not self.nft else ""
            return f"{words}-j {name}{blank}"
        extension, values = self.extension
        options = extension.text(values)
        return f"{words}-j {name} {options[:-1]}"

    def words(self, rule: Rule) -> Iterator[str]:
        """All of it, as a command line takes it."""
        yield from self.header.show(nft=self.nft)
        for extension, values in self.parts:
            yield from extension.words(values)
        yield from ("-j", rule.target.chain.name if isinstance(rule.target, Jump) else self.target)
        if self.extension is not None:
            yield from self.extension[0].words(self.extension[1])

    def _shown(self) -> list[tuple[MatchExtension, Values]]:
        """Of several parts nft's tool prints only the first and the last.

        Linux: iptables/nft-bridge.c parse_watcher()
        """
        if self.nft:
            return self.parts if len(self.parts) < 2 else [self.parts[0], self.parts[-1]]
        return [*self._matches(), *self._watchers()]

    def _matches(self) -> list[tuple[MatchExtension, Values]]:
        return [part for part in self.parts if not isinstance(part[0], WatcherExtension)]

    def _watchers(self) -> list[tuple[MatchExtension, Values]]:
        return [part for part in self.parts if isinstance(part[0], WatcherExtension)]

    def same_as(self, rule: Rule) -> bool:
        """Whether a rule of a table says this; nft's tool does not look at watchers.

        Linux: iptables/nft.c nft_rule_cmp()
        """
        return self._key() == spec_of(rule)._key(rule)

    def _key(self, rule: Rule | None = None) -> tuple[object, ...]:
        name = self.target
        if rule is not None and isinstance(rule.target, Jump):
            name = rule.target.chain.name
        compared = self._matches() if self.nft else self._shown()
        parts = [(extension.name, dict(values)) for extension, values in compared]
        return self.header.key(), parts, name, None if self.extension is None else dict(self.extension[1])

    def compile(self, site: Site, chains: Mapping[str, Chain]) -> tuple[tuple[Match, ...], Target | None]:
        """The tests, and the target."""
        tests = list(self.header.tests(nft=self.nft))
        parts = self.parts if self.nft else [*self._matches(), *self._watchers()]
        for match, values in parts:
            tests += match.compile(values, site)
        return tuple(tests), self._target(site, chains)

    def _target(self, site: Site, chains: Mapping[str, Chain]) -> Target | None:
        if self.extension is not None:
            extension, values = self.extension
            return extension.compile(values, site)
        if self.target in VERDICTS:
            verdict = VERDICTS[self.target]
            return None if verdict == CONTINUE else Verdict(verdict)
        return Jump(chains[self.target])
