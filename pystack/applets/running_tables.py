"""The firewall of a running namespace as a setup: the commands of iptables, ip6tables, ebtables, arptables
and nft that would make it again.

Counters are not part of it: a setup says what was decided, not what came of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pystack.applets.ebtables.spec import RuleSpec as FrameSpec
from pystack.applets.ipset.listing import saved
from pystack.applets.iptables.listing import rule_line
from pystack.applets.iptables.restore import split
from pystack.applets.nft.running import ruleset_lines
from pystack.applets.running_words import quoted
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.rule import RETURN, BaseChain, Chain, Rule
from pystack.netfilter.table import LEGACY, NFT, Table, TableSet
from pystack.netfilter.verdict import NAMES, NF_ACCEPT
from pystack.netns import Netns

_OWNERS: Final = ((LEGACY, "-legacy"), (NFT, ""))

_SEED: Final = re.compile(r" initval 0x[0-9a-f]+$")  # of the hash: nobody wanted it so

_Words = Callable[[Chain, Rule], Iterable[str]]


def firewall_lines(netns: Netns) -> Iterator[str]:
    """Sets, which rules ask for; then tables in the order in which they came into being."""
    for ipset in netns.ipsets:
        yield from (f"ipset {_SEED.sub('', line)}" for line in saved(ipset, Names(), ordered=False))
    for owner, suffix in _OWNERS:
        yield from _lines(netns.tables, owner, f"iptables{suffix}", _ip_words, RETURN)
    for owner, suffix in _OWNERS:
        yield from _lines(netns.tables6, owner, f"ip6tables{suffix}", _ip_words, RETURN)
    for owner, suffix in _OWNERS:
        yield from _lines(netns.bridge_tables, owner, f"ebtables{suffix}", _frame_words, NF_ACCEPT)
    for owner, suffix in _OWNERS:
        yield from _lines(netns.arp_tables, owner, f"arptables{suffix}", _ip_words, RETURN)
    yield from (f"nft {quoted(line)}" for line in ruleset_lines(netns))


def _lines(tables: TableSet, owner: str, program: str, words: _Words, usual_policy: int) -> Iterator[str]:
    for name in tables.names(owner):
        table = tables.get(owner, name)
        assert table is not None, "it was in the list of those that are"
        if table.is_own:
            option = "" if name == "filter" else f" -t {name}"
            yield from _table_lines(table, f"{program}{option}", words, usual_policy)


def _table_lines(table: Table, program: str, words: _Words, usual_policy: int) -> Iterator[str]:
    """Chains first, because rules jump to them; users' chains begin with the usual policy."""
    users = sorted(chain.name for chain in table.chains.values() if not isinstance(chain, BaseChain))
    chains = [*table.base_chains(), *(table.chains[name] for name in users)]
    for chain in chains:
        is_base = isinstance(chain, BaseChain)
        if not is_base:
            yield f"{program} -N {quoted(chain.name)}"
        if chain.policy != (NF_ACCEPT if is_base else usual_policy):
            policy = "RETURN" if chain.policy == RETURN else NAMES[chain.policy]
            yield f"{program} -P {quoted(chain.name)} {policy}"
    for chain in chains:
        for rule in chain.rules:
            yield f"{program} {' '.join(quoted(word) for word in words(chain, rule))}"


def _ip_words(chain: Chain, rule: Rule) -> list[str]:
    return split(rule_line(chain, rule))


def _frame_words(chain: Chain, rule: Rule) -> Iterator[str]:
    spec = rule.spec
    assert isinstance(spec, FrameSpec), "a table of ebtables holds rules of ebtables"
    yield from ("-A", chain.name)
    yield from spec.words(rule)
