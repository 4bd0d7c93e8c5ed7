"""One network namespace: builds its parts, hands each what it needs of the others, owns them.

The composition root: the only place where a lower layer is given something of a higher one.
"""

from __future__ import annotations

from pystack.clock import Clock
from pystack.counters import Snmp
from pystack.device import NetDevice
from pystack.drop import Drop, Outcomes
from pystack.events import EventSink, RulesetChanged
from pystack.l2.backlog import Backlog
from pystack.l2.context import LinkContext
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l2.loopback import Loopback
from pystack.l2.port import PortDevice
from pystack.l2.vlan_device import follow_real_device
from pystack.l3.addresses import Address, AddressEvent
from pystack.l3.br_netfilter import BrNetfilter
from pystack.l3.bridge_path import BridgePath
from pystack.l3.bridged_dnat import BridgedDnat
from pystack.l3.ipv4 import Ipv4
from pystack.l3.ipv6_defrag import Ipv6Defrag
from pystack.l3.netfilter_path import NetfilterPath
from pystack.l3.nft_devices import NftDevices
from pystack.l3.nft_routes import NftRoutes
from pystack.l3.stored_conf import StoredConf
from pystack.netfilter.conntrack.conf import Limits
from pystack.netfilter.conntrack.conntrack import Conntrack
from pystack.netfilter.family_tables import ArpTables, BridgeTables
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6, PREROUTING, Hooks
from pystack.netfilter.ipset import IpSet, IpSets
from pystack.netfilter.ipv6_path import Ipv6Path
from pystack.netfilter.nft.change import Changes
from pystack.netfilter.nft.frame_chain import with_policies
from pystack.netfilter.nft.ground import Ground
from pystack.netfilter.nft.hang import ChainHanger
from pystack.netfilter.nft.no_routes import NoRoutes
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.tables import Tables
from pystack.origins import Origins
from pystack.profile import Profile
from pystack.rng import Rng
from pystack.sock.context import SocketContext
from pystack.sock.inet_sockets import InetSockets
from pystack.sock.nft_sockets import NftSockets
from pystack.sock.packet import PacketTable
from pystack.sysctl import Knob, Stored, Sysctls
from pystack.timers import Timers
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import NONE, Offload


class Netns:
    """Devices, addresses, tables, hooks, sockets. Linux: struct net"""

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        timers: Timers,
        rng: Rng,
        events: EventSink,
        outcomes: Outcomes,
        backlog: Backlog,
        profile: Profile,
        origins: Origins,
        first: Netns | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.timers = timers
        self.rng = rng
        self.events = events
        self.profile = profile
        self.snmp = Snmp()
        self.sysctls = Sysctls(profile.hz)
        self.nsids: dict[Netns, int] = {}  # how this namespace numbers others, as `ip netns` shows it
        self.drop = Drop(name, outcomes, self.snmp, events)
        self.hooks = Hooks(self.drop, outcomes)
        self.link = LinkContext(
            clock=clock,
            timers=timers,
            rng=rng,
            events=events,
            outcomes=outcomes,
            backlog=backlog,
            drop=self.drop,
            hooks=self.hooks,
            origins=origins,
        )
        self.devices = DeviceTable(self.link, name)
        self.loopback = Loopback()
        self._build_ipv4(clock, outcomes, None if first is None else first.ipv4)
        self.stored_conf = StoredConf(self.sysctls, self.devices, of_the_host=first is None)
        flush = Knob(Stored(""), "value", readable=False, on_write=self.ipv4.flush_routes)
        self.sysctls.bind(("net", "ipv4", "route", "flush"), flush)
        self._build_conntrack(None if first is None else first.conntrack)
        self._build_tables()
        self._build_br_netfilter()
        self.devices.listen(follow_real_device)
        self.devices.register(self.loopback)

    def _build_ipv4(self, clock: Clock, outcomes: Outcomes, first: Ipv4 | None) -> None:
        self.ipv4 = Ipv4(
            self.name,
            clock=clock,
            timers=self.timers,
            rng=self.rng,
            events=self.events,
            link=self.link,
            devices=self.devices,
            sysctls=self.sysctls,
            snmp=self.snmp,
            drop=self.drop,
            first=first,
        )
        context = SocketContext(
            clock=clock,
            rng=self.rng,
            drop=self.drop,
            outcomes=outcomes,
            devices=self.devices,
            sysctls=self.sysctls,
            timers=self.timers,
        )
        self.sockets = InetSockets(context)
        self.ipv4.build(loopback=self.loopback, sockets=self.sockets, raw=self.sockets)
        self.sockets.attach(self.ipv4)
        self.raw, self.ping = self.sockets.raw, self.sockets.ping
        self.udp, self.tcp = self.sockets.udp, self.sockets.tcp
        self.packets = PacketTable(
            clock=clock, devices=self.devices, egress=self.link.egress, outcomes=outcomes
        )

    def _build_conntrack(self, first: Conntrack | None) -> None:
        limits = Limits() if first is None else first.context.limits
        self.defrag6 = Ipv6Defrag(timers=self.timers, drop=self.drop, outcomes=self.link.outcomes)
        self.defrag6.bind(self.sysctls)
        self.conntrack = Conntrack(
            clock=self.clock,
            limits=limits,
            timers=self.timers,
            hooks=self.hooks,
            defrag=self.ipv4.defrag,
            defrag6=self.defrag6,
            printk=self.link.printk,
            warn=self.link.printk_ratelimited,
        )
        self.conntrack.bind(self.sysctls, of_the_host=first is None)

    def _build_tables(self) -> None:
        path = NetfilterPath(self.ipv4, self.link, self.devices)
        path6 = Ipv6Path(self.clock, self.rng, path.printk, path.finish_checksum, path.nflog, path.traced)
        self.ipsets = IpSets(self.clock, lambda ipset: bool(self.ipset_references(ipset)))
        self.nft = Ruleset(self.conntrack)
        shared = self.conntrack, self.ipsets, self.nft
        self.tables = Tables(NFPROTO_IPV4, self.hooks, path, *shared)
        self.tables6 = Tables(NFPROTO_IPV6, self.hooks, path6, *shared)
        bridge_path = BridgePath(self.link, self.ipv4.arp, path)
        self.bridge_tables = BridgeTables(self.hooks, bridge_path, self.nft)
        self.arp_tables = ArpTables(self.hooks, bridge_path, self.nft)
        self._build_nft(path, path6)
        self.devices.listen(self._forget_device)
        self.ipv4.addresses.listen(self._forget_address)

    def _build_nft(self, path: NetfilterPath, path6: Ipv6Path) -> None:
        self.nft.hanger = ChainHanger(self.hooks, self.tables, self.tables6)
        self.nft_ground = Ground(
            clock=self.clock,
            rng=self.rng,
            devices=NftDevices(self.link, self.devices, self.ipv4),
            context=self.conntrack.context,
            paths={NFPROTO_IPV4: path, NFPROTO_IPV6: path6},
            routes={NFPROTO_IPV4: NftRoutes(self.ipv4, path), NFPROTO_IPV6: NoRoutes(path6)},
            sockets={NFPROTO_IPV4: NftSockets(self.sockets)},
            nats={NFPROTO_IPV4: self.tables.nat, NFPROTO_IPV6: self.tables6.nat},
            printk=self.link.printk,
            nflog=path.nflog,
        )

    def ruleset_changed(self, changes: Changes, program: str) -> None:
        """A batch of changes to the tables of nft holds; whoever monitors hears of it.

        Linux: net/netfilter/nf_tables_api.c nft_commit_notify()
        """
        if changes.all:
            self.nft.generation += 1
            if self.events.wanted:
                told = RulesetChanged(self.name, self.nft.generation, tuple(changes.all), program)
                self.events.emit(told)

    def end_of_command(self, program: str) -> None:
        """One of iptables or its kin is done: what it changed was a batch."""
        changes, self.nft.one_by_one = self.nft.one_by_one, Changes()
        self.ruleset_changed(with_policies(self.nft.tables.values(), changes), program)

    def ipset_references(self, ipset: IpSet) -> int:
        """How often rules of both families name a set."""
        return self.tables.references(ipset) + self.tables6.references(ipset)

    def tables_of(self, family: int) -> Tables:
        """Those of iptables, or of ip6tables."""
        return self.tables6 if family == NFPROTO_IPV6 else self.tables

    def _forget_device(self, event: LinkEvent, dev: Link) -> None:
        """Linux: net/netfilter/nf_nat_masquerade.c masq_device_event()"""
        if event is LinkEvent.DOWN:
            self.tables.nat.forget_masqueraded(dev)

    def _forget_address(self, event: AddressEvent, address: Address, primary: Address | None) -> None:
        """Linux: net/netfilter/nf_nat_masquerade.c masq_inet_event()"""
        if event is AddressEvent.REMOVED:
            self.tables.nat.forget_masqueraded(address.dev, address.peer)

    def _build_br_netfilter(self) -> None:
        dnat = BridgedDnat(
            router=self.ipv4.router,
            neighbour=self.ipv4.arp.neighbour,
            pre_routing=self.hooks.bridge[PREROUTING],
            drop=self.drop,
        )
        self.br_netfilter = BrNetfilter(link=self.link, snmp=self.snmp, dnat=dnat)
        for table in ("iptables", "ip6tables", "arptables"):
            knob = Knob(self.br_netfilter.conf, f"call_{table}", low=0, on_change=self.br_netfilter.rearm)
            self.sysctls.bind(("net", "bridge", f"bridge-nf-call-{table}"), knob)

    def add_port(self, name: str, address: bytes | None = None) -> PortDevice:
        """A device that a driver will feed; its address is drawn unless given."""
        port = PortDevice(name, self.rng.mac() if address is None else address)
        self.devices.register(port)
        return port

    def receive(self, dev: NetDevice, frame: Buffer, offload: Offload = NONE) -> None:
        """A frame arrives at a port from outside."""
        self.link.ingress.receive(dev, frame, offload)

    def queued(self) -> int:
        """Packets that wait somewhere in this namespace."""
        return self.ipv4.queued() + self.defrag6.queued

    def close(self) -> None:
        """Take all devices out; packets that wait end here."""
        for dev in [dev for dev in self.devices if dev is not self.loopback]:
            if dev.ifindex:  # not gone already with the other end of its pair
                self.devices.unregister(dev)
        self.devices.set_down(self.loopback)
        self.link.backlog.forget(self.loopback, self.drop)
        self.tcp.close()
        self.ipv4.defrag.purge()
        self.defrag6.purge()
        self.conntrack.close()
        self.ipv4.arp.proxy.purge()
