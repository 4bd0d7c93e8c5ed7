"""What rules have counted goes over to the rules that say the same, chain by chain and in their order."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress

from pystack.applets.ebtables.spec import RuleSpec as FrameSpec
from pystack.applets.iptables.listing import rule_line
from pystack.netfilter.nft.kin import is_nfts
from pystack.netfilter.nft.set import NftSet, SetRefused
from pystack.netfilter.nft.set_element import Element
from pystack.netfilter.nft.statements.counters import Counter, Quota
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import BaseChain, Chain, Rule
from pystack.netfilter.table import LEGACY, TableSet
from pystack.netns import Netns

Chains = Mapping[str, Chain]


def inherit_rules(new: Netns, old: Netns) -> None:
    """Of every iptables, and of nft with its named counters and quotas."""
    before = dict(_tables(old))
    for key, chains in _tables(new):
        for name, chain in chains.items():
            if (its := before.get(key, {}).get(name)) is not None:
                _inherit_chain(chain, its)
    for place, table in new.nft.tables.items():
        if (known := old.nft.tables.get(place)) is not None:
            _inherit_named(table, known)


def _inherit_named(new: NftTable, old: NftTable) -> None:
    for key, named in new.objects.items():
        if key in old.objects:
            _inherit_state(named.content, old.objects[key].content)
    for name, kept in new.sets.items():
        before = old.sets.get(name)
        if before is not None and isinstance(kept.content, NftSet) and isinstance(before.content, NftSet):
            _inherit_elements(kept.content, before.content)


def _inherit_elements(new: NftSet, old: NftSet) -> None:
    """Those that rules may have added; nobody can tell them from what was typed."""
    if not (old.form.dynamic or old.form.timeouts) or new.form.fields != old.form.fields:
        return
    for one in list(old):
        if not isinstance(one.data, bytes | None):
            continue  # a verdict of the old tables, or an object
        left = max(one.expires - old.clock.jiffies, 1) if one.timeout else 0
        times = {"timeout": one.timeout, "expires": left} if one.timeout else {}
        heir = Element(one.key, one.end, one.data, statements=one.statements, comment=one.comment, **times)
        with suppress(SetRefused):  # the set is another one by now
            new.add([heir])


def _tables(netns: Netns) -> Iterator[tuple[tuple[str, ...], Chains]]:
    kinds: dict[str, TableSet] = {
        "ip": netns.tables,
        "ip6": netns.tables6,
        "arp": netns.arp_tables,
        "bridge": netns.bridge_tables,
    }
    for family, tables in kinds.items():
        for name in tables.names(LEGACY):
            table = tables.get(LEGACY, name)
            if table is not None:
                yield (family, name), table.chains
    for (family, name), own in netns.nft.tables.items():
        yield ("nft", family, name), own.chains


def _inherit_chain(new: Chain, old: Chain) -> None:
    if isinstance(new, BaseChain) and isinstance(old, BaseChain):
        new.packets += old.packets
        new.octets += old.octets
    waiting: defaultdict[str, deque[Rule]] = defaultdict(deque)
    for rule in old.rules:
        waiting[_said(old, rule)].append(rule)
    for rule in new.rules:
        if same := waiting[_said(new, rule)]:
            _inherit_rule(rule, same.popleft())


def _said(chain: Chain, rule: Rule) -> str:
    """What it says, as its user wrote it."""
    if is_nfts(rule):
        return repr(rule.spec)
    if isinstance(rule.spec, FrameSpec):
        return " ".join(rule.spec.words(rule))
    return rule_line(chain, rule)


def _inherit_rule(new: Rule, old: Rule) -> None:
    new.packets += old.packets
    new.octets += old.octets
    for mine, its in zip(new.tests, old.tests, strict=False):
        _inherit_state(mine, its)


def _inherit_state(new: object, old: object) -> None:
    """It began with the same number in both."""
    if isinstance(new, Counter) and isinstance(old, Counter):
        new.packets, new.octets = old.packets, old.octets
    elif isinstance(new, Quota) and isinstance(old, Quota):
        new.used = old.used
