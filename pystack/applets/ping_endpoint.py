"""The raw socket of `ping`: bound as asked, with the source that the routes choose; it knows its probes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.iputils import Failure
from pystack.applets.ping_options import Options
from pystack.applets.session import Session
from pystack.errors import EACCES, EINVAL, NetError
from pystack.sock.inet import IP_PMTUDISC_DO
from pystack.sock.raw import RawSocket
from pystack.wire import icmp
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP, is_multicast

IP_MAX_MTU: Final = 0xFFFF


class Endpoint:
    """Linux: ping/ping.c ping4_run(), up to the first line it prints"""

    def __init__(self, options: Options, session: Session, heard: Callable[[], None]) -> None:
        self.options = options
        self.netns = session.netns
        self.io = session.io
        self.target = options.address
        self.source = options.source
        self.is_group = options.broadcast
        self.ident = session.host.rng.u32() & 0xFFFF if options.ident is None else options.ident
        self.sock: RawSocket = session.netns.raw.open(IPPROTO_ICMP)
        self.sock.on_event = heard

    def open(self) -> None:
        """Do all that must be done before the first probe. Raises Failure."""
        self._tell_sockets()
        self._find_source()
        self.target = self.target or self.source
        self.is_group |= is_multicast(self.target)
        self._set_options()

    def close(self) -> None:
        """Give the socket back."""
        self.sock.close()

    @property
    def mtu(self) -> int:
        """Of the way to the destination. Linux: net/ipv4/route.c ipv4_mtu()"""
        return min(self.sock.route_to(self.target)[0].mtu, IP_MAX_MTU)

    def send(self, sequence: int, payload: bytes) -> None:
        """One probe. Raises NetError."""
        self.sock.send_to(icmp.build(icmp.ICMP_ECHO, 0, self.ident, sequence, payload), self.target)

    def probe_in(self, quote: bytes) -> int | None:
        """The sequence number of our probe that an ICMP error quotes; None if it was not ours."""
        if len(quote) < HEADER_LENGTH:
            return None
        at = (quote[0] & 15) * 4
        if len(quote) < at + icmp.HEADER_LENGTH or at < HEADER_LENGTH:
            return None
        type_, _, _, ident, sequence = icmp.HEADER.unpack_from(quote, at)
        whither = int.from_bytes(quote[16:20], "big")
        if type_ != icmp.ICMP_ECHO or ident != self.ident or whither != self.target:
            return None
        return int(sequence)

    def _tell_sockets(self) -> None:
        """-v: what a real ping says of its two sockets; ours has no second one."""
        options = self.options
        if not options.verbose:
            return
        second, family = ("-1 (socktype: 0)", "AF_INET")
        if not options.only_ipv4:
            second, family = ("4 (socktype: SOCK_RAW)", "AF_UNSPEC")
        self.io.err.line(
            f"ping: sock4.fd: 3 (socktype: SOCK_RAW), sock6.fd: {second}, hints.ai_family: {family}\n"
        )
        self.io.out.line(f"ai->ai_family: AF_INET, ai->ai_canonname: '{options.target}'")

    def _find_source(self) -> None:
        """Which address probes leave with: a real ping learns it by connecting a UDP socket."""
        options, sock = self.options, self.sock
        sock.tos = options.tos
        if options.device is not None:
            self._bind_to_device(options.device)
        if self.source:
            return
        try:
            self.source = sock.route_to(self.target)[1].saddr
        except NetError as error:
            if error.number != EACCES:
                raise Failure(2, "connect", error.number) from None
            self.source = self._source_for_broadcast()
        if options.device is not None and not self._is_on(options.device):
            warning = "Warning: source address might be selected on device other than"
            self.io.err.line(f"ping: {warning}: {options.device}")

    def _source_for_broadcast(self) -> int:
        if not self.options.broadcast:
            raise Failure(
                2, "Do you want to ping broadcast? Then -b. If not, check your local firewall rules"
            )
        self.io.err.line("WARNING: pinging broadcast address")
        self.sock.broadcast = True
        try:
            return self.sock.route_to(self.target)[1].saddr
        except NetError as error:
            raise Failure(2, "connect", error.number) from None

    def _bind_to_device(self, name: str) -> None:
        try:
            self.sock.bind_to_device(name)
        except NetError as error:
            if is_multicast(self.target):
                raise Failure(2, f"unknown iface: {name}") from None
            raise Failure(2, f"SO_BINDTODEVICE {name}", error.number) from None

    def _is_on(self, device: str) -> bool:
        addresses = self.netns.ipv4.addresses
        return any(held.local == self.source and held.dev.name == device for held in addresses)

    def _set_options(self) -> None:
        options, sock = self.options, self.sock
        if options.pmtudisc is not None:
            sock.pmtudisc = options.pmtudisc
        elif self.is_group:
            sock.pmtudisc = IP_PMTUDISC_DO
        if options.strict_source:
            try:
                sock.bind(self.source)
            except NetError as error:
                raise Failure(2, "bind", error.number) from None
        sock.recverr = True
        sock.broadcast = options.broadcast
        if options.ttl == 0:
            raise Failure(2, "cannot set unicast time-to-live", EINVAL)
        sock.ttl = options.ttl or 0
