"""The tables of iptables in a namespace: which there are, with which chains, at which hooks, and whose.

A legacy table hangs at all its hooks as soon as anybody asks for it, as the kernel's module does; of an nft
table only the chains that somebody used hang. Those of `nat` are asked once for each connection (nat.py).
"""

from __future__ import annotations

from functools import partial
from typing import Final

from pystack.netfilter.conntrack.conntrack import Conntrack
from pystack.netfilter.hooks import (
    FORWARD,
    INPUT,
    IP_HOOK_NAMES,
    NFPROTO_IPV6,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    Hooks,
)
from pystack.netfilter.ipset import IpSet, IpSets
from pystack.netfilter.matches.hashlimit import Buckets
from pystack.netfilter.matches.recent import RecentLists
from pystack.netfilter.nat.for_helpers import ForHelpers
from pystack.netfilter.nat.point import NatPoints
from pystack.netfilter.nat.setup import Nat
from pystack.netfilter.needs import Path
from pystack.netfilter.nft.compat import CompatTable, base_chain
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.table import IP, IP6, NftBaseChain
from pystack.netfilter.reroute import rerouting
from pystack.netfilter.rule import BaseChain
from pystack.netfilter.table import LEGACY, NFT, Judge, LegacyTable, Table
from pystack.netfilter.trace import LegacyTrace
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.netfilter.view import View

NAT: Final = "nat"

# Linux: include/uapi/linux/netfilter_ipv4.h enum nf_ip_hook_priorities
_DST: Final = -100
_SRC: Final = 100
_PRIORITIES: Final[dict[str, dict[int, int]]] = {
    "raw": dict.fromkeys((PREROUTING, OUTPUT), -300),
    "mangle": dict.fromkeys((PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING), -150),
    NAT: {PREROUTING: _DST, INPUT: _SRC, OUTPUT: _DST, POSTROUTING: _SRC},
    "filter": dict.fromkeys((INPUT, FORWARD, OUTPUT), 0),
    "security": dict.fromkeys((INPUT, FORWARD, OUTPUT), 50),
}
TABLE_NAMES: Final = tuple(_PRIORITIES)


class Tables:
    """One per namespace and family."""

    def __init__(
        self, family: int, hooks: Hooks, path: Path, conntrack: Conntrack, ipsets: IpSets, ruleset: Ruleset
    ) -> None:
        self.path = path
        self.conntrack = conntrack
        self.ipsets = ipsets  # those of the namespace: both families' rules ask them
        self.recent = RecentLists()
        self.buckets: dict[str, Buckets] = {}  # of -m hashlimit, by name
        self._family = family
        self._points = hooks.ip6 if family == NFPROTO_IPV6 else hooks.ip
        self.nat = Nat(conntrack.context, path.rng)
        if family != NFPROTO_IPV6:
            conntrack.context.nat = ForHelpers(self.nat, path.rng)
        self.nat_points = NatPoints(self._points, self.nat, path.reroute).by_hook
        self._ruleset = ruleset  # of nft, with the tables of iptables-nft
        self._tables: dict[tuple[str, str], Table] = {}  # by owner and name, the eldest first

    def get(self, owner: str, name: str) -> Table | None:
        """A table that exists."""
        return self.use(owner, name) if name in self.names(owner) else None

    def names(self, owner: str) -> list[str]:
        """Of an owner's tables that exist, the eldest first; to others nobody did anything."""
        if owner == NFT:
            return self._ruleset.names(self._word, TABLE_NAMES)
        return [name for (of, name), table in self._tables.items() if of == owner and table.exists]

    def references(self, ipset: IpSet) -> int:
        """How often rules name a set."""
        chains = [chain for table in self._tables.values() for chain in table.chains.values()]
        return sum(rule.references(ipset) for chain in chains for rule in chain.rules)

    def use(self, owner: str, name: str) -> Table:
        """A table of iptables, made if it is not there yet."""
        table = self._tables.get((owner, name))
        if table is None:
            if owner == LEGACY:
                return self._legacy(name)
            built_in = partial(_built_in, name)
            table = self._tables[owner, name] = CompatTable(self._ruleset, self._word, name, built_in)
        return table

    def _legacy(self, name: str) -> Table:
        points = self.nat_points if name == NAT else self._points
        view = View.of_ipv6 if self._family == NFPROTO_IPV6 else View.of_ipv4
        table = LegacyTable(self._family, name, points, view, self._wrapped, self.conntrack)
        table.tracer = LegacyTrace(self.path, name)
        self._tables[LEGACY, name] = table
        for chain in chains_of(name):
            self.use_chain(table, chain)
        return table

    @property
    def _word(self) -> str:
        """The family as nft writes it."""
        return IP6 if self._family == NFPROTO_IPV6 else IP

    def use_chain(self, table: Table, name: str) -> BaseChain:
        """A built-in chain, hung at its hook if it is not yet."""
        chain = table.chains.get(name)
        if chain is None:
            if table.owner == LEGACY:
                hook = IP_HOOK_NAMES.index(name)
                chain = BaseChain(name, hook, _PRIORITIES[table.name][hook], NF_ACCEPT)
            else:
                chain = _built_in(table.name, name)
            assert chain is not None, f"{name} is the name of a hook"
            table.add_chain(chain)
        assert isinstance(chain, BaseChain), f"{name} is the name of a hook"
        return chain

    def _wrapped(self, table: Table, chain: BaseChain, judge: Judge) -> Judge:
        """What hangs at the hook for a chain: a packet of ours that mangle changed may have another way."""
        if (table.name, chain.hook) != ("mangle", OUTPUT) or self._family == NFPROTO_IPV6:
            return judge  # IPv6 packets of our own there are none
        return rerouting(judge, self.path.reroute)


def _built_in(table: str, name: str) -> NftBaseChain | None:
    """A chain of a table of iptables-nft."""
    if name not in chains_of(table):
        return None
    hook = IP_HOOK_NAMES.index(name)
    return base_chain(name, hook, _PRIORITIES[table][hook], _type_of(table, hook))


def _type_of(table: str, hook: int) -> str:
    """Of a chain of nft's."""
    if table == NAT:
        return "nat"
    return "route" if (table, hook) == ("mangle", OUTPUT) else "filter"


def chains_of(name: str) -> list[str]:
    """The built-in chains of a table, in the order in which they are listed."""
    return [IP_HOOK_NAMES[hook] for hook in _PRIORITIES[name]]
