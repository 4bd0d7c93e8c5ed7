"""What raw, ping and UDP sockets have in common: addresses, options, the way out, and two queues.

Sans-I/O: every method returns at once, `on_event` says that something came. Options are plain attributes
under Linux's names; setsockopt() in options.py sets them with the kernel's checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from pystack.device import Socket
from pystack.errors import (
    EACCES,
    EADDRNOTAVAIL,
    EDESTADDRREQ,
    EMSGSIZE,
    ENETUNREACH,
    ENODEV,
    NetError,
)
from pystack.l3.fib_types import IPTOS_RT_MASK, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, Flow
from pystack.l3.route import RTCF_BROADCAST, Rtable
from pystack.packet import Packet
from pystack.sock.context import SocketContext
from pystack.sock.errors import ORIGIN_ICMP, ORIGIN_LOCAL, ErrorQueue, IcmpError, SocketError
from pystack.sock.memberships import Memberships
from pystack.sock.receive_queue import ReceiveQueue
from pystack.wire import ip_options
from pystack.wire.bpf import Program
from pystack.wire.ip_options import IpOptions
from pystack.wire.ipv4 import HEADER_LENGTH, IP_DF, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header, is_multicast

# IP_MTU_DISCOVER. Linux: include/uapi/linux/in.h
IP_PMTUDISC_DONT: Final = 0  # never set DF
IP_PMTUDISC_WANT: Final = 1  # set DF while the packet fits, else cut it
IP_PMTUDISC_DO: Final = 2  # set DF, refuse what does not fit
IP_PMTUDISC_PROBE: Final = 3  # set DF, ask the device and not the path
IP_PMTUDISC_INTERFACE: Final = 4  # never DF, ask the device
IP_PMTUDISC_OMIT: Final = 5  # the same, and cut what does not fit

DEFAULT_SNDBUF: Final = 212_992

_LONGEST: Final = 0xFFFF
_HAVE_PORTS: Final = (IPPROTO_UDP, IPPROTO_TCP)


class PacketInfo(NamedTuple):
    """By which device and with whose address one datagram leaves. Linux: IP_PKTINFO, struct in_pktinfo"""

    ifindex: int = 0
    spec_dst: int = 0


class InetSocket(Socket):
    """Linux: include/net/inet_sock.h struct inet_sock"""

    __slots__ = (
        "_ident",
        "_way",
        "bind_no_port",
        "broadcast",
        "context",
        "cookie",
        "daddr",
        "dport",
        "errors",
        "filter",
        "filter_is_locked",
        "freebind",
        "ifindex",
        "ip_options",
        "is_connected",
        "keepopen",
        "linger",
        "linger_time",
        "mark",
        "mc_addr",
        "mc_all",
        "mc_index",
        "mc_loop",
        "mc_ttl",
        "memberships",
        "min_ttl",
        "num",
        "on_event",
        "pmtudisc",
        "priority",
        "protocol",
        "queue",
        "rcv_saddr",
        "rcvtimeo",
        "recverr",
        "reuse",
        "reuseport",
        "saddr",
        "sndbuf",
        "sndtimeo",
        "told",
        "tos",
        "transparent",
        "ttl",
    )

    def __init__(self, context: SocketContext, protocol: int) -> None:
        self.context = context
        self.protocol = protocol
        self.cookie = 0  # which socket it is; 0: nobody has asked yet
        self.rcv_saddr = 0  # for whom packets must be; 0: anybody
        self.saddr = 0  # with whose address it speaks; 0: as the route says
        self.num = 0  # the local port, or a ping socket's identifier
        self.daddr = 0
        self.dport = 0
        self.is_connected = False
        self.ifindex = 0  # SO_BINDTODEVICE
        self.ip_options: IpOptions | None = None  # IP_OPTIONS
        self.mark = 0
        self.tos = 0
        self.ttl = 0  # 0: the default
        no_discovery = context.confs.ipv4.ip_no_pmtu_disc
        self.pmtudisc = IP_PMTUDISC_DONT if no_discovery else IP_PMTUDISC_WANT
        self.broadcast = False
        self.keepopen = False
        self.linger: int | None = None  # how long close() waits; None: not at all
        self.linger_time = 0  # what was said last
        self.recverr = False
        self.reuse = False
        self.reuseport = False
        self.freebind = False
        self.transparent = False
        self.mc_ttl = 1
        self.mc_loop = True
        self.mc_all = True  # also groups that others on this host joined
        self.mc_index = 0
        self.mc_addr = 0
        self.bind_no_port = False  # bind() takes no port: connect() will find one
        self.min_ttl = 0  # what arrives with less is dropped
        self.priority = 0
        self.told = 0  # what a program wants to be told beside the data (control.py)
        self.filter: Program | None = None
        self.filter_is_locked = False
        self.sndbuf = DEFAULT_SNDBUF
        self.rcvtimeo = self.sndtimeo = 0.0  # how long a program waits that waits; 0: for ever
        self.memberships = Memberships(context)
        self.queue = ReceiveQueue()
        self.errors = ErrorQueue()
        self.on_event: Callable[[], None] = _nobody_waits
        self._way: tuple[Rtable, Flow] | None = None  # to the peer, while nothing changed
        self._ident = 0

    def close(self) -> None:
        """close(): groups are left, what waits is forgotten."""
        self.memberships.leave_all()
        self.queue.clear()

    @property
    def name(self) -> tuple[int, int]:
        """getsockname(): address and port."""
        return self.rcv_saddr or self.saddr, self.num

    # -- whose it is ---------------------------------------------------------------------------------------

    def bind_address(self, address: int) -> None:
        """Take a local address, if it is one. Linux: net/ipv4/af_inet.c __inet_bind()"""
        kind = self.context.fib.address_type(address)
        if address and kind not in (RTN_LOCAL, RTN_MULTICAST, RTN_BROADCAST) and not self._may_be_foreign():
            raise NetError(EADDRNOTAVAIL)
        self.rcv_saddr = address
        self.saddr = 0 if kind in (RTN_MULTICAST, RTN_BROADCAST) else address
        self.forget_route()

    def _may_be_foreign(self) -> bool:
        """Linux: include/net/inet_sock.h inet_can_nonlocal_bind()"""
        return bool(self.freebind or self.transparent or self.context.sysctl.ip_nonlocal_bind)

    def bind_to_device(self, name: str) -> None:
        """setsockopt(SO_BINDTODEVICE); an empty name undoes it."""
        dev = self.context.devices.get(name) if name else None
        if name and dev is None:
            raise NetError(ENODEV)
        self.ifindex = 0 if dev is None else dev.ifindex
        self.forget_route()

    def forget_route(self) -> None:
        """Something changed that decides about the way. Linux: sk_dst_reset()"""
        self._way = None

    def connect_address(self, daddr: int, dport: int) -> None:
        """Fix the peer, and with it our own address. Linux: net/ipv4/datagram.c __ip4_datagram_connect()"""
        self.forget_route()
        if not daddr or not self.saddr:  # the first lookup chooses the addresses, the second the way
            _, flow = self.route_to(daddr, dport, is_allowed=True)
            daddr, saddr = flow.daddr, flow.saddr
        else:
            saddr = self.saddr
        route, flow = self.route_to(daddr, dport, saddr)
        self.saddr = self.saddr or flow.saddr
        self.rcv_saddr = self.rcv_saddr or flow.saddr
        self.daddr, self.dport = flow.daddr, dport
        self.is_connected = True
        self._ident = self.context.rng.below(0x10000)
        self._way = route, flow

    # -- out -----------------------------------------------------------------------------------------------

    def route_to(
        self,
        daddr: int,
        dport: int = 0,
        saddr: int = 0,
        *,
        is_allowed: bool = False,
        info: PacketInfo | None = None,
    ) -> tuple[Rtable, Flow]:
        """The way that a packet from here would take, and the addresses it would have. Raises NetError.

        `is_allowed`: ask without caring whether broadcasts may be sent.
        """
        oif, saddr = self.ifindex, saddr or self.saddr
        if info is not None:
            oif, saddr = info.ifindex or oif, info.spec_dst
        if is_multicast(daddr):
            oif, saddr = oif or self.mc_index, saddr or self.mc_addr
        flow = Flow(
            daddr,
            saddr,
            oif=oif,
            tos=self.tos & IPTOS_RT_MASK,
            mark=self.mark,
            proto=self.protocol,
            sport=self.num if self.protocol in _HAVE_PORTS else 0,
            dport=dport,
        )
        route = self.context.router.route_output(flow, any_source=self.transparent)
        if not isinstance(route, Rtable):
            if route == ENETUNREACH:
                self.count_no_route()
            raise NetError(route)
        if route.flags & RTCF_BROADCAST and not self.broadcast and not is_allowed:
            raise NetError(EACCES)
        return route, flow

    def count_no_route(self) -> None:
        self.context.snmp.Ip.OutNoRoutes += 1

    def way_to_peer(self) -> tuple[Rtable, Flow]:
        """The way of a connected socket, asked for again only after a change. Raises NetError.

        Linux: net/core/sock.c sk_dst_check()
        """
        way = self._way
        if way is None or not self.context.router.is_current(way[0]):
            way = self._way = self.route_to(self.daddr, self.dport)
        return way

    def destination(self, to: tuple[int, int] | None) -> tuple[int, int]:
        """Address and port for sendto(), or the peer's. Raises NetError."""
        if to is not None:
            return to
        if not self.is_connected:
            raise NetError(EDESTADDRREQ)
        return self.daddr, self.dport

    def fail_if_error_pends(self) -> None:
        """An ICMP error makes the next call fail, whatever it is."""
        if number := self.errors.take_pending():
            raise NetError(number)

    def make_packet(self, segment: bytes, route: Rtable, flow: Flow) -> Packet:
        """An IPv4 packet around a transport segment, with all that the options say. Raises NetError.

        Linux: net/ipv4/ip_output.c __ip_append_data(), __ip_make_skb()
        """
        pmtudisc, daddr, options = self.pmtudisc, flow.daddr, b""
        if self.ip_options is not None:
            options = ip_options.sent(self.ip_options, daddr, flow.saddr, self.context)
        length = HEADER_LENGTH + len(options) + len(segment)
        may_be_cut = pmtudisc < IP_PMTUDISC_DO or pmtudisc == IP_PMTUDISC_OMIT
        mtu = min(route.mtu if pmtudisc < IP_PMTUDISC_PROBE else route.dev.mtu, _LONGEST)
        if length > (_LONGEST if may_be_cut else mtu):
            self._note_local_error(EMSGSIZE, daddr, mtu - len(options))
            raise NetError(EMSGSIZE)
        must_not = pmtudisc in (IP_PMTUDISC_DO, IP_PMTUDISC_PROBE)
        learns = pmtudisc == IP_PMTUDISC_WANT and not route.is_mtu_locked
        df = IP_DF if must_not or (learns and length <= route.mtu) else 0
        unicast_ttl = self.ttl or self.context.output.ttl_for(route)
        header = Ipv4Header(
            flow.saddr,
            daddr,
            self.protocol,
            ttl=self.mc_ttl if route.type == RTN_MULTICAST else unicast_ttl,
            tos=self.tos,
            id=self._next_ident(df and not may_be_cut),
            frag_off=df,
            options=options,
        )
        pkt = self.context.output.build(header, segment, route)
        pkt.sock = self
        pkt.mark = self.mark
        return pkt

    def _next_ident(self, is_never_cut: int) -> int:
        """Linux: include/net/ip.h ip_select_ident_segs()"""
        if self.is_connected:
            self._ident = (self._ident + 1) & 0xFFFF
            return self._ident
        return 0 if is_never_cut else self.context.output.select_ident()

    # -- errors --------------------------------------------------------------------------------------------

    def _note_local_error(self, errno: int, daddr: int, info: int) -> None:
        """Linux: net/ipv4/ip_sockglue.c ip_local_error()"""
        if self.recverr:
            now = self.context.clock.now
            self.errors.put(SocketError(errno, ORIGIN_LOCAL, 0, 0, info, 0, daddr, b"", now, self.dport))

    def take_error(self, error: IcmpError, errno: int, *, is_hard: bool) -> None:
        """What datagram sockets do with what an ICMP error says: keep it, report it, or neither.

        Linux: net/ipv4/udp.c __udp4_lib_err(), net/ipv4/ping.c ping_err()
        """
        if error.is_frag_needed:
            if self.pmtudisc == IP_PMTUDISC_DONT:
                return
            is_hard = True
        if self.recverr:
            self.queue_error(error, errno)
        elif not (is_hard and self.is_connected):
            return
        self.report_error(errno)

    def queue_error(self, error: IcmpError, errno: int) -> None:
        """Linux: net/ipv4/ip_sockglue.c ip_icmp_error()"""
        type_, code, info, offender, quote = error
        daddr, now = error.addresses[1], self.context.clock.now
        queued = SocketError(errno, ORIGIN_ICMP, type_, code, info, offender, daddr, quote, now)
        if quote[9] in _HAVE_PORTS:
            start = (quote[0] & 15) * 4 + 2
            queued.dport = int.from_bytes(quote[start : start + 2], "big")
        self.errors.put(queued)

    def flow_of(self, error: IcmpError) -> list[Flow]:
        """How the socket asks for the way of the packet that failed; none if it goes by its device alone.

        Linux: net/ipv4/route.c ipv4_sk_update_pmtu(), ipv4_sk_redirect()
        """
        if error.is_frag_needed and self.pmtudisc in (IP_PMTUDISC_INTERFACE, IP_PMTUDISC_OMIT):
            return []
        saddr, daddr = error.addresses
        tos, mark = self.tos & IPTOS_RT_MASK, self.mark
        return [Flow(daddr, saddr, oif=self.ifindex, tos=tos, mark=mark, proto=self.protocol)]

    def report_error(self, errno: int) -> None:
        """Let the next call fail, and wake who waits. Linux: sk_error_report()"""
        self.errors.pending = errno
        self.on_event()

    def recv_error(self) -> SocketError | None:
        """recvmsg(MSG_ERRQUEUE)"""
        return self.errors.take()

    # -- in ------------------------------------------------------------------------------------------------

    def is_between(self, ours: int, theirs: int) -> bool:
        """Whether the socket is bound and connected to no other pair."""
        return self.rcv_saddr in (0, ours) and self.daddr in (0, theirs)

    def hears_group(self, group: int, ifindex: int) -> bool:
        """Whether packets to a group are for this socket. Linux: net/ipv4/igmp.c ip_mc_sf_allow()"""
        return not is_multicast(group) or self.mc_all or self.memberships.has(group, ifindex)


def seen_on(pkt: Packet) -> int:
    """A looped packet was received by the device that owns its destination, not by lo. Linux: inet_iif()"""
    route = pkt.route
    return route.iif if isinstance(route, Rtable) and route.iif else pkt.dev.ifindex


def _nobody_waits() -> None:
    pass
