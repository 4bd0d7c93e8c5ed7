"""`nc`: speaks TCP or UDP from standard input, listens, or knocks at ports, as Debian's netcat-openbsd does.

Command line: nc_options.py. Passing octets on: nc_relay.py. The sockets: nc_link.py.

Linux differs: names are those of the user's own /etc; the name service is not asked.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final

from pystack.applets.iputils import parse_aton
from pystack.applets.nc_link import DatagramLink, Link, StreamLink
from pystack.applets.nc_options import HELP, USAGE, Fault, Options, Usage, parse, port_range
from pystack.applets.nc_relay import Relay
from pystack.applets.requests import Answer, Request, Steps, sleep_until, wait
from pystack.applets.session import Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.errors import ECONNREFUSED, MESSAGES, NetError, NotModelled
from pystack.sock import tcp_poll, tcp_sockopt
from pystack.sock.options import setsockopt
from pystack.sock.tcp import TcpSocket
from pystack.sock.udp import Address, UdpSocket
from pystack.wire.ipv4 import address_text

KNOCK_SECONDS: Final = 3  # UDP_SCAN_TIMEOUT
ECN_MASK: Final = 3  # two bits that are TCP's own. Linux: include/net/inet_ecn.h


def run(args: Sequence[str], session: Session) -> Steps:
    """Ends 0 if somebody was reached or heard, 1 if not."""
    err = session.io.err
    try:
        options = parse(args)
        if options.help:
            err.write(HELP)
            return 0
        names = Names() if options.numeric else (yield from load_names())
        netcat = Netcat(options, names, session)
        return (yield from netcat.listen() if options.listen else netcat.connect())
    except Usage as usage:
        err.write(f"{usage}{USAGE}")
    except Fault as fault:
        err.line(f"nc: {fault}")
    return 1


class Netcat:
    """One run. Linux: netcat.c main()"""

    def __init__(self, options: Options, names: Names, session: Session) -> None:
        self.options = options
        self.names = names
        self.netns = session.netns
        self.clock = session.host.clock
        self.io = session.io

    # -- listening -----------------------------------------------------------------------------------------

    def listen(self) -> Steps:
        """Wait for somebody, and talk to him; with -k to all who come."""
        sock = self._open()
        sock.reuse = sock.reuseport = True
        try:
            sock.bind(*self._own_address(self.options.host, self.options.ports[0]))
            yield from (self._accept(sock) if isinstance(sock, TcpSocket) else self._hear(sock))
        except NetError as error:
            raise Fault(error.text) from None
        finally:
            sock.close()
        return 0

    def _accept(self, listener: TcpSocket) -> Generator[Request, Answer, None]:
        listener.listen(1)
        self._report("Listening on", listener.rcv_saddr, listener.num)
        while True:
            while (sock := listener.accept()) is None:
                yield from wait(lambda: tcp_poll.is_readable(listener))
            try:
                self._report("Connection received on", sock.daddr, sock.dport)
                relay = self._relay(sock)
                yield from relay.run()
            finally:
                sock.close()
            if relay.has_quit or not self.options.keep:
                return

    def _hear(self, sock: UdpSocket) -> Generator[Request, Answer, None]:
        self._report("Bound on", sock.rcv_saddr, sock.num)
        if self.options.keep:
            while True:
                yield from self._relay(sock).run()
        while (first := sock.peek()) is None:
            yield from wait(lambda: bool(len(sock.queue)))
        sock.connect(first.saddr, first.sport)
        self._report("Connection received on", first.saddr, first.sport)
        yield from self._relay(sock).run()

    def _relay(self, sock: TcpSocket | UdpSocket) -> Relay:
        link: Link = StreamLink(sock) if isinstance(sock, TcpSocket) else DatagramLink(sock)
        return Relay(link, self.options, self.io, self.clock)

    def _report(self, what: str, address: int, port: int) -> None:
        if self.options.verbose:
            host = self.names.hosts.get(address) or address_text(address)
            self.io.err.line(f"{what} {host} {port}")

    # -- connecting ----------------------------------------------------------------------------------------

    def connect(self) -> Steps:
        """Try one port after the other."""
        rc = 1
        target = self._target()
        for port in [port for word in self.options.ports for port in self._ports_of(word)]:
            sock = yield from self._connected(target, port)
            if sock is None:
                continue
            try:
                rc = 0
                if self.options.verbose:
                    if isinstance(sock, UdpSocket) and not (yield from self._is_open(sock)):
                        rc = 1
                        continue
                    self._say_open(target, port)
                if self.options.scan:
                    continue
                relay = self._relay(sock)
                yield from relay.run()
                if relay.has_quit:
                    return 0
            finally:
                sock.close()
        return rc

    def _connected(self, target: int, port: int) -> Generator[Request, Answer, TcpSocket | UdpSocket | None]:
        """Linux: netcat.c remote_connect()"""
        options, sock = self.options, self._open()
        try:
            if options.source or options.port:
                self._bind(sock)
            sock.connect(target, port)
            failure = (yield from self._opened(sock)) if isinstance(sock, TcpSocket) else None
        except NetError as error:
            failure = f"failed: {error.text}"
        except BaseException:
            sock.close()
            raise
        if failure is None:
            return sock
        sock.close()
        if options.verbose:
            whom = f"{self._whom(target)} port {port} ({self._protocol})"
            self.io.err.line(f"nc: connect to {whom} {failure}")
        return None

    def _bind(self, sock: TcpSocket | UdpSocket) -> None:
        try:
            sock.bind(*self._own_address(self.options.source, self.options.port or "0"))
        except NetError as error:
            raise Fault(f"bind failed: {error.text}") from None

    def _opened(self, sock: TcpSocket) -> Generator[Request, Answer, str | None]:
        """Why there is no connection, None if there is one. Linux: netcat.c connect_with_timeout()"""
        timeout = self.options.timeout
        deadline = None if timeout < 0 else self.clock.now + timeout
        yield from wait(lambda: not tcp_poll.is_opening(sock), deadline)
        if tcp_poll.is_opening(sock):
            return "timed out: Operation now in progress"
        error = sock.error
        return f"failed: {MESSAGES[error]}" if error else None

    def _is_open(self, sock: UdpSocket) -> Generator[Request, Answer, bool]:
        """Knock; who is not refused within some seconds is taken for open. Linux: netcat.c udptest()"""
        timeout = self.options.timeout
        if self._knock(sock):
            return False
        if self._knock(sock) == ECONNREFUSED:
            return False
        for _ in range(KNOCK_SECONDS if timeout < 0 else timeout):
            yield from sleep_until(self.clock.now + 1)
            if self._knock(sock) == ECONNREFUSED:
                return False
        return True

    def _knock(self, sock: UdpSocket) -> int:
        try:
            sock.send_to(b"X")
        except NetError as error:
            return error.number
        return 0

    def _say_open(self, target: int, port: int) -> None:
        names = self.names.udp if self.options.udp else self.names.tcp
        service = f"{self._protocol}/{names.get(port, '*')}"
        self.io.err.line(f"Connection to {self._whom(target)} {port} port [{service}] succeeded!")

    # -- words ---------------------------------------------------------------------------------------------

    def _whom(self, target: int) -> str:
        host, numeric = self.options.host or "", address_text(target)
        return host if self.options.numeric or host == numeric else f"{host} ({numeric})"

    def _target(self) -> int:
        host = self.options.host or ""
        return self._address(host)

    def _address(self, host: str) -> int:
        address = parse_aton(host)
        if address is not None:
            return address
        known = self.names.addresses.get(host)
        if not known:
            raise NotModelled(f"nc: the host name {host}", ("IPv4 addresses", "names in /etc/hosts"))
        return known[0]

    def _own_address(self, host: str | None, port: str) -> Address:
        number = self.names.ports.get((self._protocol, port))
        if number is None and not port.isdigit():
            raise Fault("getaddrinfo: Servname not supported for ai_socktype")
        return 0 if host is None else self._address(host), int(port) & 0xFFFF if number is None else number

    def _ports_of(self, word: str) -> list[int]:
        known = self.names.ports.get((self._protocol, word))
        return port_range(word) if known is None else [known]

    @property
    def _protocol(self) -> str:
        return "udp" if self.options.udp else "tcp"

    def _open(self) -> TcpSocket | UdpSocket:
        """Linux: netcat.c set_common_sockopts()"""
        options, netns = self.options, self.netns
        sock = netns.udp.open() if options.udp else netns.tcp.open()
        sock.broadcast = options.broadcast
        if options.tos >= 0:
            sock.tos = options.tos if options.udp else options.tos & ~ECN_MASK
        if options.receive_buffer:
            _set(sock, "SO_RCVBUF", options.receive_buffer)
        if options.send_buffer:
            _set(sock, "SO_SNDBUF", options.send_buffer)
        if options.ttl >= 0:
            try:
                _set(sock, "IP_TTL", options.ttl)
            except NetError as error:
                raise Fault(f"set IP TTL: {MESSAGES[error.number]}") from None
        return sock


def _set(sock: TcpSocket | UdpSocket, name: str, value: int) -> None:
    if isinstance(sock, TcpSocket):
        tcp_sockopt.setsockopt(sock, name, value)
    else:
        setsockopt(sock, name, value)
