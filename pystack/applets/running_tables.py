"""The firewall of a running namespace as a setup: the commands of iptables, ip6tables, ebtables, arptables
and nft that would make it again.

Counters are not part of it: a setup says what was decided, not what came of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from pystack.applets.ebtables.spec import RuleSpec as FrameSpec
from pystack.applets.ipset.listing import saved
from pystack.applets.iptables.listing import rule_line
from pystack.applets.iptables.restore import split
from pystack.applets.nft.running import page_of, parts_lines, ruleset_lines
from pystack.applets.nft.running import rule_line as nft_line
from pystack.applets.running_words import quoted
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.nft.kin import is_nfts
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import RETURN, BaseChain, Chain, Rule
from pystack.netfilter.table import LEGACY, NFT, Table, TableSet
from pystack.netfilter.verdict import NAMES, NF_ACCEPT
from pystack.netns import Netns

_SEED: Final = re.compile(r" initval 0x[0-9a-f]+$")  # of the hash: nobody wanted it so

_Words = Callable[[Chain, Rule], Iterable[str]]


def firewall_lines(netns: Netns) -> Iterator[str]:
    """Sets, which rules ask for; then tables in the order in which they came into being."""
    for ipset in netns.ipsets:
        yield from (f"ipset {_SEED.sub('', line)}" for line in saved(ipset, Names(), ordered=False))
    kinds: tuple[tuple[TableSet, str, _Words, int], ...] = (
        (netns.tables, "iptables", _ip_words, RETURN),
        (netns.tables6, "ip6tables", _ip_words, RETURN),
        (netns.bridge_tables, "ebtables", _frame_words, NF_ACCEPT),
        (netns.arp_tables, "arptables", _ip_words, RETURN),
    )
    for tables, program, words, usual_policy in kinds:
        for table in _filled(tables, LEGACY):
            yield from _table_lines(table, f"{program}-legacy", words, usual_policy)
        for table in _filled(tables, NFT):
            yield from _nft_lines(netns, table, program, words, usual_policy)
    yield from (f"nft {quoted(line)}" for line in ruleset_lines(netns))


def _filled(tables: TableSet, owner: str) -> Iterator[Table]:
    """An owner's tables; those of nft are its where it has put anything into them."""
    found = (tables.get(owner, name) for name in tables.names(owner))
    return (table for table in found if table is not None and table.is_own)


def _table_lines(table: Table, program: str, words: _Words, usual_policy: int) -> Iterator[str]:
    """Chains first, because rules jump to them."""
    program += _option(table)
    chains = _in_order(table.chains)
    yield from _chain_lines(chains, program, usual_policy)
    for chain in chains:
        yield from (_line(program, words(chain, rule)) for rule in chain.rules)


def _nft_lines(netns: Netns, table: Table, program: str, words: _Words, usual_policy: int) -> Iterator[str]:
    """The same with what nft's users have put beside it."""
    named = table.standing
    assert isinstance(named, NftTable), "it is there"
    program += _option(table)
    page, chains = page_of(netns, named.family), _in_order(named.chains)
    yield from _chain_lines([chain for chain in chains if chain.spec is None], program, usual_policy)
    if named.sets or named.objects or any(chain.spec is not None for chain in chains):
        yield from (f"nft {quoted(line)}" for line in parts_lines(named, page))
    for chain in chains:
        for rule in chain.rules:
            if is_nfts(rule):
                yield f"nft {quoted(nft_line(named, chain, rule, page))}"
            else:
                yield _line(program, words(chain, rule))


def _option(table: Table) -> str:
    return "" if table.name == "filter" else f" -t {table.name}"


def _in_order(chains: Mapping[str, Chain]) -> list[Chain]:
    """Those that hang at hooks, then those of users by name."""
    users = sorted(chain.name for chain in chains.values() if not isinstance(chain, BaseChain))
    bases = (chain for chain in chains.values() if isinstance(chain, BaseChain))
    return [*bases, *(chains[name] for name in users)]


def _chain_lines(chains: Iterable[Chain], program: str, usual_policy: int) -> Iterator[str]:
    """Users' chains begin with the usual policy."""
    for chain in chains:
        is_base = isinstance(chain, BaseChain)
        if not is_base:
            yield f"{program} -N {quoted(chain.name)}"
        begins_with_nfts = is_base and any(map(is_nfts, chain.rules[:1]))  # which makes no chain
        if begins_with_nfts or chain.policy != (NF_ACCEPT if is_base else usual_policy):
            policy = "RETURN" if chain.policy == RETURN else NAMES[chain.policy]
            yield f"{program} -P {quoted(chain.name)} {policy}"


def _line(program: str, words: Iterable[str]) -> str:
    return f"{program} {' '.join(quoted(word) for word in words)}"


def _ip_words(chain: Chain, rule: Rule) -> list[str]:
    return split(rule_line(chain, rule))


def _frame_words(chain: Chain, rule: Rule) -> Iterator[str]:
    spec = rule.spec
    assert isinstance(spec, FrameSpec), "a table of ebtables holds rules of ebtables"
    yield from ("-A", chain.name)
    yield from spec.words(rule)
