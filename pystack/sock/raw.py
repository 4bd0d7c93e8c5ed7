"""Raw IPv4 sockets: what `ping` opens. Sans-I/O: methods return at once, `on_event` says that something
changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.clock import Clock
from pystack.device import Socket
from pystack.drop import SOCKET_RCVBUFF, Drop, Outcomes
from pystack.errors import (
    EACCES,
    EADDRNOTAVAIL,
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENODEV,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
    NetError,
)
from pystack.l2.devices import DeviceTable
from pystack.l3.conf import Confs
from pystack.l3.fib import Fib
from pystack.l3.fib_types import RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, Flow
from pystack.l3.ip_output import IpOutput
from pystack.l3.route import RTCF_BROADCAST, Router, Rtable
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import HEADER, HEADER_LENGTH, IP_DF, IPPROTO_ICMP, Ipv4Header, is_multicast

DEFAULT_RCVBUF: Final = 212_992

# IP_MTU_DISCOVER: cut what is too long for the way; set DF while it is not; set DF and refuse what is.
IP_PMTUDISC_DONT: Final = 0
IP_PMTUDISC_WANT: Final = 1
IP_PMTUDISC_DO: Final = 2

_OVERHEAD: Final = 768  # what a queued packet is charged besides its octets

# errno of an ICMP "destination unreachable" by code. Linux: net/ipv4/icmp.c icmp_err_convert
_UNREACH_ERRNO: Final = (
    ENETUNREACH,
    EHOSTUNREACH,
    ENOPROTOOPT,
    ECONNREFUSED,
    EMSGSIZE,
    EOPNOTSUPP,
    ENETUNREACH,
    EHOSTDOWN,
    ENONET,
    ENETUNREACH,
    EHOSTUNREACH,
    ENETUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
    EHOSTUNREACH,
)


@dataclass(slots=True)
class Received:
    """One packet in a socket's queue."""

    data: bytes  # from the IPv4 header on
    saddr: int
    ifindex: int
    ttl: int
    stamp: float


@dataclass(slots=True)
class SocketError:
    """One entry of a socket's error queue (IP_RECVERR). Linux: struct sock_extended_err"""

    errno: int
    type: int
    code: int
    info: int
    offender: int
    quote: bytes  # the packet that failed, from its IPv4 header on


class RawTable:
    """All raw sockets of a namespace. Linux: net/ipv4/raw.c raw_v4_hashinfo"""

    def __init__(
        self, *, clock: Clock, drop: Drop, outcomes: Outcomes, devices: DeviceTable, fib: Fib, confs: Confs
    ) -> None:
        self.clock = clock
        self.sockets: list[RawSocket] = []
        self.drop = drop
        self.outcomes = outcomes
        self.devices = devices
        self.fib = fib
        self.confs = confs
        self.router: Router  # these two are built after the table that input delivers to
        self.output: IpOutput

    def attach(self, router: Router, output: IpOutput) -> None:
        """Be told the way out."""
        self.router = router
        self.output = output

    def open(self, protocol: int) -> RawSocket:
        """socket(AF_INET, SOCK_RAW, protocol)"""
        sock = RawSocket(self, protocol)
        self.sockets.append(sock)
        return sock

    def deliver(self, pkt: Packet, header: Ipv4Header) -> bool:
        """Give each socket that wants it a copy; whether any did.

        Linux: net/ipv4/raw.c raw_local_deliver()
        """
        wanted = False
        for sock in self.sockets:
            if sock.matches(pkt, header):
                wanted = True
                self.outcomes.cloned += 1
                sock.receive(pkt.clone(), header)
        return wanted

    def icmp_error(
        self, type_: int, code: int, info: int, offender: int, inner: bytes, ifindex: int
    ) -> list[Flow]:
        """Linux: net/ipv4/raw.c raw_icmp_error()"""
        _, _, _, _, _, _, protocol, _, saddr, daddr = HEADER.unpack_from(inner)
        concerned = [
            sock for sock in self.sockets if sock.protocol == protocol and sock.is_between(saddr, daddr)
        ]
        if type_ != icmp.ICMP_REDIRECT:
            for sock in concerned:
                sock.note_error(type_, code, info, offender, inner)
        return [Flow(daddr, saddr, oif=sock.ifindex, tos=sock.tos & 0x1C) for sock in concerned]


class RawSocket(Socket):
    """Linux: net/ipv4/raw.c"""

    __slots__ = (
        "_errors",
        "_held",
        "_queue",
        "_source",
        "_table",
        "broadcast",
        "connected",
        "ifindex",
        "on_event",
        "pmtudisc",
        "protocol",
        "rcvbuf",
        "recverr",
        "saddr",
        "tos",
        "ttl",
    )

    def __init__(self, table: RawTable, protocol: int) -> None:
        self._table = table
        self.protocol = protocol
        self.saddr = 0  # bind(): for whom packets must be
        self._source = 0  # with whose address it speaks; 0: the device's
        self.connected = 0
        self.ifindex = 0  # SO_BINDTODEVICE
        self.ttl = 0  # 0: the default
        self.tos = 0
        self.broadcast = False
        self.recverr = False
        self.pmtudisc = IP_PMTUDISC_WANT  # IP_MTU_DISCOVER
        self.rcvbuf = DEFAULT_RCVBUF
        self.on_event: Callable[[], None] = _nobody_waits
        self._queue: deque[Received] = deque()
        self._held = 0
        self._errors: deque[SocketError] = deque(maxlen=64)

    def close(self) -> None:
        """close()"""
        if self in self._table.sockets:
            self._table.sockets.remove(self)

    def bind(self, address: int) -> None:
        """Linux: net/ipv4/raw.c raw_bind()"""
        kind = self._table.fib.address_type(address)
        if address and kind not in (RTN_LOCAL, RTN_MULTICAST, RTN_BROADCAST):
            raise NetError(EADDRNOTAVAIL)
        self.saddr = address
        self._source = address if kind == RTN_LOCAL else 0

    def bind_to_device(self, name: str) -> None:
        """setsockopt(SO_BINDTODEVICE)"""
        if not name:
            self.ifindex = 0
            return
        dev = self._table.devices.get(name)
        if dev is None:
            raise NetError(ENODEV)
        self.ifindex = dev.ifindex

    # -- out -----------------------------------------------------------------------------------------------

    def route_to(self, daddr: int) -> tuple[Rtable, int]:
        """The way and the source that a packet from here would take; what connect() and sendto() ask."""
        oif = self.ifindex
        flow = Flow(daddr, self._source, oif=oif, tos=self.tos & 0x1C)
        route = self._table.router.route_output(flow)
        if not isinstance(route, Rtable):
            raise NetError(route)
        if route.flags & RTCF_BROADCAST and not self.broadcast:
            raise NetError(EACCES)
        return route, flow.saddr

    def send_to(self, payload: bytes, daddr: int) -> None:
        """Linux: net/ipv4/raw.c raw_sendmsg()"""
        table = self._table
        route, saddr = self.route_to(daddr)
        length = HEADER_LENGTH + len(payload)
        if length > 0xFFFF:
            raise NetError(EMSGSIZE)
        fits = length <= route.mtu
        if self.pmtudisc == IP_PMTUDISC_DO and not fits:
            raise NetError(EMSGSIZE)
        header = Ipv4Header(
            saddr,
            daddr,
            self.protocol,
            ttl=1 if is_multicast(daddr) and not self.ttl else self.ttl or table.confs.ipv4.ip_default_ttl,
            tos=self.tos,
            id=table.output.select_ident(),
            frag_off=IP_DF if self.pmtudisc != IP_PMTUDISC_DONT and fits else 0,
        )
        pkt = table.output.build(header, payload, route)
        pkt.sock = self
        if self.protocol == IPPROTO_ICMP and payload:
            table.drop.snmp.icmp_out(payload[0])
        table.output.ip_local_out(pkt)

    # -- in ------------------------------------------------------------------------------------------------

    def matches(self, pkt: Packet, header: Ipv4Header) -> bool:
        """Linux: net/ipv4/raw.c raw_v4_match()"""
        if self.protocol != header.protocol or not self.is_between(header.daddr, header.saddr):
            return False
        return self.ifindex in (0, self._seen_on(pkt))

    def _seen_on(self, pkt: Packet) -> int:
        """A looped packet was received by the device that owns its destination, not by lo.

        Linux: inet_iif()
        """
        route = pkt.route
        return route.iif if isinstance(route, Rtable) and route.iif else pkt.dev.ifindex

    def is_between(self, ours: int, theirs: int) -> bool:
        """Whether the socket is bound and connected to no other pair."""
        return self.saddr in (0, ours) and self.connected in (0, theirs)

    def receive(self, pkt: Packet, header: Ipv4Header) -> None:
        """Queue a packet that is the socket's own. Linux: net/ipv4/raw.c raw_rcv()"""
        size = len(pkt.data) - pkt.network_header + _OVERHEAD
        if self._held >= self.rcvbuf:  # as Linux: the last one may reach beyond the bound
            return self._table.drop(pkt, SOCKET_RCVBUFF)
        self._held += size
        data = bytes(pkt.data[pkt.network_header :])
        now = self._table.clock.now
        self._queue.append(Received(data, header.saddr, self._seen_on(pkt), header.ttl, now))
        self._table.outcomes.delivered += 1
        self.on_event()

    def recv(self) -> Received | None:
        """The next packet, None if there is none."""
        if not self._queue:
            return None
        received = self._queue.popleft()
        self._held -= len(received.data) + _OVERHEAD
        return received

    def note_error(self, type_: int, code: int, info: int, offender: int, quote: bytes) -> None:
        """Linux: net/ipv4/raw.c raw_err()"""
        if not self.recverr or type_ == icmp.ICMP_SOURCE_QUENCH:
            return
        errno = EPROTO if type_ == icmp.ICMP_PARAMETERPROB else EHOSTUNREACH
        if type_ == icmp.ICMP_DEST_UNREACH and code < len(_UNREACH_ERRNO):
            errno = _UNREACH_ERRNO[code]
        self._errors.append(SocketError(errno, type_, code, info, offender, quote))
        self.on_event()

    def recv_error(self) -> SocketError | None:
        """recvmsg(MSG_ERRQUEUE)"""
        return self._errors.popleft() if self._errors else None


def _nobody_waits() -> None:
    pass
