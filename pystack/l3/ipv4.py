"""IPv4 in one namespace: builds the parts of the path and ties them together."""

from __future__ import annotations

from dataclasses import fields

from pystack.clock import Clock
from pystack.counters import Snmp
from pystack.device import ARPHRD_LOOPBACK
from pystack.drop import NOT_A_MEMBER, Drop, Outcomes
from pystack.events import Changed, EventSink
from pystack.l2.backlog import Backlog
from pystack.l2.context import LinkContext
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l2.neigh_table import NeighTable
from pystack.l2.neighbour import Neighbour, NeighContext
from pystack.l3.address_lifetime import AddressLifetimes
from pystack.l3.address_routes import AddressRoutes
from pystack.l3.addresses import IFA_F_PERMANENT, RT_SCOPE_HOST, Address, AddressBook, AddressEvent
from pystack.l3.arp import Arp
from pystack.l3.conf import Confs
from pystack.l3.defrag import Defrag
from pystack.l3.exceptions import RouteExceptions, RouteSysctl
from pystack.l3.fib import Fib
from pystack.l3.groups import Groups
from pystack.l3.icmp import Icmp
from pystack.l3.icmp_error import IcmpErrorSender
from pystack.l3.icmp_limit import IcmpLimit
from pystack.l3.icmp_output import IcmpOutput
from pystack.l3.icmp_report import IcmpReport
from pystack.l3.igmp import Igmp
from pystack.l3.ip_forward import IpForward
from pystack.l3.ip_input import IpInput
from pystack.l3.ip_options import OptionEcho, OptionPath
from pystack.l3.ip_output import IpOutput
from pystack.l3.needs import ErrorReceiver, RawDelivery
from pystack.l3.path_choice import PathChoice
from pystack.l3.peers import Peers
from pystack.l3.pmtu import PathMtu
from pystack.l3.redirect import RedirectReceiver, RedirectSender
from pystack.l3.route import PathFns, Router
from pystack.l3.route_input import RouteInput
from pystack.l3.spec_dst import SpecificDestination
from pystack.netfilter.hooks import Hooks
from pystack.packet import Packet
from pystack.rng import Rng
from pystack.sysctl import Knob, Sysctls
from pystack.timers import Timers
from pystack.wire import icmp
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP
from pystack.wire.ipv4 import INADDR_LOOPBACK, IPPROTO_ICMP, IPPROTO_IGMP, MIN_MTU


class Ipv4:
    """Linux: net/ipv4/af_inet.c inet_init(), per namespace"""

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        timers: Timers,
        rng: Rng,
        events: EventSink,
        link: LinkContext,
        devices: DeviceTable,
        sysctls: Sysctls,
        snmp: Snmp,
        drop: Drop,
        first: Ipv4 | None = None,
    ) -> None:
        self._name = name
        self._events = events
        self._link = link
        self._clock = clock
        self._timers = timers
        self._rng = rng
        self._snmp = snmp
        self._drop = drop
        self._devices = devices
        self._sysctls = sysctls
        neigh_default = None if first is None else first.confs.neigh_default
        self.confs: Confs = Confs(sysctls, devices, rng, neigh_default)
        self.confs.on_change = self._settings_changed
        self.addresses = AddressBook(self._promotes, self._routes_localnet)
        self.lifetimes = AddressLifetimes(self.addresses, clock, timers)
        self.groups = Groups(devices)
        self.fib = Fib(devices, self._ignores_linkdown, self.addresses.select)
        self.exceptions = RouteExceptions(clock)
        self.route_sysctl = RouteSysctl()
        for entry in fields(RouteSysctl):
            sysctls.bind(("net", "ipv4", "route", entry.name), Knob(self.route_sysctl, entry.name))
        self.peers: Peers = Peers(clock, None if first is None else first.peers.sysctl)
        self._routes = AddressRoutes(self.fib, self.addresses)
        self._paths = PathFns()

    def build(self, *, loopback: Link, sockets: ErrorReceiver, raw: RawDelivery) -> None:
        """Tie the parts together; apart from __init__ because sockets need the routes and the path the
        sockets.
        """
        link, hooks, outcomes = self._link, self._link.hooks, self._link.outcomes
        self._build_router(loopback)
        self.arp = Arp(
            addresses=self.addresses,
            confs=self.confs,
            fib=self.fib,
            router=self.router,
            hooks=hooks,
            drop=self._drop,
            outcomes=outcomes,
            timers=self._timers,
            rng=self._rng,
            xmit=link.egress.dev_queue_xmit,
        )
        self.neighbours = self.arp.table = NeighTable(
            self._neigh_context(),
            self._rng,
            self.arp.construct,
            self.confs.neigh_default,
            self.confs.all_neigh,
        )
        self.output = IpOutput(
            hooks=hooks,
            confs=self.confs,
            drop=self._drop,
            outcomes=outcomes,
            snmp=self._snmp,
            rng=self._rng,
            neighbour=self.arp.neighbour,
            loop_back=self._loop_back,
            too_big=self._frag_needed,
            backlog=link.backlog,
        )
        self._build_icmp(hooks, outcomes, sockets, raw)
        self._devices.listen(self._on_link_event)
        self.addresses.listen(self._on_address)

    def _build_router(self, loopback: Link) -> None:
        choice = PathChoice(fib=self.fib, sysctl=self.confs.ipv4, rng=self._rng, state_of=self._state_of)
        incoming = RouteInput(
            loopback=loopback,
            addresses=self.addresses,
            confs=self.confs,
            fib=self.fib,
            exceptions=self.exceptions,
            paths=self._paths,
            choice=choice,
            is_member=self.groups.is_member,
            log=self._link.printk_ratelimited,
        )
        self.router = Router(
            devices=self._devices,
            loopback=loopback,
            addresses=self.addresses,
            confs=self.confs,
            fib=self.fib,
            exceptions=self.exceptions,
            paths=self._paths,
            choice=choice,
            incoming=incoming,
            is_member=self.groups.is_member,
        )

    def _build_icmp(self, hooks: Hooks, outcomes: Outcomes, sockets: ErrorReceiver, raw: RawDelivery) -> None:
        limit = IcmpLimit(self._clock, self.confs.ipv4, self.peers)
        out = IcmpOutput(
            confs=self.confs,
            router=self.router,
            output=self.output,
            snmp=self._snmp,
            limit=limit,
        )
        spec_dst = SpecificDestination(addresses=self.addresses, fib=self.fib, router=self.router)
        echo = self.option_echo = OptionEcho(clock=self._clock, fib=self.fib, spec_dst=spec_dst)
        self.icmp_errors = IcmpErrorSender(
            devices=self._devices, addresses=self.addresses, confs=self.confs, out=out, options=echo
        )
        options = OptionPath(
            host=echo,
            addresses=self.addresses,
            confs=self.confs,
            fib=self.fib,
            router=self.router,
            icmp_errors=self.icmp_errors,
            snmp=self._snmp,
            log=self._link.printk_ratelimited,
        )
        self.icmp = Icmp(
            confs=self.confs,
            out=out,
            options=echo,
            report=self._build_report(out, sockets),
            drop=self._drop,
            outcomes=outcomes,
            snmp=self._snmp,
        )
        self.defrag = Defrag(
            clock=self._clock,
            timers=self._timers,
            drop=self._drop,
            outcomes=outcomes,
            snmp=self._snmp,
            peers=self.peers,
            expired=self._reassembly_expired,
            log=self._link.printk_ratelimited,
        )
        self.input = IpInput(
            router=self.router,
            confs=self.confs,
            hooks=hooks,
            drop=self._drop,
            outcomes=outcomes,
            snmp=self._snmp,
            icmp_errors=self.icmp_errors,
            raw=raw,
            defrag=self.defrag,
            limit=limit,
            options=options,
        )
        self._bind_frag_sysctls()
        forward = IpForward(
            hooks=hooks,
            drop=self._drop,
            snmp=self._snmp,
            icmp_errors=self.icmp_errors,
            options=options,
            redirects=self._build_redirects(),
            mtu_of=self.output.mtu_of,
        )
        self.igmp = Igmp(
            clock=self._clock,
            timers=self._timers,
            rng=self._rng,
            devices=self._devices,
            addresses=self.addresses,
            confs=self.confs,
            groups=self.groups,
            router=self.router,
            output=self.output,
            drop=self._drop,
            outcomes=outcomes,
        )
        self.input.protocols[IPPROTO_IGMP] = self.igmp.igmp_rcv
        self._paths.local_deliver = self.input.ip_local_deliver
        self._paths.discard = self._discard
        self._paths.error = self.input.ip_error
        self._paths.forward = forward.ip_forward
        self._paths.output = self.output.ip_output
        self._paths.mc_output = self.output.ip_mc_output
        self.input.protocols[IPPROTO_ICMP] = self.icmp.icmp_rcv
        self._link.ingress.protocols[ETH_P_IP] = self.input.ip_rcv
        self._link.ingress.protocols[ETH_P_ARP] = self.arp.arp_rcv

    def _build_report(self, out: IcmpOutput, sockets: ErrorReceiver) -> IcmpReport:
        self.path_mtu = PathMtu(
            exceptions=self.exceptions, sysctl=self.route_sysctl, fib=self.fib, router=self.router
        )
        return IcmpReport(
            confs=self.confs,
            fib=self.fib,
            out=out,
            snmp=self._snmp,
            sockets=sockets,
            path_mtu=self.path_mtu,
            redirects=RedirectReceiver(
                addresses=self.addresses,
                confs=self.confs,
                exceptions=self.exceptions,
                fib=self.fib,
                router=self.router,
                neighbour=self.arp.neighbour,
                log=self._link.printk_ratelimited,
            ),
            log=self._link.printk_ratelimited,
        )

    def _build_redirects(self) -> RedirectSender:
        return RedirectSender(
            confs=self.confs,
            peers=self.peers,
            icmp_errors=self.icmp_errors,
            log=self._link.printk_ratelimited,
        )

    def _neigh_context(self) -> NeighContext:
        return NeighContext(
            clock=self._clock,
            timers=self._timers,
            drop=self._drop,
            xmit=self._link.egress.dev_queue_xmit,
            solicit=self.arp.solicit,
            error_report=self._link_failure,
            changed=self._neigh_changed,
        )

    def queued(self) -> int:
        """Packets that wait for a neighbour, or for the rest of their datagram."""
        return self.neighbours.context.queued + self.defrag.queued + self.arp.proxy.queued

    def _promotes(self, dev: Link) -> bool:
        return bool(self.confs.all.promote_secondaries or self.confs.of(dev).promote_secondaries)

    def _discard(self, pkt: Packet) -> None:
        """Linux: net/core/dst.c dst_discard()"""
        self._drop(pkt, NOT_A_MEMBER)

    def _routes_localnet(self, dev: Link) -> bool:
        return bool(self.confs.all.route_localnet or self.confs.of(dev).route_localnet)

    def _ignores_linkdown(self, dev: Link) -> bool:
        here = self.confs.knows(dev) and self.confs.of(dev).ignore_routes_with_linkdown
        return bool(here or self.confs.all.ignore_routes_with_linkdown)

    def _state_of(self, dev: Link, address: int) -> int | None:
        neigh = self.neighbours.lookup(dev, address)
        return None if neigh is None else neigh.state

    def _loop_back(self, pkt: Packet) -> None:
        backlog: Backlog = self._link.backlog
        backlog.enqueue(pkt, self._drop)
        if backlog.in_program:
            backlog.catch_up()

    def _settings_changed(self) -> None:
        """Cached decisions are void. Linux: rt_cache_flush(); net/ipv4/proc.c snmp_seq_show_ipstats()"""
        self._snmp.Ip.Forwarding = 1 if self.confs.all.forwarding else 2
        self._snmp.Ip.DefaultTTL = self.confs.ipv4.ip_default_ttl
        self.fib.changed()

    def _on_address(self, event: AddressEvent, address: Address, primary: Address | None) -> None:
        if event is AddressEvent.ADDED:
            self.confs.settle(address.dev)
        self.arp.on_address(event, address, primary)

    def _bind_frag_sysctls(self) -> None:
        for entry in fields(self.defrag.sysctl):
            self._sysctls.bind(("net", "ipv4", entry.name), Knob(self.defrag.sysctl, entry.name, low=0))

    def _frag_needed(self, pkt: Packet, mtu: int) -> None:
        self.icmp_errors.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, mtu)

    def _reassembly_expired(self, pkt: Packet) -> None:
        self.icmp_errors.send(pkt, icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_FRAGTIME)

    def _link_failure(self, neigh: Neighbour, pkt: Packet) -> None:
        """Linux: net/ipv4/route.c ipv4_link_failure()"""
        self.icmp_errors.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH)

    def _neigh_changed(self, neigh: Neighbour) -> None:
        if self._events.wanted:
            self._events.emit(Changed(self._name, "neigh", "new", f"{neigh.dev.name} {neigh.key:#x}"))

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        """Linux: net/ipv4/devinet.c inetdev_event(), then the FIB's and ARP's own"""
        if (
            event is LinkEvent.UP
            and dev.type == ARPHRD_LOOPBACK
            and dev.mtu >= MIN_MTU
            and self.addresses.find(dev, INADDR_LOOPBACK) is None
        ):
            self.addresses.add(
                Address(dev, INADDR_LOOPBACK, 8, scope=RT_SCOPE_HOST, flags=IFA_F_PERMANENT, label=dev.name)
            )
        if event is LinkEvent.UNREGISTER or (event is LinkEvent.CHANGEMTU and dev.mtu < MIN_MTU):
            self.addresses.flush(dev)
        if event is LinkEvent.CHANGENAME:
            self._relabel(dev)
        if event is LinkEvent.CHANGEMTU:
            self.exceptions.fit(dev)
        self._routes.on_link_event(event, dev)
        self.arp.on_link_event(event, dev)
        if event is LinkEvent.UNREGISTER:
            self.confs.forget(dev)

    def flush_routes(self) -> None:
        """Decide anew about every way, and forget what was learned of any.

        Linux: net/ipv4/route.c ipv4_sysctl_rtcache_flush()
        """
        self.exceptions.flush()
        self.fib.changed()

    def _relabel(self, dev: Link) -> None:
        """Labels follow the device's name. Linux: net/ipv4/devinet.c inetdev_changename()"""
        for index, address in enumerate(self.addresses.of(dev)):
            _, colon, tail = address.label.partition(":")
            address.label = dev.name if index == 0 else f"{dev.name}:{tail if colon else index + 1}"
