"""The two sockets of `ping`: a UDP one that asks for the source, and the one that probes.

The second is a ping socket where net.ipv4.ping_group_range lets our group have one, else a raw one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.iputils import Failure
from pystack.applets.ping_options import Options
from pystack.applets.ping_route import OPTIONS_LENGTH, RECORD_ROUTE, timestamps
from pystack.applets.session import Session
from pystack.errors import EACCES, NetError
from pystack.sock.inet import IP_PMTUDISC_DO, InetSocket
from pystack.sock.options import set_ip_options, setsockopt
from pystack.sock.ping import PingSocket
from pystack.sock.raw import RawSocket
from pystack.sock.receive_queue import Received
from pystack.wire import icmp
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP, is_multicast

PROBE_PORT: Final = 1025
# Of ICMP only answers, advice and errors reach a raw socket of ping.
_WANTED: Final = (*icmp.ERROR_TYPES, icmp.ICMP_ECHOREPLY)
_LEAST_RCVBUF: Final = 65_536


class Endpoint:
    """Linux: ping/ping.c ping4_run(), up to the first line it prints"""

    def __init__(self, options: Options, session: Session, heard: Callable[[], None]) -> None:
        self.options = options
        self.netns = session.netns
        self.io = session.io
        self.target = options.address
        self.source = options.source
        self.is_group = options.broadcast
        self.ident = options.ident
        self.sock: RawSocket | PingSocket = self._open()
        self.sock.on_event = heard
        if self.ident is None and isinstance(self.sock, RawSocket):
            self.ident = session.host.rng.u32() & 0xFFFF

    def _open(self) -> RawSocket | PingSocket:
        """Linux: ping/ping.c create_socket()"""
        if self.ident != 0:  # a ping socket cannot have that
            try:
                return self.netns.ping.open()
            except NetError:
                pass  # no group of ours is in the range
        return self.netns.raw.open(IPPROTO_ICMP)

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

    def send(self, sequence: int, payload: bytes) -> None:
        """One probe. Raises NetError."""
        probe = icmp.build(icmp.ICMP_ECHO, 0, self.ident or 0, sequence, payload)
        self.sock.send_to(probe, self.target)

    def message_in(self, received: Received, room: int) -> bytes | None:
        """The ICMP message of what came, as far as there is room for it; None if there is none in it."""
        if isinstance(self.sock, PingSocket):
            return received.data[:room]
        data = received.data[:room]
        start = (data[0] & 15) * 4
        return None if len(data) < start + icmp.HEADER_LENGTH else data[start:]

    def options_in(self, received: Received) -> bytes:
        """The IP options that an answer brought."""
        if isinstance(self.sock, PingSocket):
            return received.options
        return received.data[HEADER_LENGTH : (received.data[0] & 15) * 4]

    @property
    def options_length(self) -> int:
        """What ping adds to the length of its packets for the options it asks for."""
        asks = self.options.record_route or self.options.timestamp is not None
        return OPTIONS_LENGTH if asks else 0

    def is_ours(self, ident: int) -> bool:
        """Whether an identifier says that a message is about our probes. Linux: ping_common.c is_ours()"""
        return isinstance(self.sock, PingSocket) or ident == self.ident

    def probe_in(self, quote: bytes) -> int | None:
        """The sequence number of our probe that an ICMP error quotes; None if it was not ours."""
        if len(quote) < HEADER_LENGTH:
            return None
        at = (quote[0] & 15) * 4
        if len(quote) < at + icmp.HEADER_LENGTH or at < HEADER_LENGTH:
            return None
        type_, _, _, ident, sequence = icmp.HEADER.unpack_from(quote, at)
        whither = int.from_bytes(quote[16:20], "big")
        if type_ != icmp.ICMP_ECHO or not self.is_ours(ident) or whither != self.target:
            return None
        return int(sequence)

    def _tell_sockets(self) -> None:
        """-v: what a real ping says of its sockets for both families; ours has none for IPv6."""
        options = self.options
        if not options.verbose:
            return
        if self.ident == 0:
            self.io.err.line("ping: WARNING: ident 0 => forcing raw socket")
        kind = "SOCK_DGRAM" if isinstance(self.sock, PingSocket) else "SOCK_RAW"
        second, family = ("-1 (socktype: 0)", "AF_INET")
        if not options.only_ipv4:
            second, family = (f"4 (socktype: {kind})", "AF_UNSPEC")
        self.io.err.line(
            f"ping: sock4.fd: 3 (socktype: {kind}), sock6.fd: {second}, hints.ai_family: {family}\n"
        )
        self.io.out.line(f"ai->ai_family: AF_INET, ai->ai_canonname: '{options.target}'")

    # -- the source ----------------------------------------------------------------------------------------

    def _find_source(self) -> None:
        """Which address probes leave with: what a connected UDP socket gets."""
        options, sock = self.options, self.sock
        sock.tos = options.tos
        if self.source:
            if options.device is not None:
                self._bind_to_device(sock, options.device)
            return
        probe = self.netns.udp.open()
        try:
            if options.device is not None:
                self._bind_to_device(probe, options.device)
                self._bind_to_device(sock, options.device)
            probe.tos, probe.mark = options.tos, options.mark or 0
            try:
                probe.connect(self.target, PROBE_PORT)
            except NetError as error:
                if error.number != EACCES:
                    raise
                self._permit_broadcast()
                probe.broadcast = True
                probe.connect(self.target, PROBE_PORT)
            self.source = probe.saddr
        except NetError as error:
            raise Failure(2, "connect", error.number) from None
        finally:
            probe.close()
        if options.device is not None and not self._is_on(options.device):
            warning = "Warning: source address might be selected on device other than"
            self.io.err.line(f"ping: {warning}: {options.device}")

    def _permit_broadcast(self) -> None:
        if not self.options.broadcast:
            raise Failure(
                2, "Do you want to ping broadcast? Then -b. If not, check your local firewall rules"
            )
        self.io.err.line("WARNING: pinging broadcast address")

    def _bind_to_device(self, sock: InetSocket, name: str) -> None:
        try:
            sock.bind_to_device(name)
        except NetError as error:
            if is_multicast(self.target):
                raise Failure(2, f"unknown iface: {name}") from None
            raise Failure(2, f"SO_BINDTODEVICE {name}", error.number) from None

    def _is_on(self, device: str) -> bool:
        addresses = self.netns.ipv4.addresses
        return any(held.local == self.source and held.dev.name == device for held in addresses)

    # -- options -------------------------------------------------------------------------------------------

    def _set_options(self) -> None:
        options, sock = self.options, self.sock
        if options.pmtudisc is not None:
            sock.pmtudisc = options.pmtudisc
        elif self.is_group:
            sock.pmtudisc = IP_PMTUDISC_DO
        self._bind()
        if isinstance(sock, RawSocket):
            sock.icmp_filter = 0xFFFFFFFF & ~sum(1 << type_ for type_ in _WANTED)
        sock.recverr = True
        if options.record_route:
            set_ip_options(sock, RECORD_ROUTE)
        elif options.timestamp is not None:
            set_ip_options(sock, timestamps(options.timestamp))
        sock.broadcast = options.broadcast
        sock.mc_loop = not options.no_loop
        if options.ttl is not None:
            sock.mc_ttl = options.ttl
            try:
                setsockopt(sock, "IP_TTL", options.ttl)
            except NetError as error:
                raise Failure(2, "cannot set unicast time-to-live", error.number) from None
        if options.mark is not None:
            sock.mark = options.mark
        setsockopt(sock, "SO_RCVBUF", max(self._cost() * options.preload, _LEAST_RCVBUF))

    def _bind(self) -> None:
        sock = self.sock
        try:
            if isinstance(sock, PingSocket) and self.ident is not None:
                sock.bind(self.source, self.ident)
            elif self.options.strict_source:
                sock.bind(self.source)
        except NetError as error:
            raise Failure(2, "bind", error.number) from None

    def _cost(self) -> int:
        """What ping thinks that one packet takes of a buffer."""
        message = self.options.size + icmp.HEADER_LENGTH
        return message + (message + 511) // 512 * (self.options_length + HEADER_LENGTH + 16 + 64 + 160)
