"""ARP: who has which address on a link (RFC 826, RFC 5227), as Linux answers, asks and learns.

Reading list: net/ipv4/arp.c; the states of what is learned are in l2/nud.py.
"""

from __future__ import annotations

from collections.abc import Callable

from pystack.device import IFF_LOOPBACK, IFF_NOARP, IFF_POINTOPOINT, IFF_UP
from pystack.drop import ARP_IGNORED, ARP_MALFORMED, Drop, Outcomes
from pystack.l2.devices import Link, LinkEvent
from pystack.l2.neigh_parms import NeighParms
from pystack.l2.neigh_table import NeighTable
from pystack.l2.neighbour import Neighbour
from pystack.l2.nud import NUD_NOARP, NUD_VALID
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, Address, AddressBook, AddressEvent
from pystack.l3.conf import Confs
from pystack.l3.confirm_address import confirms
from pystack.l3.fib import Fib
from pystack.l3.fib_types import RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, Flow
from pystack.l3.proxy_arp import ProxyArp
from pystack.l3.route import Router, Rtable
from pystack.netfilter.hooks import ARP_IN, ARP_OUT, Hooks
from pystack.packet import PACKET_HOST, PACKET_LOOPBACK, PACKET_OTHERHOST, Packet
from pystack.rng import Rng
from pystack.timers import Timers
from pystack.wire import arp as wire
from pystack.wire.ethernet import ETH_HLEN, ETH_P_ARP, header
from pystack.wire.ipv4 import is_loopback, is_multicast
from pystack.wire.malformed import Malformed


class Arp:
    """Linux: net/ipv4/arp.c"""

    def __init__(
        self,
        *,
        addresses: AddressBook,
        confs: Confs,
        fib: Fib,
        router: Router,
        hooks: Hooks,
        drop: Drop,
        outcomes: Outcomes,
        timers: Timers,
        rng: Rng,
        xmit: Callable[[Packet], None],
    ) -> None:
        self._addresses = addresses
        self._confs = confs
        self._fib = fib
        self._router = router
        self._drop = drop
        self._outcomes = outcomes
        self._xmit = xmit
        self._in = hooks.arp[ARP_IN]
        self._out = hooks.arp[ARP_OUT]
        self.proxy = ProxyArp(confs=confs, timers=timers, rng=rng, drop=drop, again=self._redo)
        self.table: NeighTable  # set once it exists: the table asks through us, we answer into it

    # -- entries -------------------------------------------------------------------------------------------

    def parms_of(self, dev: Link) -> NeighParms:
        """net.ipv4.neigh.DEV"""
        return self._confs.neigh_of(dev)

    def neighbour(self, dev: Link, address: int) -> Neighbour | None:
        """The entry to send to an address by a device; None if the table is full. Linux: ip_neigh_gw4()"""
        if dev.flags & (IFF_LOOPBACK | IFF_POINTOPOINT):
            address = 0
        return self.table.lookup(dev, address) or self.table.create(dev, address, self.parms_of(dev))

    def construct(self, neigh: Neighbour) -> None:
        """Addresses that need no question. Linux: net/ipv4/arp.c arp_constructor()"""
        dev = neigh.dev
        kind = self._fib.address_type(neigh.key)
        if kind == RTN_MULTICAST:
            neigh.ha = b"\x01\x00\x5e" + (neigh.key & 0x7FFFFF).to_bytes(3, "big")
        elif dev.flags & (IFF_NOARP | IFF_LOOPBACK):
            neigh.ha = dev.address
        elif kind == RTN_BROADCAST or dev.flags & IFF_POINTOPOINT:
            neigh.ha = dev.broadcast
        else:
            return
        neigh.state = NUD_NOARP

    def on_link_event(self, event: LinkEvent, dev: Link) -> None:
        """Linux: net/ipv4/arp.c arp_netdev_event()"""
        if event is LinkEvent.CHANGEADDR:
            self.table.flush(dev)
            self._fib.changed()
            self._announce(dev)
        elif event is LinkEvent.CHANGE and not dev.carrier:
            self._carrier_lost(dev)
        elif event in (LinkEvent.DOWN, LinkEvent.UNREGISTER):
            self.table.flush(dev)
            self.proxy.flush(dev)
        elif event is LinkEvent.UP:
            self._announce(dev)

    def _carrier_lost(self, dev: Link) -> None:
        """Linux: net/core/neighbour.c neigh_carrier_down()"""
        if self._confs.all.arp_evict_nocarrier and self._confs.of(dev).arp_evict_nocarrier:
            self.table.flush(dev, keep_permanent=True)
            self.proxy.flush(dev)

    def on_address(self, event: AddressEvent, address: Address, primary: Address | None) -> None:
        """Without addresses a device speaks no IPv4. Linux: net/ipv4/fib_frontend.c fib_disable_ip()"""
        if event is AddressEvent.REMOVED and not self._addresses.of(address.dev):
            self.table.flush(address.dev)

    def _announce(self, dev: Link) -> None:
        """Linux: net/ipv4/devinet.c inetdev_send_gratuitous_arp()"""
        if not dev.flags & IFF_UP or not self._confs.knows(dev):
            return
        if max(self._confs.all.arp_notify, self._confs.of(dev).arp_notify):
            for address in self._addresses.of(dev):
                self.send(dev, wire.ARPOP_REQUEST, address.local, address.local, dev.broadcast, None)

    # -- asking --------------------------------------------------------------------------------------------

    def solicit(self, neigh: Neighbour, waiting: Packet | None) -> None:
        """Linux: net/ipv4/arp.c arp_solicit()"""
        dev = neigh.dev
        if not isinstance(dev, Link):
            return
        target, parms = neigh.key, neigh.parms
        source = self._source_for(dev, target, waiting)
        asked = neigh.probes - parms.ucast_solicit
        if asked < 0:
            known = neigh.ha if neigh.state & NUD_VALID else dev.broadcast
            return self.send(dev, wire.ARPOP_REQUEST, source, target, known, None)
        if asked >= parms.app_solicit:
            self.send(dev, wire.ARPOP_REQUEST, source, target, dev.broadcast, None)

    def _source_for(self, dev: Link, target: int, waiting: Packet | None) -> int:
        announce = max(self._confs.all.arp_announce, self._confs.of(dev).arp_announce)
        sender = 0 if waiting is None or waiting.ip is None else waiting.ip.saddr
        if sender and announce != 2 and self._fib.address_type(sender) == RTN_LOCAL:
            held = self._addresses.of(dev)
            if announce != 1 or any(one.holds(target) and one.holds(sender) for one in held):
                return sender
        return self._addresses.select(dev, target, RT_SCOPE_LINK)

    def send(
        self,
        dev: Link,
        operation: int,
        source: int,
        target: int,
        destination: bytes,
        target_mac: bytes | None,
        *,
        sender: bytes | None = None,
    ) -> None:
        """In the device's own name, unless in that of another `sender`.

        Linux: net/ipv4/arp.c arp_send_dst(), arp_create()
        """
        if dev.flags & IFF_NOARP:
            return
        tha = bytes(6) if target_mac is None else target_mac
        sha = dev.address if sender is None else sender
        message = wire.build(wire.Arp(operation, sha, source, tha, target))
        pkt = Packet(bytearray(header(destination, sha, ETH_P_ARP) + message), dev)
        pkt.network_header = ETH_HLEN
        pkt.protocol = ETH_P_ARP
        if dev.has_own_header:
            dev.finish_header(pkt)
        self._outcomes.generated += 1
        if self._out.entries:
            return self._out.run(pkt, None, dev, self._xmit)
        self._xmit(pkt)

    # -- being asked and told ------------------------------------------------------------------------------

    def arp_rcv(self, pkt: Packet) -> None:
        """Linux: net/ipv4/arp.c arp_rcv()"""
        if pkt.dev.flags & IFF_NOARP or pkt.pkt_type in (PACKET_OTHERHOST, PACKET_LOOPBACK):
            self._outcomes.consumed += 1
            return
        if not wire.has_our_lengths(pkt.data, pkt.network_header):
            return self._drop(pkt, ARP_MALFORMED)
        if self._in.entries:
            return self._in.run(pkt, pkt.dev, None, self._process)
        self._process(pkt)

    def _process(self, pkt: Packet, *, postponed: bool = False) -> None:
        """Linux: net/ipv4/arp.c arp_process()"""
        dev = pkt.dev
        message = wire.parse(pkt.data, pkt.network_header)
        if isinstance(message, Malformed) or not isinstance(dev, Link) or not self._confs.knows(dev):
            return self._drop(pkt, ARP_MALFORMED)
        if self.is_refused(message, dev):
            return self._drop(pkt, ARP_IGNORED)
        self._outcomes.consumed += 1
        if message.spa == 0:
            return self._answer_probe(message, dev)
        if message.operation == wire.ARPOP_REQUEST and self._answer(message, pkt, dev, postponed):
            return
        self._learn(message, pkt, dev)

    def _redo(self, pkt: Packet) -> None:
        """Linux: net/ipv4/arp.c parp_redo()"""
        self._process(pkt, postponed=True)

    def is_refused(self, message: wire.Arp, dev: Link) -> bool:
        """Whether it says nothing that could be heeded."""
        conf, everywhere = self._confs.of(dev), self._confs.all
        if message.operation not in (wire.ARPOP_REQUEST, wire.ARPOP_REPLY) or is_multicast(message.tpa):
            return True
        if is_loopback(message.tpa) and not (conf.route_localnet or everywhere.route_localnet):
            return True
        gratuitous = message.spa == message.tpa
        return gratuitous and bool(conf.drop_gratuitous_arp or everywhere.drop_gratuitous_arp)

    def _answer_probe(self, message: wire.Arp, dev: Link) -> None:
        """Somebody asks whether an address is free before taking it (RFC 5227)."""
        if message.operation != wire.ARPOP_REQUEST or self._fib.address_type(message.tpa) != RTN_LOCAL:
            return
        if not self.ignores(0, message.tpa, dev):
            self._reply(message, dev)

    def _answer(self, message: wire.Arp, pkt: Packet, dev: Link, postponed: bool) -> bool:
        """Whether the question was for us, answered or not."""
        route = self._router.route_input(message.tpa, message.spa, 0, 0, dev)
        if not isinstance(route, Rtable):
            return False
        if route.type != RTN_LOCAL:
            return self.proxy.answers_for(message, dev, route) and self._answer_for(
                message, pkt, dev, postponed
            )
        if self.ignores(message.spa, message.tpa, dev):
            return True
        if self.filters(message, dev):
            if isinstance(self._way_back(message), Rtable):  # a way that is missing is not counted
                self._drop.snmp.TcpExt.ArpFilter += 1
            return True
        if self._note_asker(message, dev):
            self._reply(message, dev)
        return True

    def _answer_for(self, message: wire.Arp, pkt: Packet, dev: Link, postponed: bool) -> bool:
        """Speak for another host."""
        self._note_asker(message, dev)
        if not postponed and self.proxy.is_postponed(pkt, dev):
            self._outcomes.consumed -= 1  # it is not done with yet
        else:
            self._reply(message, dev)
        return True

    def _note_asker(self, message: wire.Arp, dev: Link) -> bool:
        """Linux: net/core/neighbour.c neigh_event_ns()"""
        neigh = self.table.create(dev, message.spa, self.parms_of(dev))
        if neigh is None:
            return False
        neigh.told(message.sha, answered=False, override=True)
        return True

    def _reply(self, message: wire.Arp, dev: Link) -> None:
        self.send(dev, wire.ARPOP_REPLY, message.tpa, message.spa, message.sha, message.sha)

    def ignores(self, asker: int, target: int, dev: Link) -> bool:
        """Whether a question is not answered on this device. Linux: net/ipv4/arp.c arp_ignore()"""
        level = max(self._confs.all.arp_ignore, self._confs.of(dev).arp_ignore)
        if level in (1, 2):
            return not self._confirms(dev, asker if level == 2 else 0, target, RT_SCOPE_HOST)
        if level == 3:
            everywhere = self._addresses.devices()
            return not any(self._confirms(other, 0, target, RT_SCOPE_LINK) for other in everywhere)
        return level == 8

    def _confirms(self, dev: Link, other: int, local: int, scope: int) -> bool:
        """Linux: net/ipv4/devinet.c inet_confirm_addr()"""
        localnet = bool(self._confs.all.route_localnet or self._confs.of(dev).route_localnet)
        return confirms(self._addresses.of(dev), other, local, scope, localnet=localnet)

    def filters(self, message: wire.Arp, dev: Link) -> bool:
        """Whether the way back to who asks is another device. Linux: net/ipv4/arp.c arp_filter()"""
        if not (self._confs.all.arp_filter or self._confs.of(dev).arp_filter):
            return False
        back = self._way_back(message)
        return not isinstance(back, Rtable) or back.dev is not dev

    def _way_back(self, message: wire.Arp) -> Rtable | int:
        return self._router.route_output(Flow(message.spa, message.tpa))

    def _learn(self, message: wire.Arp, pkt: Packet, dev: Link) -> None:
        is_reply = message.operation == wire.ARPOP_REPLY
        gratuitous = self.is_gratuitous(message)
        neigh = self.table.lookup(dev, message.spa)
        if neigh is None:
            accepts = self.accepts(message.spa, dev)
            plausible = gratuitous or (is_reply and self._fib.address_type(message.spa) == RTN_UNICAST)
            if not (accepts and plausible):
                return
            neigh = self.table.create(dev, message.spa, self.parms_of(dev))
            if neigh is None:
                return
        now = self.table.context.clock.now
        override = gratuitous or now > neigh.updated + neigh.parms.lock_seconds
        answered = is_reply and pkt.pkt_type == PACKET_HOST
        neigh.told(message.sha, answered=answered, override=override)

    def accepts(self, sender: int, dev: Link) -> bool:
        """Whether one that we never asked for becomes a neighbour. Linux: net/ipv4/arp.c arp_accept()"""
        level = max(self._confs.all.arp_accept, self._confs.of(dev).arp_accept)
        if level == 2:
            return self._confirms(dev, sender, 0, RT_SCOPE_LINK)
        return level == 1

    def is_gratuitous(self, message: wire.Arp) -> bool:
        """Whether somebody tells of his own address. Linux: net/ipv4/arp.c arp_is_garp()"""
        if message.spa != message.tpa:
            return False
        if message.operation == wire.ARPOP_REPLY and message.tha != message.sha:
            return False
        return self._fib.address_type(message.spa) == RTN_UNICAST
