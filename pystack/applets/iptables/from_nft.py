"""Rules that nft's users put into tables of iptables-nft, as iptables reads them.

Linux: iptables/nft.c nft_is_table_compatible(), nft-shared.c nft_rule_to_iptables_command_state()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.iptables.nft_words import words_of
from pystack.applets.iptables.owner import NFT_OWNER, NFT_OWNER6
from pystack.applets.iptables.parser import Parser
from pystack.applets.iptables.refused import OTHER_PROBLEM, Refused
from pystack.applets.iptables.spec import RuleSpec
from pystack.applets.nft.compile.live import statements_now
from pystack.applets.nft.tree import statements as tree
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import Binary, Expression, Lookup, Meta, Payload, RawPayload
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled
from pystack.netfilter.hooks import NFPROTO_IPV6
from pystack.netfilter.nft.kin import is_nfts
from pystack.netfilter.rule import Chain, Rule
from pystack.netfilter.table import Table

_READ: Final = (Payload, RawPayload, Meta)
_USE_NFT: Final = "use 'nft' tool"


def own_spec(rule: Rule) -> RuleSpec | None:
    """What iptables itself said of a rule; None of one that nft's users put there."""
    return rule.spec if isinstance(rule.spec, RuleSpec) else None


def check_rules(table: Table, name: str = "") -> None:
    """Raise Refused if iptables cannot read a table, or the one chain that is asked for."""
    for chain in table.chains.values():
        if name in ("", chain.name) and not all(_is_readable(rule) for rule in chain.rules):
            where = f"chain `{name}' in table" if name else "table"
            raise Refused(f"{where} `{table.name}' is incompatible, {_USE_NFT}.", OTHER_PROBLEM)


def remarks(table: Table) -> Iterator[str]:
    """In front of a listing: that it does not show all."""
    if table.hides_chains:
        yield f"# Table `{table.name}' contains incompatible base-chains, {_USE_NFT} to list them."


def rules_seen(table: Table, chain: Chain) -> list[Rule]:
    """The rules of a chain, in the words of iptables. Raises NotModelled."""
    return [seen(table, chain, rule) for rule in chain.rules]


def seen(table: Table, chain: Chain, rule: Rule) -> Rule:
    """A rule that stands for one of nft's users; counted is what it counts itself."""
    if not is_nfts(rule):
        return rule
    text = rule.spec
    assert isinstance(text, RuleText), "a rule of nft's"
    statements = statements_now(rule, text.statements)
    words = words_of(statements)
    if words is None:
        refused = f"iptables where nft has put a rule with such an expression into {table.name} {chain.name}"
        raise NotModelled(refused, ("nft list ruleset",))
    owner = NFT_OWNER6 if table.family == NFPROTO_IPV6 else NFT_OWNER
    (spec,) = Parser(["-A", chain.name, *words], Names(), owner, table.name).parse().specs()
    stand_in = Rule((), rule.target, spec, rule.origin)
    counter = next((one for one in statements if isinstance(one, tree.Counter)), tree.Counter())
    stand_in.packets, stand_in.octets = counter.packets, counter.octets
    return stand_in


def _is_readable(rule: Rule) -> bool:
    text = rule.spec
    if not isinstance(text, RuleText):
        return True
    return all(_is_read(statement) for statement in text.statements)


def _is_read(statement: tree.Statement) -> bool:
    """Whether the kernel's expression is one that the tool knows. Linux: nft.c nft_is_expr_compatible()"""
    match statement:
        case tree.Match(left=left):
            return _is_known(left)
        case tree.Decide(verdict=Lookup(key=key)):
            return _is_known(key)
        case tree.Decide() | tree.Counter():
            return True
        case tree.Assign(target=target, value=value):
            return _is_known(target) and not isinstance(value, Lookup)
        case tree.Limit(over=over, octets=octets):
            return not over and not octets
        case tree.Log(group=group):
            return group is not None
    return False


def _is_known(left: Expression) -> bool:
    if isinstance(left, Binary):
        return _is_known(left.left)
    return isinstance(left, _READ)
