"""What a match, a watcher or a target is to ebtables: options, checks, printed form, what it compiles to.

Options and what was given to them are as for iptables; but all options are known from the start, and naming
one brings its extension along.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from pystack.applets.ebtables.header import Header
from pystack.applets.iptables.option import Option, Values
from pystack.applets.iptables.refused import Refused
from pystack.netfilter.needs import BridgePath
from pystack.netfilter.rule import CONTINUE, RETURN, Match, Target
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP

VERDICTS: Final = {"ACCEPT": NF_ACCEPT, "DROP": NF_DROP, "CONTINUE": CONTINUE, "RETURN": RETURN}


# What the legacy tool says where the kernel refuses what it had no doubts about itself.
BY_KERNEL: Final = """\
Unable to update the kernel. Two possible causes:
1. Multiple ebtables programs were executing simultaneously. The ebtables
   userspace tool doesn't by default support multiple ebtables programs running
   concurrently. The ebtables option --concurrent or a tool like flock can be
   used to support concurrent scripts that update the ebtables kernel tables.
2. The kernel doesn't support a certain ebtables extension, consider
   recompiling your kernel or insmod the extension.
"""


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
    whole_words: ClassVar[tuple[str, ...]] = ()  # options that take all of `--option=value` for their value
    tables: ClassVar[tuple[str, ...]] = ()  # in which it may stand; empty: in all
    hooks: ClassVar[tuple[str, ...]] = ()  # from which built-in chains it may be come to; empty: from all

    def check_inversion(self, option: Option, *, inverted: bool) -> None:
        """Whether there may be a `!` in front of an option; raises Refused."""

    def check_with(self, option: Option, values: Values) -> None:
        """Whether an option may come behind those that were given before; raises Refused."""

    def check(self, values: Values, header: Header) -> None:
        """Whether what was given goes together; raises Refused. Linux: xtables_match.final_check"""

    def refusal(self, values: Values, site: Site) -> str:
        """Why this may not stand here; empty if it may. The words are those of the legacy tool, which asks
        before the kernel does; the kernel has one answer for all.

        Linux: struct xt_match .checkentry
        """
        return ""

    def misplacement(self, table: str, hook: str) -> str:
        """The same of where it is come to from; `hook` is empty for a chain that nothing leads to."""
        if (self.tables and table not in self.tables) or (self.hooks and hook and hook not in self.hooks):
            return f"Wrong chain for {self.name}"
        return ""

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

    def missing(self, values: Values) -> str:
        """What the legacy tool says where something was not given that it needs."""
        return ""

    def compile(self, values: Values, site: Site) -> Target:
        """What is done."""
        raise NotImplementedError


def something_needed(values: Values) -> None:
    """Some extensions want to be told anything at all."""
    if not values:
        raise Refused("You must specify proper arguments")
