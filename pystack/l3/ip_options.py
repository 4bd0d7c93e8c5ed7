"""IPv4 options of packets that come in, pass through, or are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.clock import Clock
from pystack.counters import Snmp
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_UNIVERSE, AddressBook
from pystack.l3.conf import Confs
from pystack.l3.fib import Fib
from pystack.l3.fib_types import RTN_LOCAL, RTN_UNICAST, FibResult, Flow
from pystack.l3.needs import IcmpErrors
from pystack.l3.route import Router, Rtable
from pystack.l3.spec_dst import SpecificDestination
from pystack.packet import PACKET_HOST, Packet
from pystack.wire import icmp, ip_options, ipv4
from pystack.wire.ip_options import Fault, IpOptions
from pystack.wire.ipv4 import HEADER_LENGTH, Ipv4Header, address_text

_DAY_MS: Final = 86_400_000
_NONE: Final = IpOptions(b"")  # never changed: nobody fills in what is not there
_POINTER: Final = 2  # of a source route, from its own start
_DESTINATION: Final = 16  # in the IPv4 header


class OptionEcho:
    """What this host writes into options, and the options of its answers."""

    def __init__(self, *, clock: Clock, fib: Fib, spec_dst: SpecificDestination) -> None:
        self._clock = clock
        self._fib = fib
        self._spec_dst = spec_dst

    def echo(self, pkt: Packet, header: Ipv4Header) -> IpOptions | None:
        """The options of an answer to this packet, None if they rule one out."""
        options = header.parsed_options
        if options is None:
            return _NONE
        return ip_options.echoed(options, header.saddr, Here(self, pkt, header))

    def answer_to(self, pkt: Packet, header: Ipv4Header, options: IpOptions, source: int) -> bytes:
        """The octets of such options, ready to be sent."""
        if not options.raw:
            return b""
        return ip_options.sent(options, header.saddr, source, Here(self, pkt, header))

    def address_for(self, pkt: Packet, header: Ipv4Header) -> int:
        """The address of ours that the packet was sent to."""
        return self._spec_dst.of(pkt, header)

    def midtime(self) -> int:
        """Milliseconds since midnight UTC. Linux: net/ipv4/af_inet.c inet_current_timestamp()"""
        return int(self._clock.wall * 1000) % _DAY_MS

    def is_foreign(self, address: int) -> bool:
        """Whether an address belongs to nobody here."""
        return self._fib.address_type(address) == RTN_UNICAST


class Here:
    """This host, as the options of one packet see it."""

    def __init__(self, host: OptionEcho, pkt: Packet, header: Ipv4Header) -> None:
        self._host = host
        self._pkt = pkt
        self._header = header
        self.midtime = host.midtime
        self.is_foreign = host.is_foreign

    def address(self) -> int:
        """The address of ours that the packet was sent to."""
        return self._host.address_for(self._pkt, self._header)


class OptionPath:
    """Linux: net/ipv4/ip_options.c, net/ipv4/ip_input.c ip_rcv_options()"""

    def __init__(
        self,
        *,
        host: OptionEcho,
        addresses: AddressBook,
        confs: Confs,
        fib: Fib,
        router: Router,
        icmp_errors: IcmpErrors,
        snmp: Snmp,
        log: Callable[[str], None],
    ) -> None:
        self._host = host
        self._addresses = addresses
        self._confs = confs
        self._fib = fib
        self._router = router
        self._icmp = icmp_errors
        self._snmp = snmp
        self._log = log

    def receive(self, pkt: Packet, header: Ipv4Header, dev: Link) -> bool:
        """Read the options of a packet that was routed; False if it must be dropped.

        What is written goes into the packet, its checksum stays behind until it is forwarded, as in Linux.
        """
        read = ip_options.received(header.options, Here(self._host, pkt, header))
        options = read.options if isinstance(read, Fault) else read
        header.parsed_options = options
        self._store(pkt, header, options)
        if isinstance(read, Fault):
            self._complain(pkt, HEADER_LENGTH + read.pointer)
            self._snmp.Ip.InHdrErrors += 1
            return False
        return options.srr is None or self._follow(pkt, header, dev, options, options.srr)

    def _store(self, pkt: Packet, header: Ipv4Header, options: IpOptions) -> None:
        if options.raw != header.options:
            header.options = bytes(options.raw)
            start = pkt.network_header + HEADER_LENGTH
            pkt.writable()[start : start + len(options.raw)] = options.raw
            options.is_changed = True

    def _complain(self, pkt: Packet, pointer: int) -> None:
        self._icmp.send(pkt, icmp.ICMP_PARAMETERPROB, 0, pointer << 24)

    def _follow(self, pkt: Packet, header: Ipv4Header, dev: Link, options: IpOptions, option: int) -> bool:
        """A sender that knows the way better. Linux: net/ipv4/ip_options.c ip_options_rcv_srr()"""
        conf, everywhere = self._confs.of(dev), self._confs.all
        if not (conf.accept_source_route and everywhere.accept_source_route):
            if conf.log_martians or everywhere.log_martians:
                way = f"{address_text(header.saddr)} -> {address_text(header.daddr)}"
                self._log(f"source route option {way}")
            return False
        route = pkt.route
        if pkt.pkt_type != PACKET_HOST or not isinstance(route, Rtable):
            return False
        if route.type == RTN_UNICAST:
            if options.is_strict:
                self._complain(pkt, _DESTINATION)
            return not options.is_strict
        return route.type == RTN_LOCAL and self._next_hop(pkt, header, dev, options, option)

    def _next_hop(self, pkt: Packet, header: Ipv4Header, dev: Link, options: IpOptions, option: int) -> bool:
        length = options.length(option)
        for place in range(options.pointer(option), length + 1, 4):
            if place + 3 > length:
                self._complain(pkt, HEADER_LENGTH + option + _POINTER)
                return False
            hop = options.get(option, place - 1)
            found = self._router.route_input(hop, header.saddr, header.tos, pkt.mark, dev)
            if not isinstance(found, Rtable) or found.type not in (RTN_UNICAST, RTN_LOCAL):
                return False
            pkt.route = found
            options.is_changed = True
            if found.type != RTN_LOCAL:
                options.nexthop = hop
                return True
            header.daddr = hop
            at = pkt.network_header + _DESTINATION
            pkt.writable()[at : at + 4] = hop.to_bytes(4, "big")
        return True

    def forward(self, pkt: Packet, header: Ipv4Header, route: Rtable) -> None:
        """Write ourselves down. Linux: net/ipv4/ip_options.c ip_forward_options()"""
        options = header.parsed_options
        if options is None:
            return
        source = self._source(pkt, header, route) if options.rr_needaddr or options.nexthop else 0
        header.options = ip_options.forwarded(options, source)
        if options.nexthop:
            header.daddr = options.nexthop
        if options.is_changed:
            fresh = ipv4.build(header, header.tot_len - header.ihl)
            pkt.writable()[pkt.network_header : pkt.network_header + header.ihl] = fresh

    def _source(self, pkt: Packet, header: Ipv4Header, route: Rtable) -> int:
        """Linux: net/ipv4/route.c ip_rt_get_source()"""
        if not route.is_input:
            return header.saddr
        iif, oif = pkt.dev.ifindex, route.dev.ifindex
        flow = Flow(header.daddr, header.saddr, oif=oif, iif=iif, tos=header.tos & 0x1C, mark=pkt.mark)
        found = self._fib.lookup(flow)
        if isinstance(found, FibResult):
            return self._router.preferred_source(found)
        return self._addresses.select(route.dev, route.nexthop(header.daddr), RT_SCOPE_UNIVERSE)
