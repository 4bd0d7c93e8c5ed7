"""What a match or a target is to the command line: options, checks, printed forms, what it compiles to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.header import Header
from pystack.applets.iptables.option import Option, Values
from pystack.applets.iptables.refused import BadOption
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.conntrack.conntrack import Conntrack
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Match, Target
from pystack.netfilter.table import TableSet
from pystack.netfilter.tables import Tables


class RuleParts(Protocol):
    """What an extension may ask of the rest of its rule."""

    @property
    def header(self) -> Header:
        """What the rule says of the IP header."""

    def given(self, extension: str) -> Iterator[Values]:
        """What was given to each match of a name."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a rule is to stand, what it may use there, and what its header says."""

    table_set: TableSet
    table: str
    chain: str
    nft: bool
    rule: RuleParts

    @property
    def tables(self) -> Tables:
        """Those of iptables, which have more than others."""
        assert isinstance(self.table_set, Tables), "rules of arptables do not ask for it"
        return self.table_set

    @property
    def path(self) -> Path:
        """The path that packets take."""
        return self.tables.path

    @property
    def conntrack(self) -> Conntrack:
        """Who tracks connections."""
        return self.tables.conntrack

    @property
    def header(self) -> Header:
        """What the rule says of the IP header."""
        return self.rule.header


class Extension:
    """Of matches and targets alike; values that were not given are not in `values`."""

    name: ClassVar[str]
    families: ClassVar[tuple[Family, ...]] = (IPV4, IPV6)
    options: ClassVar[tuple[Option, ...]] = ()
    ids: ClassVar[tuple[str, ...]] = ()  # options in the order in which they are held against each other
    protocols: ClassVar[tuple[int, ...]] = ()  # one of which -p has to say; the kernel asks for it
    tables: ClassVar[tuple[str, ...]] = ()  # in which it may stand; empty: in all
    gap: ClassVar[str] = " "  # in front of what -L prints
    hooks: ClassVar[tuple[str, ...]] = ()  # built-in chains in which it may stand; empty: in all

    def option_named(self, name: str) -> Option | None:
        """The option of a name, which may be an alias."""
        return next((option for option in self.options if name in (option.name, *option.aliases)), None)

    def check(self, values: Values) -> None:
        """Whether what was given goes together; raises Refused. Linux: xtables_target.x6_fcheck"""

    def check_translation(self, values: Values, header: Header) -> None:
        """Whether nft can say it in its own words, where it does; raises Refused."""

    def kernel_error(self, values: Values, site: Site) -> int:
        """The errno with which the kernel refuses this here, 0 if it does not. Linux: xt_check_match()"""
        if self.protocols and (site.header.protocol_inverted or site.header.protocol not in self.protocols):
            return EINVAL
        if self.tables and site.table not in self.tables:
            return EINVAL
        return EINVAL if self.is_barred(site.chain) else 0

    def is_barred(self, chain: str) -> bool:
        """Whether it may not stand where packets come from this built-in chain."""
        return bool(self.hooks) and chain in _BUILTIN and chain not in self.hooks

    def save(self, values: Values) -> str:
        """The options as -S prints them, in the order of the table above."""
        words: list[str] = []
        for option in self.options:
            given = values.get(option.name)
            if given is None:
                continue
            words += ["!"] if given.inverted else []
            words.append(f"--{option.name}")
            words += [option.show(given.value)] if option.parse is not None else []
        return " ".join(words)

    def prepared(self, values: Values, *, nft: bool) -> Values:
        """What is kept of what was given."""
        return values

    def taken(self, values: Values) -> Values:
        """What the kernel makes of it."""
        return values

    def is_shown(self, values: Values, *, nft: bool) -> bool:
        """Whether a rule that is printed has this at all."""
        return True

    def warnings(self, values: Values) -> tuple[str, ...]:
        """What the tool says of them before it takes them."""
        return ()

    def listing(self, values: Values, names: Names | None) -> str:
        """What -L prints behind the addresses; `names` is None with -n."""
        raise NotImplementedError


_BUILTIN: Final = frozenset(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"))


class MatchExtension(Extension):
    """`-m NAME`"""

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """All that must hold."""
        raise NotImplementedError


class TargetExtension(Extension):
    """`-j NAME`"""

    listed_as: ClassVar[str] = ""  # what -L calls it, where that is not its name

    def compile(self, values: Values, site: Site) -> Target:
        """What is done."""
        raise NotImplementedError


def exactly_needed(extension: Extension, values: Values) -> None:
    """What the table of options asks for. Linux: xtables_options_fcheck()"""
    for option in extension.options:
        if option.name not in values:
            if option.required:
                raise BadOption(f'{extension.name}: option "--{option.name}" must be specified')
            continue
        for other in extension.ids or [known.name for known in extension.options]:
            if other in option.also and other not in values:
                raise BadOption(f'{extension.name}: option "--{option.name}" also requires "--{other}".')
            if other in option.excludes and other in values:
                both = f'option "--{option.name}" cannot be used together with "--{other}".'
                raise BadOption(f"{extension.name}: {both}")
