"""The tables of ebtables and arptables in a namespace: which there are, with which chains, and whose.

As those of iptables (tables.py): a legacy table hangs at all its hooks as soon as anybody asks for it, of an
nft table only the chains that somebody used hang.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from pystack.netfilter.rule import BaseChain
from pystack.netfilter.table import LEGACY, NFT, Connections, Judge, MakeView, Point, Table
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
        connections: Connections,
    ) -> None:
        self.path = path
        self.places = places  # by owner
        self._family = family
        self._points = points
        self._connections = connections
        self._tables: dict[tuple[str, str], Table] = {}  # by owner and name, the eldest first

    def get(self, owner: str, name: str) -> Table | None:
        """A table that exists."""
        return self._tables.get((owner, name))

    def names(self, owner: str) -> list[str]:
        """Of an owner's tables that have chains, the eldest first."""
        return [name for (of, name), table in self._tables.items() if of == owner and table.chains]

    def chains_of(self, owner: str, name: str) -> list[str]:
        """The built-in chains of a table, in the order in which they are listed."""
        return [place.chain for place in self.places[owner][name]]

    def use(self, owner: str, name: str) -> Table:
        """A table, made if it is not there yet."""
        table = self._tables.get((owner, name))
        if table is None:
            view = self._view_for(owner)
            table = Table(self._family, name, owner, self._points, view, self._wrapped, self._connections)
            self._tables[owner, name] = table
            if owner == LEGACY:
                for chain in self.chains_of(owner, name):
                    self.use_chain(table, chain)
        return table

    def use_chain(self, table: Table, name: str) -> BaseChain:
        """A built-in chain, hung at its hook if it is not yet."""
        chain = table.chains.get(name)
        if chain is None:
            places = self.places[table.owner][table.name]
            place = next(place for place in places if place.chain == name)
            chain = BaseChain(name, place.hook, place.priority, NF_ACCEPT)
            chain.counts = table.owner == LEGACY  # nft's begin to count when somebody sets the policy
            table.add_chain(chain)
        assert isinstance(chain, BaseChain), f"{name} is the name of a hook"
        return chain

    def _view_for(self, owner: str) -> MakeView:
        """What rules of an owner see of a packet."""
        raise NotImplementedError

    def _wrapped(self, table: Table, chain: BaseChain, judge: Judge) -> Judge:
        """What hangs at the hook for a chain."""
        return judge


class ArpTables(FamilyTables):
    """Those of arptables."""

    def __init__(self, hooks: Hooks, path: BridgePath, connections: Connections) -> None:
        super().__init__(NFPROTO_ARP, _ARP_PLACES, hooks.arp, path, connections)

    def _view_for(self, owner: str) -> MakeView:
        """They count octets in two ways."""
        return View.of_arp if owner == NFT else View.of_legacy_arp


class BridgeTables(FamilyTables):
    """Those of ebtables."""

    def __init__(self, hooks: Hooks, path: BridgePath, connections: Connections) -> None:
        super().__init__(NFPROTO_BRIDGE, _BRIDGE_PLACES, hooks.bridge, path, connections)

    def _view_for(self, owner: str) -> MakeView:
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
