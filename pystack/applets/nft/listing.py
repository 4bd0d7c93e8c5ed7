"""Tables as a listing shows them: with what packets have changed since they were made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pystack.applets.nft.compat.rule import translated
from pystack.applets.nft.compile.live import statements_now
from pystack.applets.nft.compile.objects import object_now
from pystack.applets.nft.held import held
from pystack.applets.nft.tree.commands import ChainText, ObjectText, Priority, RuleText
from pystack.applets.nft.tree.expressions import Verdict
from pystack.applets.nft.tree.listed import ListedChain, ListedObject, ListedRule, ListedSet, ListedTable
from pystack.applets.nft.tree.statements import Decide, Statement
from pystack.netfilter.nft.kin import CompatRule
from pystack.netfilter.nft.table import Named, NftBaseChain, NftRule, NftTable
from pystack.netfilter.rule import BaseChain, Chain, Match, Rule
from pystack.netfilter.verdict import NF_ACCEPT

Wanted = Callable[[str], bool]


def everything(name: str) -> bool:
    """Of a selection: all of that kind."""
    return True


def nothing(name: str) -> bool:
    """Of a selection: none of that kind."""
    return False


def listed_table(
    table: NftTable, chains: Wanted = everything, sets: Wanted = everything, objects: Wanted = everything
) -> ListedTable:
    """A table, or what is wanted of it."""
    return ListedTable(
        table.family,
        table.name,
        table.handle,
        tuple(sorted(table.flags)),
        table.comment,
        tuple(listed_object(kind, known) for (kind, name), known in table.objects.items() if objects(name)),
        tuple(listed_set(known) for name, known in table.sets.items() if sets(name)),
        tuple(listed_chain(known) for name, known in table.chains.items() if chains(name)),
    )


def announced_chain(chain: Chain, policy: int | None) -> ListedChain:
    """Without its rules, as it is told of; perhaps with the policy that it had then."""
    listed = listed_chain(chain, rules=False)
    if policy is None or not isinstance(chain, BaseChain):
        return listed
    return replace(listed, text=replace(listed.text, policy=_policy_word(policy)))


def listed_chain(chain: Chain, *, rules: bool = True) -> ListedChain:
    """With its rules, if they are wanted."""
    text = chain.spec if isinstance(chain.spec, ChainText) else _chain_text(chain)
    text = replace(text, name=chain.name)
    if isinstance(chain, BaseChain):
        text = replace(text, policy=_policy_word(chain.policy))
    listed = tuple(listed_rule(rule) for rule in (*chain.rules, *chain.behind)) if rules else ()
    return ListedChain(text, chain.handle, listed)


def _policy_word(policy: int) -> Verdict:
    return Verdict("accept" if policy == NF_ACCEPT else "drop")


def _chain_text(chain: Chain) -> ChainText:
    """Of one that iptables or its kin made."""
    if not isinstance(chain, NftBaseChain):
        return ChainText(chain.name)
    return ChainText(
        chain.name, type=chain.type, hook=chain.hook_name, priority=Priority(None, chain.priority)
    )


def listed_rule(rule: Rule) -> ListedRule:
    """With its counters as they are."""
    if isinstance(rule, CompatRule):
        return ListedRule(translated(rule), rule.handle)
    text = rule.spec
    assert isinstance(text, RuleText), "a rule of nft's"
    return ListedRule(replace(text, statements=statements_now(rule, text.statements)), rule.handle)


def announced_rule(rule: Rule) -> ListedRule:
    """The same where it is told of one by one: chains without names, which stand in it, have names there."""
    listed = listed_rule(rule)
    chains = iter(rule.own_chains) if isinstance(rule, NftRule) else iter(())
    statements = tuple(_named(one, chains) for one in listed.text.statements)
    return ListedRule(replace(listed.text, statements=statements), rule.handle)


def _named(statement: Statement, chains: Iterator[Chain]) -> Statement:
    verdict = statement.verdict if isinstance(statement, Decide) else None
    if not isinstance(verdict, Verdict) or verdict.rules is None:
        return statement
    return Decide(Verdict(verdict.word, next(chains).name))


def listed_set(named: Named, *, elements: bool = True) -> ListedSet:
    """With its elements, if they are wanted."""
    one = held(named)
    size = one.text.size or one.elements.core.form.size or None  # which a rule that adds to it may have set
    shown = one.elements.elements() if elements else None
    return ListedSet(replace(one.text, elements=shown, size=size), named.handle)


def listed_object(kind: str, named: Named) -> ListedObject:
    """With its counts as they are."""
    text = named.spec
    assert isinstance(text, ObjectText), "an object of nft's"
    assert isinstance(named.content, Match), "an object is a statement with a name"
    return ListedObject(object_now(text, named.content), named.handle)
