"""Hangs chains of nftables at the hooks of their families.

Linux: net/netfilter/nft_chain_filter.c, nft_chain_nat.c, nft_chain_route.c
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from pystack.netfilter.hooks import NETDEV_EGRESS, NETDEV_INGRESS, Hooks, HookState
from pystack.netfilter.nft import view
from pystack.netfilter.nft.table import ARP, BRIDGE, INET, IP, IP6, NUMBERS, NftBaseChain, NftTable
from pystack.netfilter.reroute import Judge, rerouting
from pystack.netfilter.table import MakeView, Point
from pystack.netfilter.tables import Tables
from pystack.netfilter.trace_nft import NftTrace
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.walk import walk
from pystack.packet import Packet

TakeOff = Callable[[], None]


class ChainHanger:
    """A nft.ruleset.Hanger, one per namespace."""

    def __init__(self, hooks: Hooks, tables: Tables, tables6: Tables) -> None:
        self._hooks = hooks
        self._tables = {IP: tables, IP6: tables6}
        self._views: Mapping[str, MakeView] = {
            IP: view.of_ipv4,
            IP6: view.of_ipv6,
            BRIDGE: view.of_bridge,
            ARP: view.of_arp,
        }

    def hang(self, table: NftTable, chain: NftBaseChain) -> TakeOff:
        """Linux: net/netfilter/nf_tables_api.c nf_tables_register_hook()"""
        if table.tracer is None:
            table.tracer = NftTrace(self._tables[IP].path, NUMBERS[table.family], table.name)
        taken_off = list(self._hang(table, chain))

        def take_off() -> None:
            for one in taken_off:
                one()

        return take_off

    def _hang(self, table: NftTable, chain: NftBaseChain) -> Iterator[TakeOff]:
        if chain.devices:
            for device in chain.devices:
                yield self._hang_at_device(table, chain, device)
            return
        # iptables and its kin have no text of a chain, and one family.
        family_word = "" if chain.spec is None else f"{table.family} "
        name = f"{family_word}{table.name}/{chain.name}"
        for family in (IP, IP6) if table.family == INET else (table.family,):
            point = self._points(family, chain.type)[chain.hook]
            judge = self._judge(family, table, chain)
            yield partial(point.unregister, point.register(judge, chain.priority, name))

    def _points(self, family: str, kind: str) -> tuple[Point, ...]:
        if kind == "nat":
            return self._tables[family].nat_points
        hooks = self._hooks
        return {IP: hooks.ip, IP6: hooks.ip6, BRIDGE: hooks.bridge, ARP: hooks.arp}[family]

    def _judge(self, family: str, table: NftTable, chain: NftBaseChain) -> Judge:
        view_of = self._views[family]

        def judge(pkt: Packet, state: HookState) -> int:
            return walk(chain, view_of(pkt, state), table.listener, table.tracer)

        if chain.type == "route" and family == IP:  # IPv6 packets of our own there are none
            return rerouting(judge, self._tables[family].path.reroute)
        return judge

    def _hang_at_device(self, table: NftTable, chain: NftBaseChain, device: str) -> TakeOff:
        name = f"{table.family} {table.name}/{chain.name} {device}"
        if table.family == INET:
            hook, judge = NETDEV_INGRESS, _inet_ingress
        else:
            hook, judge = chain.hook, _egress if chain.hook == NETDEV_EGRESS else _ingress
        return self._hooks.hang_at_device(device, hook, judge(table, chain), chain.priority, name)


def _ingress(table: NftTable, chain: NftBaseChain) -> Judge:
    return lambda pkt, state: walk(chain, view.of_ingress(pkt, state), table.listener, table.tracer)


def _egress(table: NftTable, chain: NftBaseChain) -> Judge:
    return lambda pkt, state: walk(chain, view.of_egress(pkt, state), table.listener, table.tracer)


def _inet_ingress(table: NftTable, chain: NftBaseChain) -> Judge:
    """What is not IP passes; what is malformed does not. Linux: nft_do_chain_inet_ingress()"""

    def judge(pkt: Packet, state: HookState) -> int:
        if not view.is_ip(pkt):
            return NF_ACCEPT
        seen = view.of_inet_ingress(pkt, state)
        return NF_DROP if seen is None else walk(chain, seen, table.listener, table.tracer)

    return judge
