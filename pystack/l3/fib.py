"""The routing tables of a namespace and the rules that say in which order they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.errors import EAGAIN, EINVAL, ENETUNREACH, ENOBUFS, ESRCH, NetError
from pystack.l2.devices import DeviceTable, Link
from pystack.l3.fib_check import check_route
from pystack.l3.fib_info import FibInfos
from pystack.l3.fib_table import FibMatch, FibTable
from pystack.l3.fib_trie import FibTrie, IgnoresLinkdown, never
from pystack.l3.fib_types import (
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    FibResult,
    FibRoute,
    Flow,
    Nexthop,
)
from pystack.l3.nexthop_objects import NexthopObjects
from pystack.l3.rules import ECN_MASK, FR_ACT_TO_TBL, FibRule, FibRules
from pystack.wire.ipv4 import INADDR_BROADCAST, is_multicast, is_zeronet, netmask

_MAX_AUTO_TABLE: Final = 4096


SelectSource = Callable[[Link | None, int, int], int]  # by device, gateway and scope


def _no_source(dev: Link | None, gateway: int, scope: int) -> int:
    return 0


class Fib:
    """Linux: net->ipv4.fib_table_hash and its rules"""

    def __init__(
        self,
        devices: DeviceTable | None = None,
        ignores_linkdown: IgnoresLinkdown = never,
        select_source: SelectSource = _no_source,
    ) -> None:
        self.ignores_linkdown = ignores_linkdown
        self._select_source = select_source
        self._addresses_generation = 0
        self.infos = FibInfos(ignores_linkdown)
        self.objects = NexthopObjects(self, devices)
        self.tables: dict[int, FibTable] = {}  # each from its first route on
        self.rules = FibRules(devices)
        self.has_custom_local_routes = False  # since a user added one, for ever
        self.generation = 0  # rises with every change; a route of an older one must be looked up anew
        self.listeners: list[Callable[[str, FibRoute], None]] = []

    def table(self, number: int) -> FibTable:
        """The table of that number, made if it is new. Linux: net/ipv4/fib_frontend.c fib_new_table()"""
        table = self.tables.get(number)
        if table is None:
            shares = number == RT_TABLE_LOCAL and not self.rules.are_custom
            trie = self.table(RT_TABLE_MAIN).trie if shares else FibTrie(self.ignores_linkdown)
            table = self.tables[number] = FibTable(number, trie)
        return table

    def changed(self) -> None:
        """Make every cached route void. Linux: rt_cache_flush()"""
        self.generation += 1

    # -- asking --------------------------------------------------------------------------------------------

    def lookup(self, flow: Flow, *, ignore_linkstate: bool = False) -> FibResult | int:
        """A way, or an errno. Linux: include/net/ip_fib.h fib_lookup()"""
        if self.rules.are_custom:
            return self._lookup_by_rules(flow, ignore_linkstate)
        for number in (RT_TABLE_MAIN, RT_TABLE_DEFAULT):  # local's routes are among main's
            table = self.tables.get(number)
            found = None if table is None else table.lookup(flow, ignore_linkstate=ignore_linkstate)
            if found is not None and found != EAGAIN:
                return found
        return ENETUNREACH

    def _lookup_by_rules(self, flow: Flow, ignore_linkstate: bool) -> FibResult | int:
        """Linux: net/core/fib_rules.c fib_rules_lookup()"""
        for rule in self.rules.walk(flow):
            if rule.action != FR_ACT_TO_TBL:
                return rule.error
            table = self.tables.get(rule.table)
            found = None if table is None else table.lookup(flow, ignore_linkstate=ignore_linkstate)
            if found is None or found == EAGAIN:
                continue
            if isinstance(found, FibResult) and rule.suppresses(found):
                continue
            return found
        return ENETUNREACH

    def lookup_in(self, number: int, flow: Flow, *, ignore_linkstate: bool = False) -> FibResult | int | None:
        """In one table; None if it holds nothing, or is not there."""
        table = self.tables.get(number)
        return None if table is None else table.lookup(flow, ignore_linkstate=ignore_linkstate)

    def address_type(self, address: int, table: int = RT_TABLE_LOCAL) -> int:
        """What kind of address this is to us. Linux: net/ipv4/fib_frontend.c inet_addr_type_table()"""
        if is_zeronet(address) or address == INADDR_BROADCAST:
            return RTN_BROADCAST
        if is_multicast(address):
            return RTN_MULTICAST
        if table not in self.tables:
            return RTN_BROADCAST
        found = self.lookup_in(table, Flow(address))
        return found.type if isinstance(found, FibResult) else RTN_UNICAST

    def preferred_source(self, found: FibResult) -> int:
        """The route's source, or the next hop's, which is chosen anew only when addresses have changed.

        Linux: net/ipv4/fib_semantics.c fib_result_prefsrc()
        """
        hop = found.nexthop
        if found.info.prefsrc:
            return found.info.prefsrc
        if hop.saddr_generation != self._addresses_generation:
            self.choose_source(hop, found.info.scope)
        return hop.saddr

    def choose_source(self, hop: Nexthop, scope: int) -> None:
        """Linux: net/ipv4/fib_semantics.c fib_info_update_nhc_saddr()"""
        hop.saddr = self._select_source(hop.dev, hop.gateway, scope)
        hop.saddr_generation = self._addresses_generation

    # -- changing ------------------------------------------------------------------------------------------

    def add(
        self,
        route: FibRoute,
        *,
        create: bool = True,
        exclusive: bool = True,
        append: bool = False,
        replace: bool = False,
        implied: bool = False,
    ) -> None:
        """Check and add a route, a user's or one that an address implies.

        Linux: net/ipv4/fib_frontend.c inet_rtm_newroute()"""
        _check_destination(route.prefix, route.prefixlen, route.tos)
        table = self.table(route.table)
        if route.info.references and not self.infos.is_of(route.info, route.table):
            route.info = route.info.as_given()  # it belongs to another table, or to another Fib
        check_route(route, self)
        info = route.info = self.infos.share(route.info, route.table)
        if info.object is not None:
            info.follow()
        elif not info.references:
            for hop in info.nexthops:
                self.choose_source(hop, info.scope)
        self.infos.hold(info)
        try:
            replaced = table.insert(route, create=create, exclusive=exclusive, append=append, replace=replace)
        except NetError:
            self.infos.release(route.info)
            raise
        if replaced is not None:
            self.infos.release(replaced.info)
        if route.info.type == RTN_LOCAL and not implied:
            self.has_custom_local_routes = True
        self._tell("new", route)

    def delete(self, table: int, prefix: int, prefixlen: int, wanted: FibMatch, tos: int = 0) -> None:
        """Remove the first route that fits. Linux: net/ipv4/fib_frontend.c inet_rtm_delroute()"""
        _check_destination(prefix, prefixlen, tos)
        if table not in self.tables:
            raise NetError(ESRCH, "FIB table does not exist")
        self._gone(self.tables[table].delete(prefix, prefixlen, tos, wanted))

    def remove(self, route: FibRoute) -> None:
        """Take out this very route."""
        self.tables[route.table].trie.remove(route)
        self._gone(route)

    def _gone(self, route: FibRoute) -> None:
        self.infos.release(route.info)
        self._tell("del", route)

    def _tell(self, action: str, route: FibRoute) -> None:
        self.changed()
        for listener in self.listeners:
            listener(action, route)

    def add_rule(self, rule: FibRule) -> None:
        """Linux: net/ipv4/fib_rules.c fib4_rule_configure()"""
        self.rules.add(rule)
        self._unmerge()
        if rule.action == FR_ACT_TO_TBL and not rule.table:
            free = (number for number in range(1, _MAX_AUTO_TABLE + 1) if number not in self.tables)
            rule.table = next(free, 0)
            if not rule.table:
                raise NetError(ENOBUFS)
            self.table(rule.table)
        self.changed()

    def delete_rule(self, wanted: FibRule, *, any_priority: bool) -> None:
        """Remove the first rule that fits. Linux: net/core/fib_rules.c fib_nl_delrule()"""
        self.remove_rule(self.rules.find(wanted, any_priority=any_priority))

    def remove_rule(self, rule: FibRule) -> None:
        """Take out this very rule. Linux: net/ipv4/fib_rules.c fib4_rule_delete()"""
        self.rules.remove(rule)
        self._unmerge()
        self.changed()

    def _unmerge(self) -> None:
        """Keep local's routes apart from main's. Linux: net/ipv4/fib_frontend.c fib_unmerge()"""
        local, main = self.tables.get(RT_TABLE_LOCAL), self.tables.get(RT_TABLE_MAIN)
        if local is None or main is None or local.trie is not main.trie:
            return
        apart = FibTrie(self.ignores_linkdown)
        for route in list(local):
            main.trie.remove(route)
            apart.insert(route, None)
        local.trie = apart

    # -- following addresses and devices -------------------------------------------------------------------

    def device_down(self, dev: Link, *, forever: bool, removed: bool = False) -> None:
        """Routes over a device that went down are gone; its local addresses stay unless it left for ever.

        Linux: net/ipv4/fib_frontend.c fib_disable_ip()
        """
        if self.infos.device_down(dev, forever=forever, removed=removed):
            self.flush_dead()
        self.changed()

    def carrier_changed(self, dev: Link) -> None:
        """Mark the next hops over a device. Linux: net/ipv4/fib_frontend.c fib_netdev_event()"""
        if dev.carrier:
            self.infos.device_up(dev, RTNH_F_LINKDOWN)
        else:
            self.infos.carrier_lost(dev)
        self.changed()

    def device_up(self, dev: Link) -> None:
        """Next hops of routes that survived come back. Linux: net/ipv4/fib_semantics.c fib_sync_up()"""
        self.infos.device_up(dev, RTNH_F_DEAD)
        self.changed()

    def addresses_changed(self) -> None:
        """Sources are to be chosen anew, and ways. Linux: net->ipv4.dev_addr_genid, fib_inetaddr_event()"""
        self._addresses_generation += 1
        self.changed()

    def source_gone(self, address: int) -> None:
        """Routes of main that name an address that is no longer ours die. Linux: fib_sync_down_addr()"""
        if self.infos.source_gone(address):
            self.flush_dead()

    def flush_dead(self) -> None:
        """Linux: net/ipv4/fib_trie.c fib_table_flush()"""
        for table in self.tables.values():
            for route in [known for known in table if known.info.flags & RTNH_F_DEAD]:
                self.remove(route)


def _check_destination(prefix: int, prefixlen: int, tos: int) -> None:
    """Linux: net/ipv4/fib_frontend.c rtm_to_fib_config()"""
    if tos & ECN_MASK:
        raise NetError(EINVAL, "Invalid dsfield (tos): ECN bits must be 0")
    if prefix & ~netmask(prefixlen):
        raise NetError(EINVAL, "Invalid prefix for given prefix length")
