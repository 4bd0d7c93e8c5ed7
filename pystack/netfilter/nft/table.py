"""A table of nftables with its chains, sets and objects, and the handles by which they are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from pystack.errors import EOPNOTSUPP
from pystack.netfilter.hooks import (
    NFPROTO_ARP,
    NFPROTO_BRIDGE,
    NFPROTO_INET,
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    NFPROTO_NETDEV,
)
from pystack.netfilter.nft.own_names import OwnNames
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.rule import BaseChain, Chain, Match, Rule, Target
from pystack.netfilter.walk import Listener, Tracer

IP: Final = "ip"
IP6: Final = "ip6"
INET: Final = "inet"
ARP: Final = "arp"
BRIDGE: Final = "bridge"
NETDEV: Final = "netdev"

NUMBERS: Final = {
    IP: NFPROTO_IPV4,
    IP6: NFPROTO_IPV6,
    INET: NFPROTO_INET,
    ARP: NFPROTO_ARP,
    BRIDGE: NFPROTO_BRIDGE,
    NETDEV: NFPROTO_NETDEV,
}

DORMANT: Final = "dormant"
OWNER: Final = "owner"


class NftRule(Rule):
    """A rule, and what it leans on. Linux: struct nft_rule"""

    __slots__ = ("jumps", "own_chains", "own_sets", "places", "uses")

    def __init__(
        self, tests: tuple[Match, ...], target: Target | None, spec: object, origin: str = ""
    ) -> None:
        super().__init__(tests, target, spec, origin)
        self.jumps: tuple[Chain, ...] = ()  # where it leads, also by sets of its own
        self.uses: tuple[Named, ...] = ()  # sets and objects that it asks
        self.places: tuple[Place, ...] = ()  # where its statements may stand
        self.own_sets: tuple[Named, ...] = ()  # those that stand in it
        self.own_chains: tuple[Chain, ...] = ()  # of its blocks of rules, which are in no table

    @property
    def connection_users(self) -> int:
        """Its own, and those of its blocks."""
        inside = sum(rule.connection_users for chain in self.own_chains for rule in chain.rules)
        return super().connection_users + inside


class Place:
    """Where a statement may stand: at which hooks, and in chains of which type.

    Linux: net/netfilter/nf_tables_api.c nft_chain_validate_hooks(), nft_chain_validate_dependency()
    """

    __slots__ = ("fault", "hooks", "type")

    def __init__(self, hooks: Collection[str], kind: str = "", *, fault: int = EOPNOTSUPP) -> None:
        self.hooks = hooks
        self.type = kind  # "": of any
        self.fault = fault  # the errno with which the kernel refuses it elsewhere

    def takes(self, chain: NftBaseChain) -> bool:
        """Whether packets of a base chain may come there."""
        return chain.hook_name in self.hooks and self.type in ("", chain.type)


class NftBaseChain(BaseChain):
    """A chain that hangs at hooks. Linux: struct nft_base_chain"""

    __slots__ = ("devices", "hook_name", "type")

    def __init__(self, name: str, hook: int, priority: int, policy: int) -> None:
        super().__init__(name, hook, priority, policy)
        self.counts = False
        self.type = "filter"  # "nat", "route"
        self.hook_name = ""  # as nft writes it
        self.devices: tuple[str, ...] = ()  # of ingress and egress


class Named:
    """A set, map or object. Linux: struct nft_set, struct nft_object"""

    __slots__ = ("content", "handle", "name", "spec")

    def __init__(self, name: str, spec: object, content: object) -> None:
        self.name = name
        self.spec = spec  # as the front end read it, for printing
        self.content = content
        self.handle = 0

    @property
    def connection_users(self) -> int:
        """Whether what an object does needs connections to be tracked, from its making on."""
        return int(isinstance(self.content, Match) and self.content.uses_connections)

    @property
    def chains(self) -> Collection[Chain]:
        """Where the elements of a verdict map lead."""
        content = self.content
        return content.chains() if isinstance(content, NftSet) and content.form.is_map else ()

    @property
    def objects(self) -> Collection[object]:
        """What the elements of a map of objects name."""
        content = self.content
        return content.objects() if isinstance(content, NftSet) and content.form.holds_objects else ()


class NftTable:
    """Linux: struct nft_table"""

    __slots__ = (
        "_handles",
        "chains",
        "comment",
        "family",
        "flags",
        "handle",
        "listener",
        "name",
        "objects",
        "own_names",
        "sets",
        "tracer",
    )

    def __init__(self, family: str, name: str, handle: int) -> None:
        self.family = family  # as nft writes it
        self.name = name
        self.handle = handle
        self.flags: frozenset[str] = frozenset()
        self.comment = ""
        self.chains: dict[str, Chain] = {}  # in the order of their making
        self.sets: dict[str, Named] = {}
        self.objects: dict[tuple[str, str], Named] = {}  # by kind and name
        self.listener: Listener | None = None
        self.tracer: Tracer | None = None  # of packets that `meta nftrace set 1` marked
        self.own_names = OwnNames()
        self._handles = 0

    def next_handle(self) -> int:
        """A number that nothing in the table had, nor will have.

        Linux: net/netfilter/nf_tables_api.c nf_tables_alloc_handle()
        """
        self._handles += 1
        return self._handles

    def base_chains(self) -> Iterator[NftBaseChain]:
        """Those that hang at hooks."""
        return (chain for chain in self.chains.values() if isinstance(chain, NftBaseChain))

    def rules(self) -> Iterator[NftRule]:
        """Of all chains."""
        for chain in self.chains.values():
            yield from rules_of(chain)

    def leads_to(self, chain: Chain) -> bool:
        """Whether a rule, or an element of a map, leads to a chain."""
        return chain.references > 0 or any(chain in named.chains for named in self.sets.values())

    def is_used(self, named: Named) -> bool:
        """Whether a rule asks a set or an object, or a map names it."""
        if any(named.content in known.objects for known in self.sets.values()):
            return True
        return any(named in rule.uses for rule in self.rules())


def rules_of(chain: Chain) -> Iterator[NftRule]:
    """A chain of a table here has no others."""
    for rule in chain.rules:
        assert isinstance(rule, NftRule), "rules of nftables alone come into its tables"
        yield rule
