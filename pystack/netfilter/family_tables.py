"""The tables of ebtables and arptables in a namespace: which there are, with which chains, and whose.

As those of iptables (tables.py): a legacy table hangs at all its hooks as soon as anybody asks for it, of an
nft table only the chains that somebody used hang.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

from pystack.netfilter.hooks import (
    ARP_FORWARD,
    ARP_IN,
    ARP_OUT,
    BROUTING,
    FORWARD,
    INPUT,
    NFPROTO_ARP,
    NFPROTO_BRIDGE,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    Hooks,
    HookState,
)
from pystack.netfilter.needs import BridgePath
from pystack.netfilter.nft.compat import CompatTable, base_chain
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.table import ARP, BRIDGE, NftBaseChain
from pystack.netfilter.rule import BaseChain
from pystack.netfilter.table import LEGACY, NFT, Judge, LegacyTable, MakeView, Point, Table
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP, NF_STOLEN
from pystack.netfilter.view import View
from pystack.packet import Packet

BROUTE: Final = "broute"
_INT_MIN: Final = -0x80000000


class Place(NamedTuple):
    """A built-in chain, and where it hangs."""

    chain: str
    hook: int
    priority: int


Places = Mapping[str, tuple[Place, ...]]  # by table, in the order in which chains are listed

# Linux: include/uapi/linux/netfilter_bridge.h enum nf_br_hook_priorities. In the kernel OUTPUT of the legacy
# filter comes behind that of nat; ebtables-nft puts its own in front.
_BRIDGE_NAT: Final = (
    Place("PREROUTING", PREROUTING, -300),
    Place("OUTPUT", OUTPUT, 100),
    Place("POSTROUTING", POSTROUTING, 300),
)
_BRIDGE_FILTER: Final = (Place("INPUT", INPUT, -200), Place("FORWARD", FORWARD, -200))
_BRIDGE_PLACES: Final[Mapping[str, Places]] = {
    NFT: {"nat": _BRIDGE_NAT, "filter": (*_BRIDGE_FILTER, Place("OUTPUT", OUTPUT, -200))},
    LEGACY: {
        "nat": _BRIDGE_NAT,
        "filter": (*_BRIDGE_FILTER, Place("OUTPUT", OUTPUT, 200)),
        BROUTE: (Place("BROUTING", BROUTING, _INT_MIN),),
    },
}

_ARP_FILTER: Final = (Place("INPUT", ARP_IN, 0), Place("OUTPUT", ARP_OUT, 0))
_ARP_PLACES: Final[Mapping[str, Places]] = {
    NFT: {"filter": _ARP_FILTER},
    LEGACY: {"filter": (*_ARP_FILTER, Place("FORWARD", ARP_FORWARD, 0))},
}


class FamilyTables:
    """One per namespace and family."""

    def __init__(
        self,
        family: int,
        places: Mapping[str, Places],
        points: tuple[Point, ...],
        path: BridgePath,
        ruleset: Ruleset,
    ) -> None:
        self.path = path
        self.places = places  # by owner
        self._family = family
        self._points = points
        self._ruleset = ruleset  # of nft, with the tables of arptables-nft and ebtables-nft
        self._tables: dict[tuple[str, str], Table] = {}  # by owner and name, the eldest first

    def get(self, owner: str, name: str) -> Table | None:
        """A table that exists."""
        return self.use(owner, name) if name in self.names(owner) else None

    def names(self, owner: str) -> list[str]:
        """Of an owner's tables that have chains, the eldest first."""
        if owner == NFT:
            return self._ruleset.names(self._word, self.places[NFT])
        return [name for (of, name), table in self._tables.items() if of == owner and table.chains]

    def chains_of(self, owner: str, name: str) -> list[str]:
        """The built-in chains of a table, in the order in which they are listed."""
        return [place.chain for place in self.places[owner][name]]

    def use(self, owner: str, name: str) -> Table:
        """A table, made if it is not there yet."""
        table = self._tables.get((owner, name))
        if table is None:
            if owner == LEGACY:
                return self._legacy(name)
            built_in = partial(self._built_in, name)
            table = self._tables[owner, name] = CompatTable(self._ruleset, self._word, name, built_in)
        return table

    def _legacy(self, name: str) -> Table:
        connections = self._ruleset.connections
        table = LegacyTable(self._family, name, self._points, self._view, self._wrapped, connections)
        self._tables[LEGACY, name] = table
        for chain in self.chains_of(LEGACY, name):
            self.use_chain(table, chain)
        return table

    @property
    def _word(self) -> str:
        """The family as nft writes it."""
        return ARP if self._family == NFPROTO_ARP else BRIDGE

    def use_chain(self, table: Table, name: str) -> BaseChain:
        """A built-in chain, hung at its hook if it is not yet."""
        chain = table.chains.get(name)
        if chain is None:
            if table.owner == LEGACY:
                places = self.places[LEGACY][table.name]
                place = next(place for place in places if place.chain == name)
                chain = BaseChain(name, place.hook, place.priority, NF_ACCEPT)
            else:
                chain = self._built_in(table.name, name)
            assert chain is not None, f"{name} is the name of a hook"
            table.add_chain(chain)
        assert isinstance(chain, BaseChain), f"{name} is the name of a hook"
        return chain

    def _built_in(self, table: str, name: str) -> NftBaseChain | None:
        """A chain of a table of arptables-nft, ebtables-nft."""
        places = self.places[NFT][table]
        place = next((place for place in places if place.chain == name), None)
        return None if place is None else base_chain(name, place.hook, place.priority)

    @property
    def _view(self) -> MakeView:
        """What rules of a legacy table see of a packet."""
        raise NotImplementedError

    def _wrapped(self, table: Table, chain: BaseChain, judge: Judge) -> Judge:
        """What hangs at the hook for a chain of such a table."""
        return judge


class ArpTables(FamilyTables):
    """Those of arptables."""

    def __init__(self, hooks: Hooks, path: BridgePath, ruleset: Ruleset) -> None:
        super().__init__(NFPROTO_ARP, _ARP_PLACES, hooks.arp, path, ruleset)

    @property
    def _view(self) -> MakeView:
        return View.of_legacy_arp


class BridgeTables(FamilyTables):
    """Those of ebtables."""

    def __init__(self, hooks: Hooks, path: BridgePath, ruleset: Ruleset) -> None:
        super().__init__(NFPROTO_BRIDGE, _BRIDGE_PLACES, hooks.bridge, path, ruleset)

    @property
    def _view(self) -> MakeView:
        return View.of_bridge

    def _wrapped(self, table: Table, chain: BaseChain, judge: Judge) -> Judge:
        """In the table broute DROP does not mean to drop a frame but not to bridge it."""
        if table.name != BROUTE:
            return judge

        def judge_and_route(pkt: Packet, state: HookState) -> int:
            """Linux: net/bridge/netfilter/ebtable_broute.c ebt_broute()"""
            if judge(pkt, state) != NF_DROP:
                return NF_ACCEPT
            self.path.route_instead(pkt)
            return NF_STOLEN

        return judge_and_route
