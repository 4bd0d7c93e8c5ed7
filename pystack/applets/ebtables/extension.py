"""What a match, a watcher or a target is to ebtables: options, checks, printed form, what it compiles to.

Options and what was given to them are as for iptables; but all options are known from the start, and naming
one brings its extension along.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from pystack.applets.ebtables.header import Header
from pystack.applets.iptables.option import Option, Values
from pystack.applets.iptables.refused import Refused
from pystack.netfilter.needs import BridgePath
from pystack.netfilter.rule import CONTINUE, RETURN, Match, Target
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP

VERDICTS = {"ACCEPT": NF_ACCEPT, "DROP": NF_DROP, "CONTINUE": CONTINUE, "RETURN": RETURN}


@dataclass(frozen=True, slots=True)
class Site:
    """Where a rule is to stand, and what its header says."""

    path: BridgePath
    table: str
    in_base_chain: bool
    nft: bool
    header: Header


class Extension:
    """Of matches, watchers and targets alike."""

    name: ClassVar[str]
    options: ClassVar[tuple[Option, ...]] = ()
    tables: ClassVar[tuple[str, ...]] = ()  # in which it may stand; empty: in all
    hooks: ClassVar[tuple[str, ...]] = ()  # from which built-in chains it may be come to; empty: from all

    def check_inversion(self, option: Option, *, inverted: bool) -> None:
        """Whether there may be a `!` in front of an option; raises Refused."""

    def check_with(self, option: Option, values: Values) -> None:
        """Whether an option may come behind those that were given before; raises Refused."""

    def check(self, values: Values, header: Header) -> None:
        """Whether what was given goes together; raises Refused. Linux: xtables_match.final_check"""

    def is_refused(self, values: Values, site: Site) -> bool:
        """Whether the kernel refuses this here. Linux: struct xt_match .checkentry"""
        return bool(self.tables) and site.table not in self.tables

    def prepared(self, values: Values) -> Values:
        """What the kernel keeps of what was given."""
        return values

    def text(self, values: Values) -> str:
        """As it is printed, in the order of `options`, with a blank behind it."""
        text, is_prefix = "", False
        for word in self.words(values):
            text += f'"{word}" ' if is_prefix else f"{word} "
            is_prefix = word.endswith("log-prefix")
        return text

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        for option in self.options:
            given = values.get(option.name)
            if given is None:
                continue
            yield f"--{option.name}"
            yield from ("!",) if given.inverted else ()
            yield option.show(given.value)


class MatchExtension(Extension):
    """What a frame must be like."""

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """All that must hold."""
        raise NotImplementedError


class WatcherExtension(MatchExtension):
    """Tells of a frame."""


class TargetExtension(Extension):
    """`-j NAME`"""

    def compile(self, values: Values, site: Site) -> Target:
        """What is done."""
        raise NotImplementedError


def something_needed(values: Values) -> None:
    """Some extensions want to be told anything at all."""
    if not values:
        raise Refused("You must specify proper arguments")
